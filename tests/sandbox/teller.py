"""A plain customer of the bank's counter: no rails, only HTTP."""

import itertools
import sqlite3
from contextlib import closing
from typing import Any, NamedTuple

import aiohttp

from tallystick.sandbox import BankBook

DROPPED = -1
_counter = itertools.count(1)


class Said(NamedTuple):
    """What came back; status DROPPED when the connection ended without an answer."""

    status: int
    body: Any


class Teller:
    """Speaks to one bank; names references that nobody has used before."""

    def __init__(self, session: aiohttp.ClientSession, url: str, timeout_ms: int = 30) -> None:
        self.session = session
        self.url = url
        self.timeout_ms = timeout_ms

    def fresh(self, purpose: str) -> str:
        return f"{purpose}-{next(_counter)}"

    async def authorize(self, reference: str, **changes: object) -> Said:
        body = {"amount": 1_000, "currency": "INR", "token": "tok_visa"} | changes
        return await self.post("/v1/authorizations", reference=reference, **body)

    async def capture(
        self, authorization: str, reference: str, amount: int, **more: object
    ) -> Said:
        path = f"/v1/authorizations/{authorization}/captures"
        return await self.post(path, reference=reference, amount=amount, **more)

    async def void(self, authorization: str, reference: str) -> Said:
        return await self.post(f"/v1/authorizations/{authorization}/voids", reference=reference)

    async def refund(self, authorization: str, reference: str, amount: int) -> Said:
        path = f"/v1/authorizations/{authorization}/refunds"
        return await self.post(path, reference=reference, amount=amount)

    async def pay_out(self, reference: str, **changes: object) -> Said:
        to = {"type": "upi", "upi_id": "asha@okbank", "name": "Asha"}
        body = {"amount": 1_000, "currency": "INR", "destination": to} | changes
        return await self.post("/v1/payouts", reference=reference, **body)

    async def find_payout(self, reference: str) -> Said:
        return await self._say("GET", f"/v1/payouts/{reference}", None)

    async def find(self, reference: str) -> Said:
        return await self._say("GET", f"/v1/operations/{reference}", None)

    async def get(self, path: str) -> Said:
        return await self._say("GET", path, None)

    async def post(self, path: str, **body: object) -> Said:
        return await self._say("POST", path, body)

    async def post_raw(self, path: str, body: bytes) -> Said:
        async with self.session.post(self.url + path, data=body) as answer:
            return Said(answer.status, await answer.json())

    async def _say(self, method: str, path: str, body: dict[str, object] | None) -> Said:
        headers = {"request-timeout-ms": str(self.timeout_ms)}
        try:
            async with self.session.request(
                method, self.url + path, json=body, headers=headers
            ) as answer:
                is_json = answer.content_type == "application/json"
                return Said(answer.status, await (answer.json() if is_json else answer.text()))
        except aiohttp.ServerDisconnectedError:
            return Said(DROPPED, None)


def spoil(book: BankBook) -> None:
    """Make the book's file one that cannot be written any more."""
    with closing(sqlite3.connect(book.path)) as other:
        other.execute(
            "CREATE TRIGGER full BEFORE INSERT ON operations"
            " BEGIN SELECT raise(ABORT, 'no room is left'); END"
        )
