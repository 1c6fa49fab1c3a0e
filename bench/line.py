"""One keep-alive connection that asks, waits for the answer, and asks again.

Requests come ready-made, answers are read only as far as needed, so that the load takes little of
the machine it shares with what it measures.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator
from time import perf_counter
from typing import Final, cast

from msgspec import Struct

Answer = tuple[int, bytes]  # status, body
Errand = Generator[bytes, Answer, int]
"""One operation: yields requests, is sent their answers, returns how much it got done."""

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"\r\ncontent-length:"


class UnexpectedAnswer(Exception):
    """Not what the errand needed; the errand is given up and counted as failed."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status} {body[:200].decode(errors='replace')}")


class Tally:
    """What happened within the window: operations, answers by status, and how long each took."""

    def __init__(self, begins_s: float, ends_s: float) -> None:
        self.begins_s = begins_s  # instants of `perf_counter`
        self.ends_s = ends_s
        self.done = 0  # within the window
        self.done_ever = 0
        self.latencies_s: list[float] = []
        self.request_latencies_s: defaultdict[int, list[float]] = defaultdict(list)
        self.statuses: Counter[int] = Counter()
        self.failures: Counter[str] = Counter()

    def answered(self, step: int, status: int, began_s: float, now_s: float) -> None:
        """One request, the errand's `step`-th, was answered."""
        self.statuses[status] += 1
        if self.begins_s <= now_s < self.ends_s:
            self.request_latencies_s[step].append(now_s - began_s)

    def completed(self, done: int, began_s: float, now_s: float) -> None:
        """One errand reached its end."""
        self.done_ever += done
        if self.begins_s <= now_s < self.ends_s:
            self.done += done
            self.latencies_s.append(now_s - began_s)


class Framing(Struct):
    """Cuts answers out of the bytes as they arrive."""

    buffer: bytearray = bytearray()
    wanted: int = 0  # bytes of the whole answer; 0 until its head is here
    body_at: int = 0

    def feed(self, data: bytes) -> Answer | None:
        """The answer, once it is whole. One is outstanding at a time.

        Raises ValueError for an answer without a length.
        """
        self.buffer += data
        if not self.wanted:
            end = self.buffer.find(_HEAD_END)
            if end < 0:
                return None
            self.body_at = end + len(_HEAD_END)
            self.wanted = self.body_at + _length(bytes(self.buffer[: end + 2]))
        if len(self.buffer) < self.wanted:
            return None
        answer = int(self.buffer[9:12]), bytes(self.buffer[self.body_at : self.wanted])
        del self.buffer[: self.wanted]
        self.wanted = 0
        return answer


class Line(asyncio.Protocol):
    """The connection. `slots` are the instants at which errands begin; without, at once."""

    def __init__(
        self,
        errand: Callable[[], Errand],
        tally: Tally,
        slots: Iterator[float] | None = None,
    ) -> None:
        self._errand = errand
        self._tally = tally
        self._slots = slots
        self._loop = asyncio.get_running_loop()
        self._framing = Framing()
        self._transport: asyncio.Transport | None = None
        self._current: Errand | None = None
        self._step = 0
        self._began_s = self._asked_s = 0.0
        self.ended: asyncio.Future[None] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not of its family

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self._tally.failures[f"connection lost: {exc or 'closed by the server'}"] += 1
            self.ended.set_result(None)

    def begin(self) -> None:
        """Begin the next errand, now or in its slot; or end, when the window is over."""
        now_s = perf_counter()
        slot_s = now_s if self._slots is None else next(self._slots)
        if max(now_s, slot_s) >= self._tally.ends_s:
            self._end()
        elif slot_s > now_s:
            self._loop.call_later(slot_s - now_s, self._begin, slot_s)
        else:
            self._begin(slot_s)

    def data_received(self, data: bytes) -> None:
        try:
            answer = self._framing.feed(data)
        except ValueError as error:
            self._tally.failures[str(error)] += 1
            self._end()
        else:
            if answer is not None:
                self._take(answer)

    def _begin(self, began_s: float) -> None:
        # An errand that begins late was late because of us: it counts from its slot.
        self._began_s = began_s
        self._step = 0
        self._current = self._errand()
        self._ask(next(self._current))

    def _ask(self, request: bytes) -> None:
        self._asked_s = perf_counter()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(request)

    def _take(self, answer: Answer) -> None:
        now_s = perf_counter()
        self._tally.answered(self._step, answer[0], self._asked_s, now_s)
        self._step += 1
        if self._current is None:
            return
        try:
            self._ask(self._current.send(answer))
        except StopIteration as end:
            self._tally.completed(end.value, self._began_s, now_s)
            self.begin()
        except UnexpectedAnswer as error:
            self._tally.failures[str(error)] += 1
            self.begin()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)
        if self._transport is not None:
            self._transport.close()


def _length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(_LENGTH)
    if at < 0:
        raise ValueError("an answer without content-length")
    at += len(_LENGTH)
    return int(lowered[at : lowered.index(b"\r\n", at)])
