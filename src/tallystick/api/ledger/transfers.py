"""`/api/v1/transfers`: posting and its bulk are the hottest addresses, hence plain routes.

Operators move money; a merchant may look at what touches its accounts. A single transfer is
answered 201; a bulk is answered 200 with one verdict an item, since some may happen and others not.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.api.auth import authenticate
from tallystick.api.bodies import read_json
from tallystick.api.documented import PlainOperation
from tallystick.api.exchange import exchange_of
from tallystick.api.idempotency import asked, tell_replayed
from tallystick.api.ledger.transfer_bodies import BulkBody, TransferBody
from tallystick.api.ledger.transfer_reading import read_bulk, read_transfer
from tallystick.api.plain_route import plain_route
from tallystick.api.problems import problem_of
from tallystick.api.repeated_keys import in_our_words
from tallystick.api.strict_route import ALWAYS, BODY
from tallystick.app import App
from tallystick.books import Answer
from tallystick.identity import Permission
from tallystick.journal import JournalError
from tallystick.ledger import Post, TransferRow
from tallystick.platform.ids import typeid

PATH: Final = "/api/v1/transfers"
BULK_PATH: Final = "/api/v1/transfers/bulk"

_PROBLEMS: Final = (*ALWAYS, *BODY)


class TransferView(Struct, frozen=True, omit_defaults=True):
    """One transfer as it was recorded, with both balances after it."""

    id: str
    change_id: str
    debit_account_id: str
    credit_account_id: str
    amount: int
    currency: str
    code: str
    kind: str
    debit_balance_after: int
    credit_balance_after: int
    created_at: datetime
    reservation_id: str | None = None
    effective_at: datetime | None = None
    expires_at: datetime | None = None


class Verdict(Struct, frozen=True, omit_defaults=True):
    """What became of one item: `posted`, `refused`, or `unknown`: ask again, with the same key.

    `returned` is what a final settle gave back.
    """

    status: str
    transfer: TransferView | None = None
    returned: TransferView | None = None
    code: str | None = None
    detail: str | None = None


class Verdicts(Struct, frozen=True):
    """The verdicts of a bulk, in the order of its items."""

    posted: int
    refused: int
    unknown: int
    data: list[Verdict]


def view_of(row: TransferRow, at: datetime) -> TransferView:
    """A row and the instant of its batch, as they look outside."""
    return TransferView(
        id=typeid("tra", row.id),
        change_id=typeid("chg", row.change_id),
        debit_account_id=typeid("acc", row.debit),
        credit_account_id=typeid("acc", row.credit),
        amount=row.amount,
        currency=row.currency,
        code=row.code,
        kind=row.kind,
        debit_balance_after=row.debit_balance,
        credit_balance_after=row.credit_balance,
        created_at=at,
        reservation_id=typeid("res", row.reservation_id) if row.reservation_id else None,
        effective_at=row.effective_at,
        expires_at=row.expires_at,
    )


def verdict_on(outcome: Answer | JournalError) -> Verdict:
    """What to say of one item: alone it would have been answered 201, 4xx or 5xx."""
    if isinstance(outcome, Answer):
        transfer, *returned = (view_of(row, outcome.at) for row in outcome.transfers)
        return Verdict("posted", transfer, returned[0] if returned else None)
    found = problem_of(outcome)
    status = "refused" if found.status < 500 else "unknown"
    return Verdict(status, code=found.code, detail=found.detail)


@dataclass(frozen=True, slots=True)
class TransferRoutes:
    """The two handlers."""

    app: App

    async def post_one(self, request: Request) -> Response:
        """One transfer."""
        exchange = exchange_of(request)
        await authenticate(exchange, self.app.keys, Permission.OPERATE)
        order = read_transfer(await read_json(request))
        wish = asked(exchange, PATH, "transfers.post", self.app.settings.idempotency_required)
        try:
            if isinstance(order, Post):
                answer = await self.app.transfers.post_one(order, wish, exchange.origin)
            else:
                answer = await self.app.transfers.reserve(order, wish, exchange.origin)
        except JournalError as error:
            raise in_our_words(error) from None
        if answer.replayed:
            tell_replayed(exchange)
        return _json(view_of(answer.transfers[0], answer.at), 201)

    async def post_bulk(self, request: Request) -> Response:
        """Many transfers."""
        exchange = exchange_of(request)
        await authenticate(exchange, self.app.keys, Permission.OPERATE)
        bulk = read_bulk(await read_json(request))
        wish = asked(exchange, BULK_PATH, "transfers.bulk", self.app.settings.idempotency_required)
        try:
            outcomes = await self.app.transfers.many(
                bulk.orders, wish, atomic=bulk.atomic, origin=exchange.origin
            )
        except JournalError as error:
            raise in_our_words(error) from None
        if all(isinstance(outcome, Answer) and outcome.replayed for outcome in outcomes):
            tell_replayed(exchange)
        verdicts = [verdict_on(outcome) for outcome in outcomes]
        states = [verdict.status for verdict in verdicts]
        counts = (states.count("posted"), states.count("refused"), states.count("unknown"))
        return _json(Verdicts(*counts, verdicts), 200)


def transfer_routes(app: App) -> list[Route]:
    """The routes, to be asked before all others."""
    handlers = TransferRoutes(app)
    return [
        plain_route(PATH, handlers.post_one, "POST"),
        plain_route(BULK_PATH, handlers.post_bulk, "POST"),
    ]


def _json(content: Struct, status: int) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


OPERATIONS: Final = (
    PlainOperation(
        method="POST",
        path=PATH,
        summary="Move money between two accounts, or reserve it. Operators only.",
        tag="transfers",
        status=201,
        answer=TransferView,
        problems=_PROBLEMS,
        body=TransferBody,
        permission=Permission.OPERATE,
        moves_money=True,
    ),
    PlainOperation(
        method="POST",
        path=BULK_PATH,
        summary="Up to 1,000 orders with a verdict each; atomic, all or none. Operators only.",
        tag="transfers",
        status=200,
        answer=Verdicts,
        problems=_PROBLEMS,
        body=BulkBody,
        permission=Permission.OPERATE,
        moves_money=True,
    ),
)
