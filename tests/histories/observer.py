"""Asks over HTTP until the answer is definite, and writes down what was asked, seen and when."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic_ns
from typing import Any, Final

import msgspec
from msgspec import Struct

from tests.histories.history import Line, Moved, Operation, Seen, Terms, Wish
from tests.servers.http_client import Answer, Caller, Unanswered

ACCOUNTS: Final = "/api/v1/accounts"
PREFIX: Final = "platform:history_"
# Not an answer yet, the caller is told to ask again.
_ASK_AGAIN: Final = frozenset(
    {"idempotency_key_in_use", "conflict", "overloaded", "busy", "outcome_unknown"}
)
_TRIES: Final = 200
_PAUSE_S: Final = 0.02
_PATIENCE_S: Final = 10.0


class Request(Struct, frozen=True):
    """A wish as it is sent by a client, first to the process at `place`."""

    client: int
    path: str
    raw: bytes
    key: str
    place: int = 0


@dataclass
class Observer:
    """The operator's desk at several API processes, and its record of everything."""

    callers: Sequence[Caller]
    operations: list[Operation] = field(default_factory=list)
    transfers: int = 0
    told: Counter[str] = field(default_factory=Counter)

    async def write(self, request: Request, wishes: Sequence[Wish]) -> Answer:
        """Ask for a change; record what it moved or altered, or why it was refused."""
        invoked_ns = monotonic_ns()
        answer = await self.ask(request)
        returned_ns = monotonic_ns()
        moved, terms, refusal = _outcome(answer, msgspec.json.decode(answer.raw))
        self.transfers += len(moved)
        self.told[refusal or ("altered" if terms else "written")] += 1
        self.operations.append(
            Operation(
                request.client,
                invoked_ns,
                returned_ns,
                wishes,
                moved=moved,
                terms=terms,
                refusal=refusal,
            )
        )
        return answer

    async def ask(self, request: Request) -> Answer:
        """The definite answer to this key, however often it takes, at one process or the next."""
        for number in range(_TRIES):
            caller = self.callers[(request.place + number) % len(self.callers)]
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    answer = await caller.post(request.path, request.raw, key=request.key)
            except (Unanswered, TimeoutError):
                self.told["asked again: no answer"] += 1
            else:
                if answer.status < 400 or answer.code not in _ASK_AGAIN:
                    return answer
                self.told[f"asked again: {answer.code}"] += 1
            await asyncio.sleep(_PAUSE_S)
        raise AssertionError(f"never answered: {request}")

    async def read(
        self, client: int, accounts: Sequence[str], place: int, *, one: str = ""
    ) -> None:
        """Look at one account, or at all of them at once."""
        path = f"{ACCOUNTS}/{one}" if one else f"{ACCOUNTS}?prefix={PREFIX}&limit=100"
        invoked_ns, found = await self._get(path, place)
        returned_ns = monotonic_ns()
        views = [found] if one else found["data"]
        seen = [_seen(view) for view in views if view["id"] in accounts]
        self.told["read one" if one else "read all"] += 1
        self.operations.append(Operation(client, invoked_ns, returned_ns, seen=seen))

    async def lines(self, account: str) -> list[Line]:
        """All lines of an account, in a quiet moment, oldest first."""
        lines: list[Line] = []
        cursor = ""
        while True:
            _, page = await self._get(f"{ACCOUNTS}/{account}/entries?limit=100{cursor}", 0)
            lines += [_line(view) for view in page["data"]]
            if page["next_cursor"] is None:
                return lines
            cursor = f"&cursor={page['next_cursor']}"

    async def _get(self, path: str, place: int) -> tuple[int, Any]:
        """What is there, and when the try that was answered began."""
        for number in range(_TRIES):
            invoked_ns = monotonic_ns()
            try:
                answer = await self.callers[(place + number) % len(self.callers)].get(path)
            except Unanswered:
                self.told["asked again: no answer"] += 1
            else:
                if answer.status == 200:
                    return invoked_ns, msgspec.json.decode(answer.raw)
                assert answer.code in _ASK_AGAIN, answer.raw
                self.told[f"asked again: {answer.code}"] += 1
            await asyncio.sleep(_PAUSE_S)
        raise AssertionError(f"never answered: {path}")


def _outcome(answer: Answer, found: Any) -> tuple[list[Moved], Terms | None, str | None]:
    """What an answer says: the transfers it moved, the terms it set, the code of its refusal."""
    if answer.status >= 400:
        assert answer.status in (409, 422), found
        return [], None, found["code"]
    if "data" in found:  # a bulk
        refusals = [verdict["code"] for verdict in found["data"] if verdict["status"] == "refused"]
        views = [
            view
            for verdict in found["data"]
            for view in (verdict.get("transfer"), verdict.get("returned"))
            if view
        ]
        return [_moved(view) for view in views], None, refusals[0] if refusals else None
    if "transfer_ids" in found:
        return [Moved(transfer) for transfer in found["transfer_ids"]], None, None
    if "revision" in found:
        terms = Terms(found["id"], found["revision"], found["overdraft_limit"], found["frozen"])
        return [], terms, None
    return [_moved(found)], None, None


def _moved(view: Mapping[str, Any]) -> Moved:
    balances = {
        view["debit_account_id"]: view["debit_balance_after"],
        view["credit_account_id"]: view["credit_balance_after"],
    }
    return Moved(view["id"], balances)


def _seen(view: Mapping[str, Any]) -> Seen:
    assert view["available"] == view["balance"] - view["pending_out"], view
    return Seen(
        view["id"],
        view["version"],
        view["balance"],
        view["pending_in"],
        view["pending_out"],
        view["overdraft_limit"],
        view["frozen"],
    )


def _line(view: Mapping[str, Any]) -> Line:
    return Line(
        view["transfer_id"],
        view["transaction_id"],
        view["kind"],
        view["amount"],
        view["balance_after"],
    )
