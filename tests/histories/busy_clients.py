"""Sixty-four clients: sixty move money between a few accounts, four alter their terms.

Everything they meet is contended on purpose: eight accounts, small balances, limits that change,
freezes that come and go, reservations that several of them want to settle.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any, Final

from tests.histories.history import Altered, Order, Promised
from tests.histories.observer import ACCOUNTS, Observer, Request
from tests.servers.http_client import Answer

CLIENTS: Final = 64
_STEWARDS: Final = 4
_TRANSFERS: Final = "/api/v1/transfers"
_AMOUNT_MAX: Final = 2_500
_LIMITS: Final = 20_000


@dataclass
class Town:
    """The accounts, what is promised between them, and when everybody may go home."""

    observer: Observer
    cash: str
    accounts: Sequence[str]
    goal: int
    promises: list[str] = field(default_factory=list)
    half_way: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_open(self) -> bool:
        if self.observer.transfers >= self.goal // 2:
            self.half_way.set()
        return self.observer.transfers < self.goal

    async def send(self, client: int, key: str, order: Order) -> Answer:
        """One order of one client."""
        raw = json.dumps(_body(order)).encode()
        return await self.observer.write(Request(client, _TRANSFERS, raw, key), [order])

    async def live(self, seed: int) -> None:
        """All clients at once, until enough has been moved."""
        movers = [Mover(self, number, Random(f"{seed} {number}")) for number in range(1, 61)]
        stewards = [
            Steward(self, 60 + number, Random(f"{seed} s{number}"), self.accounts[number - 1 :: 4])
            for number in range(1, _STEWARDS + 1)
        ]
        assert len(movers) + len(stewards) == CLIENTS
        async with asyncio.TaskGroup() as group:
            for mover in movers:
                group.create_task(mover.live())
            for steward in stewards:
                group.create_task(steward.live())


@dataclass
class Mover:
    """Moves, promises, looks, and asks again what it has asked already."""

    town: Town
    client: int
    random: Random
    asked: int = 0
    last: tuple[str, bytes, str, Answer] | None = None  # where, what, by which key, the answer

    async def live(self) -> None:
        actions: dict[Callable[[], Awaitable[None]], int] = {
            self._post: 40,
            self._post_up_to: 8,
            self._cash: 8,
            self._chain: 8,
            self._reserve: 8,
            self._settle: 6,
            self._void: 3,
            self._look: 10,
            self._look_around: 5,
            self._repeat: 4,
        }
        while self.town.is_open:
            (act,) = self.random.choices(list(actions), list(actions.values()))
            await act()

    @property
    def _place(self) -> int:
        return self.random.randrange(len(self.town.observer.callers))

    def _pair(self) -> tuple[str, str]:
        debit, credit = self.random.sample(self.town.accounts, 2)
        return debit, credit

    def _amount(self) -> int:
        return self.random.randint(1, _AMOUNT_MAX)

    async def _ask(self, path: str, body: Any, *wishes: Order | Promised) -> Answer:
        self.asked += 1
        key, raw = f"client {self.client} wish {self.asked}", json.dumps(body).encode()
        answer = await self.town.observer.write(
            Request(self.client, path, raw, key, self._place), wishes
        )
        self.last = (path, raw, key, answer)
        return answer

    async def _order(self, order: Order) -> Answer:
        return await self._ask(_TRANSFERS, _body(order), order)

    async def _post(self) -> None:
        await self._order(Order("post", *self._pair(), self._amount()))

    async def _post_up_to(self) -> None:
        await self._order(Order("post", *self._pair(), 4 * _AMOUNT_MAX, up_to=True))

    async def _cash(self) -> None:
        debit, credit = self.town.cash, self.random.choice(self.town.accounts)
        if self.random.random() < 0.5:
            debit, credit = credit, debit
        await self._order(Order("post", debit, credit, self._amount()))

    async def _chain(self) -> None:
        """What one account gets, it passes on: all of it happens, or nothing."""
        names = self.random.sample(self.town.accounts, self.random.choice([3, 4]))
        orders = [Order("post", debit, credit, self._amount()) for debit, credit in pairwise(names)]
        body = {"transfers": [_body(order) for order in orders], "atomic": True}
        await self._ask(f"{_TRANSFERS}/bulk", body, *orders)

    async def _reserve(self) -> None:
        answer = await self._order(Order("reserve", *self._pair(), self._amount()))
        if answer.status == 201:
            self.town.promises.append(answer.json["reservation_id"])

    async def _settle(self) -> None:
        if (name := self._promise()) is None:
            return
        part = self.random.choice([None, self.random.randint(1, _AMOUNT_MAX // 3)])
        final = self.random.random() < 0.5
        wish = Promised("settle", name.replace("res_", "tra_"), part)
        await self._ask(
            f"/api/v1/reservations/{name}/settle", {"amount": part, "final": final}, wish
        )

    async def _void(self) -> None:
        if (name := self._promise()) is None:
            return
        wish = Promised("void", name.replace("res_", "tra_"))
        body = {"transfers": [{"kind": "void", "reservation_id": name}]}
        await self._ask(f"{_TRANSFERS}/bulk", body, wish)

    def _promise(self) -> str | None:
        """One of the latest promises, which others may want as well."""
        return self.random.choice(self.town.promises[-8:]) if self.town.promises else None

    async def _look(self) -> None:
        one = self.random.choice(self.town.accounts)
        await self.town.observer.read(self.client, self.town.accounts, self._place, one=one)

    async def _look_around(self) -> None:
        await self.town.observer.read(self.client, self.town.accounts, self._place)

    async def _repeat(self) -> None:
        """The last wish once more, anywhere: the same answer, and nothing happens."""
        if self.last is None:
            return
        path, raw, key, first = self.last
        again = await self.town.observer.ask(Request(self.client, path, raw, key, self._place))
        self.town.observer.told["repeated"] += 1
        assert again.status == first.status
        if first.status < 400:
            assert again.raw == first.raw
        else:
            assert again.code == first.code


@dataclass
class Steward:
    """The only one who alters the terms of its accounts: no two of them are ever the same."""

    town: Town
    client: int
    random: Random
    accounts: Sequence[str]

    def __post_init__(self) -> None:
        self._limits = {
            account: self.random.sample(range(1, _LIMITS), _LIMITS - 1) for account in self.accounts
        }
        self._asked = 0

    async def live(self) -> None:
        while self.town.is_open:
            for account in self.accounts:
                await self._limit(account)
                await self._pause()
                stops = self.random.choice(["outflow", "all"])
                await self._alter(
                    account, "freeze", {"stops": stops}, Altered(account, frozen=stops)
                )
                await self._limit(account)
                await self._alter(account, "thaw", {}, Altered(account, frozen="no"))
                await self._pause()

    async def _limit(self, account: str) -> None:
        """A limit that this account never had; one that it is beyond already is refused."""
        while True:
            limit = self._limits[account].pop()
            wish = Altered(account, limit_minor=limit)
            if await self._alter(account, "limit", {"overdraft_limit": limit}, wish):
                return

    async def _alter(self, account: str, verb: str, body: Any, wish: Altered) -> bool:
        self._asked += 1
        request = Request(
            self.client,
            f"{ACCOUNTS}/{account}/{verb}",
            json.dumps(body).encode(),
            f"steward {self.client} wish {self._asked}",
            self.random.randrange(len(self.town.observer.callers)),
        )
        answer = await self.town.observer.write(request, [wish])
        return answer.status == 200

    async def _pause(self) -> None:
        await asyncio.sleep(self.random.uniform(0.01, 0.06))


def _body(order: Order) -> dict[str, Any]:
    return {
        "kind": order.kind,
        "debit_account_id": order.debit,
        "credit_account_id": order.credit,
        "amount": order.amount_minor,
        "currency": "INR",
        "code": "history",
        "up_to": order.up_to,
    }
