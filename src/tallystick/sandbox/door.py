"""The bank's HTTP door: reads an order, has it answered, says it, or fails to on purpose.

Approved and paid are 200, declined and refused 402, pending and waiting for the payer 202; a `GET`
of one is 200 whatever became of it.
Errors are `{"error": {"code", "message"}}`. The request header `request-timeout-ms` tells how long
the caller waits, so that a slow answer can be slow enough.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tallystick.sandbox.acquirer import (
    Acquirer,
    Answer,
    ReferenceReused,
    UnknownAuthorization,
)
from tallystick.sandbox.bodies import (
    Authorization,
    Body,
    Capture,
    Refund,
    Report,
    ReportQuery,
    Shown,
    ShownChallenge,
    Void,
    shown,
    shown_challenge,
)
from tallystick.sandbox.book import BankBook, BookBroken
from tallystick.sandbox.challenge_door import challenge_routes
from tallystick.sandbox.challenge_model import Challenge
from tallystick.sandbox.dispute_door import DISPUTE_REFUSALS, DisputeDoor
from tallystick.sandbox.exchange import (
    RequestRefused,
    convert_query,
    error_answer,
    json_answer,
    read_body,
)
from tallystick.sandbox.magic import Fault
from tallystick.sandbox.model import Bank, Now, Pace, Status
from tallystick.sandbox.pacing import too_late_s
from tallystick.sandbox.payout_bodies import PayOut, ShownPayout, shown_payout
from tallystick.sandbox.payout_desk import PayoutDesk
from tallystick.sandbox.payout_model import PayoutStatus
from tallystick.sandbox.switch_door import switch_routes

_HTML = {"content-type": "text/html; charset=utf-8"}
_STATUS_CODES: dict[str, int] = {
    Status.APPROVED: 200,
    Status.DECLINED: 402,
    Status.PENDING: 202,
    "action_required": 202,
    PayoutStatus.PAID: 200,
    PayoutStatus.REFUSED: 402,
}


def acquirer_app(
    bank: Bank, book: BankBook, *, pace: Pace | None = None, now: Now | None = None
) -> Starlette:
    """The ASGI application of one bank over its open book."""
    pace, now = pace or Pace(), now or _utc_now
    acquirer = Acquirer(bank, book, pace, now)
    door = _Door(acquirer, PayoutDesk(bank, book, pace, now, acquirer.switches))
    disputes = DisputeDoor(acquirer, acquirer.disputes)
    on_authorization = "/v1/authorizations/{authorization_reference}"
    return Starlette(
        routes=[
            Route("/v1/authorizations", door.authorize, methods=["POST"]),
            Route(f"{on_authorization}/captures", door.capture, methods=["POST"]),
            Route(f"{on_authorization}/voids", door.void, methods=["POST"]),
            Route(f"{on_authorization}/refunds", door.refund, methods=["POST"]),
            Route("/v1/operations/{reference}", door.operation, methods=["GET"]),
            Route("/v1/payouts", door.pay_out, methods=["POST"]),
            Route("/v1/payouts/{reference}", door.payout, methods=["GET"]),
            *disputes.routes(),
            Route("/v1/report", door.report, methods=["GET"]),
            Route("/v1/health", door.health, methods=["GET"]),
            *challenge_routes(acquirer.challenges),
            *switch_routes(acquirer.switches),
        ],
        exception_handlers={
            RequestRefused: _refused,
            ReferenceReused: _reference_reused,
            UnknownAuthorization: _unknown_authorization,
            BookBroken: _book_broken,
            **DISPUTE_REFUSALS,
        },
    )


@dataclass(frozen=True)
class _Door:
    acquirer: Acquirer
    desk: PayoutDesk

    async def authorize(self, request: Request) -> Response:
        return await self._order(request, Authorization)

    async def capture(self, request: Request) -> Response:
        return await self._order(request, Capture)

    async def void(self, request: Request) -> Response:
        return await self._order(request, Void)

    async def refund(self, request: Request) -> Response:
        return await self._order(request, Refund)

    async def operation(self, request: Request) -> Response:
        found = await self.acquirer.find(request.path_params["reference"])
        if found is None:
            raise RequestRefused(404, "unknown_reference", "nothing was done under this reference")
        if isinstance(found, Challenge):
            return json_answer(shown_challenge(found, _bank_url(request)))
        return json_answer(shown(found, self.acquirer.now()))

    async def pay_out(self, request: Request) -> Response:
        order = (await read_body(request, PayOut)).order()
        limit_ms = _caller_limit_ms(request)
        answer = await self.desk.answer(order, limit_ms)
        if answer.fault is Fault.SLOW:
            await _sleep_while_waited_for(request, too_late_s(self.desk.pace, limit_ms))
        paid = answer.payout
        return _say(answer.fault, shown_payout(paid, paid.created_at) if paid else None)

    async def payout(self, request: Request) -> Response:
        found = await self.desk.find(request.path_params["reference"])
        if found is None:
            raise RequestRefused(404, "unknown_reference", "nothing was paid under this reference")
        return json_answer(shown_payout(found, self.desk.now()))

    async def report(self, request: Request) -> Response:
        query = convert_query(request, ReportQuery)
        now = self.acquirer.now()
        page, totals = await self.acquirer.book.settled_on(
            query.date, now, after=query.after, limit=query.limit
        )
        paid, paid_totals = await self.acquirer.book.payouts_moved_on(
            query.date, now, after=query.after_payout, limit=query.limit
        )
        report = Report(
            bank=self.acquirer.bank.name,
            date=query.date,
            operations=[shown(operation, now) for _, operation in page],
            totals=totals,
            next_after=page[-1][0] if len(page) == query.limit else None,
            payouts=[shown_payout(payout, now) for _, payout in paid],
            payout_totals=paid_totals,
            next_after_payout=paid[-1][0] if len(paid) == query.limit else None,
        )
        return json_answer(report)

    async def health(self, _: Request) -> Response:
        return json_answer({"status": "ok", "bank": self.acquirer.bank.name})

    async def _order(self, request: Request, kind: type[Body]) -> Response:
        body = await read_body(request, kind)
        order = body.order(request.path_params.get("authorization_reference", ""))
        limit_ms = _caller_limit_ms(request)
        visit = body.visit if isinstance(body, Authorization) else None
        answer = await self.acquirer.answer(order, limit_ms, visit)
        if answer.fault is Fault.SLOW:
            await _sleep_while_waited_for(request, too_late_s(self.acquirer.pace, limit_ms))
        return _say(answer.fault, _first(answer, request))


def _first(answer: Answer, request: Request) -> Shown | ShownChallenge | None:
    if answer.challenge is not None:
        return shown_challenge(answer.challenge, _bank_url(request))
    done = answer.operation
    return shown(done, done.created_at) if done else None


def _bank_url(request: Request) -> str:
    """Where this bank is found, in the words of whoever asks."""
    url = request.url
    return f"{url.scheme}://{url.netloc}{request.scope.get('root_path', '')}"


class _Drop(Response):
    """No answer: the connection ends. Where the server cannot do that, half an answer is sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        drop = scope.get("extensions", {}).get("sandbox.drop")
        if drop is not None:
            drop()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        headers = [(b"content-type", b"application/json"), (b"content-length", b"512")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"id": "', "more_body": True})


def _say(fault: Fault | None, first: Shown | ShownChallenge | ShownPayout | None) -> Response:
    """The first answer to an order, as it was when it was given, or what goes wrong instead."""
    match fault:
        case Fault.CHARGE_THEN_DROP | Fault.DROP_BEFORE:
            return _Drop()
        case Fault.CHARGE_THEN_500 | Fault.ERROR_500:
            return error_answer(500, "internal_error", "the bank does not feel well")
        case Fault.BUSY_429:
            return error_answer(429, "rate_limited", "too many requests", {"retry-after": "1"})
        case Fault.HTML:
            return Response("<html><body>Scheduled maintenance</body></html>", 200, _HTML)
        case Fault.WRONG_SCHEMA:
            return json_answer({"result": "OK", "txn": {"amt": "12.50"}})
    assert first is not None  # noqa: S101 (an answer without fault has its operation)
    return json_answer(first, _STATUS_CODES[first.status])


async def _sleep_while_waited_for(request: Request, seconds: float) -> None:
    """Sleep, but not on after the caller hung up: nobody is left to answer."""
    gone = asyncio.ensure_future(request.receive())
    await asyncio.wait({gone}, timeout=seconds)
    gone.cancel()


def _caller_limit_ms(request: Request) -> int | None:
    text = request.headers.get("request-timeout-ms", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefused)  # noqa: S101 (registered for this class alone)
    return error_answer(error.status_code, error.code, str(error))


async def _reference_reused(_: Request, error: Exception) -> Response:
    return error_answer(409, ReferenceReused.code, f"{error} stands for another order")


async def _unknown_authorization(_: Request, error: Exception) -> Response:
    return error_answer(404, UnknownAuthorization.code, f"nothing was authorized under {error}")


async def _book_broken(_: Request, error: Exception) -> Response:
    return error_answer(503, BookBroken.code, str(error))


def _utc_now() -> datetime:
    return datetime.now(UTC)
