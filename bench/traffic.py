"""Traffic in process: callers who each wait for their change to be durable, then ask again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random
from time import perf_counter
from typing import Final
from uuid import UUID

from bench.accounts import CURRENCY
from bench.gauges import spent
from bench.rounds import Measured, measured
from bench.stage import House
from tallystick.app import App
from tallystick.journal import Asked, Change
from tallystick.ledger import Post, Reserve, Settle
from tallystick.platform.ids import bucket_of, new_id

AMOUNT_MINOR_MAX: Final = 100_000
_SCOPE: Final = "operator:transfers.post"

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Traffic:
    """One operation a call, between accounts at random. Claims carry random keys, as clients do."""

    app: App
    accounts: Sequence[UUID]
    random: Random

    async def complete(self) -> None:
        """A complete change: a transfer, its fact and its claim."""
        await self._post(*self._two())

    async def hot(self) -> None:
        """A complete change in favour of one account, always the same."""
        hot = self.accounts[0]
        debit, other = self._two()
        await self._post(debit if debit is not hot else other, hot)

    async def bare(self) -> None:
        """A transfer alone: no fact, no claim."""
        debit, credit = self._two()
        change_id = new_id(self.app.clock.now(), bucket_of(debit))
        order = self._order(debit, credit)
        await self.app.journal.record(Change(change_id, transfers=(order,)))

    async def pair(self) -> None:
        """A reservation, and then its settlement in full: two complete changes."""
        debit, credit = self._two()
        amount_minor = 1 + int(self.random.random() * AMOUNT_MINOR_MAX)
        order = Reserve(debit, credit, amount_minor, CURRENCY, "bench")
        held = await self.app.transfers.reserve(order, self._wish(debit, credit, amount_minor))
        reservation_id = held.transfers[0].id
        settle = Settle(reservation_id, "bench")
        await self.app.transfers.settle(settle, self._wish(reservation_id, credit, amount_minor))

    def _wish(self, first: UUID, second: UUID, amount_minor: int) -> Asked:
        key = f"{self.random.getrandbits(128):032x}"
        return Asked(_SCOPE, key, b"%b%b%d" % (first.bytes, second.bytes, amount_minor))

    async def _post(self, debit: UUID, credit: UUID) -> None:
        order = self._order(debit, credit)
        await self.app.transfers.post_one(order, self._wish(debit, credit, order.amount_minor))

    def _two(self) -> tuple[UUID, UUID]:
        count = len(self.accounts)
        first, second = int(self.random.random() * count), int(self.random.random() * count)
        if first == second:
            second = (first + 1) % count
        return self.accounts[first], self.accounts[second]

    def _order(self, debit: UUID, credit: UUID) -> Post:
        amount_minor = 1 + int(self.random.random() * AMOUNT_MINOR_MAX)
        return Post(debit, credit, amount_minor, CURRENCY, "bench")


async def measure_calls(house: House, call: Call, *, callers: int, seconds: float) -> Measured:
    """Let `callers` call for `seconds`; with the bytes and the WAL each call cost."""
    before = await house.gauges.read()
    round_ = await run_callers(call, callers=callers, seconds=seconds)
    after = await house.gauges.read()
    round_.extra.update(spent(before, after, round_.count))
    return round_


async def run_callers(call: Call, *, callers: int, seconds: float) -> Measured:
    """Each caller begins anew until the time is over; all are waited for, and all count."""
    latencies_s: list[float] = []
    begun = perf_counter()
    end = begun + seconds

    async def caller() -> None:
        while (asked := perf_counter()) < end:
            await call()
            latencies_s.append(perf_counter() - asked)

    await asyncio.gather(*(caller() for _ in range(callers)))
    return measured(len(latencies_s), perf_counter() - begun, latencies_s)
