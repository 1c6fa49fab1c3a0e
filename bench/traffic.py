"""Traffic in process: callers who wait until what they asked for is durable, then ask again."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random
from time import perf_counter
from typing import Final, TypeVar
from uuid import UUID

from bench.accounts import CURRENCY
from bench.gauges import spent
from bench.rounds import Measured, measured
from bench.stage import House
from tallystick.app import App
from tallystick.books import Answer
from tallystick.journal import Asked, Change, JournalError
from tallystick.ledger import Post, Reserve, Settle
from tallystick.platform.ids import bucket_of, new_id

AMOUNT_MINOR_MAX: Final = 100_000
BULK: Final = 500
_SCOPE: Final = "operator:transfers.post"

Call = Callable[[], Awaitable[object]]
_Outcome = TypeVar("_Outcome")


@dataclass(frozen=True)
class Traffic:
    """One operation a call, or `BULK` of them, between accounts at random.

    Claims carry random keys, as clients do.
    """

    app: App
    accounts: Sequence[UUID]
    random: Random

    # One caller each ---------------------------------------------------------------------------

    async def one(self) -> None:
        """A complete change: a transfer, its fact and its claim."""
        order = self._post(*self._two())
        wish = self._wish(order.debit, order.credit, order.amount_minor)
        await self.app.transfers.post_one(order, wish)

    # Many a caller -----------------------------------------------------------------------------

    async def complete(self) -> None:
        """Complete changes, each by itself: a transfer, its fact and its claim."""
        await self._many([self._post(*self._two()) for _ in range(BULK)])

    async def hot(self) -> None:
        """The same in favour of one account, always the same."""
        hot = self.accounts[0]
        pairs = [self._two() for _ in range(BULK)]
        await self._many([self._post(a if a is not hot else b, hot) for a, b in pairs])

    async def bare(self) -> None:
        """Transfers alone: no fact, no claim."""
        now = self.app.clock.now()
        orders = [self._post(*self._two()) for _ in range(BULK)]
        outcomes = await self.app.journal.record_each(
            [Change(new_id(now, bucket_of(order.debit)), transfers=(order,)) for order in orders]
        )
        _require_all(outcomes)

    async def pairs(self) -> None:
        """Reservations, and then their settlements in full: two complete changes each."""
        promises = [self._reserve(*self._two()) for _ in range(BULK)]
        held = await self._many(promises)
        await self._many([Settle(answer.transfers[0].id, "bench") for answer in held])

    async def _many(self, orders: Sequence[Post | Reserve | Settle]) -> list[Answer]:
        key = f"{self.random.getrandbits(128):032x}"
        answers = await self.app.transfers.many(orders, Asked(_SCOPE, key, b"bulk"))
        return _require_all(answers)

    def _wish(self, first: UUID, second: UUID, amount_minor: int) -> Asked:
        key = f"{self.random.getrandbits(128):032x}"
        return Asked(_SCOPE, key, b"%b%b%d" % (first.bytes, second.bytes, amount_minor))

    def _two(self) -> tuple[UUID, UUID]:
        count = len(self.accounts)
        first, second = int(self.random.random() * count), int(self.random.random() * count)
        if first == second:
            second = (first + 1) % count
        return self.accounts[first], self.accounts[second]

    def _post(self, debit: UUID, credit: UUID) -> Post:
        return Post(debit, credit, self._amount_minor(), CURRENCY, "bench")

    def _reserve(self, debit: UUID, credit: UUID) -> Reserve:
        return Reserve(debit, credit, self._amount_minor(), CURRENCY, "bench")

    def _amount_minor(self) -> int:
        return 1 + int(self.random.random() * AMOUNT_MINOR_MAX)


async def measure_calls(
    house: House, call: Call, *, callers: int, seconds: float, operations: int = BULK
) -> Measured:
    """Let `callers` call for `seconds`; with the bytes and the WAL each operation cost.

    `operations` is how many of them one call is; latencies are a call's.
    """
    before = await house.gauges.read()
    round_ = await run_callers(call, callers=callers, seconds=seconds, operations=operations)
    after = await house.gauges.read()
    round_.extra.update(spent(before, after, round_.count))
    return round_


async def run_callers(
    call: Call, *, callers: int, seconds: float, operations: int = BULK
) -> Measured:
    """Each caller begins anew until the time is over; all are waited for, and all count."""
    latencies_s: list[float] = []
    begun = perf_counter()
    end = begun + seconds

    async def caller() -> None:
        while (asked := perf_counter()) < end:
            await call()
            latencies_s.append(perf_counter() - asked)

    await asyncio.gather(*(caller() for _ in range(callers)))
    return measured(operations * len(latencies_s), perf_counter() - begun, latencies_s)


def _require_all(outcomes: Sequence[_Outcome | JournalError]) -> list[_Outcome]:
    """All of them happened. Raises the first error."""
    happened = []
    for outcome in outcomes:
        if isinstance(outcome, JournalError):
            raise outcome
        happened.append(outcome)
    return happened
