"""The bank's HTTP door: reads an order, has it answered, says it, or fails to on purpose.

Approved and paid are 200, declined and refused 402, pending 202; a `GET` of one is 200 whatever
became of it.
Errors are `{"error": {"code", "message"}}`. The request header `request-timeout-ms` tells how long
the caller waits, so that a slow answer can be slow enough.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tallystick.sandbox.acquirer import (
    Acquirer,
    Now,
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
    Void,
    shown,
)
from tallystick.sandbox.book import BankBook, BookBroken
from tallystick.sandbox.magic import Fault
from tallystick.sandbox.model import Bank, Pace, Status
from tallystick.sandbox.pacing import too_late_s
from tallystick.sandbox.payout_bodies import PayOut, ShownPayout, shown_payout
from tallystick.sandbox.payout_desk import PayoutDesk
from tallystick.sandbox.payout_model import PayoutStatus

BODY_LIMIT_BYTES = 65_536

BodyT = TypeVar("BodyT")

_HTML = {"content-type": "text/html; charset=utf-8"}
_STATUS_CODES: dict[str, int] = {
    Status.APPROVED: 200,
    Status.DECLINED: 402,
    Status.PENDING: 202,
    PayoutStatus.PAID: 200,
    PayoutStatus.REFUSED: 402,
}


class _Refused(Exception):
    """The request itself is wrong; nothing was done."""

    def __init__(self, status_code: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.code = code


def acquirer_app(
    bank: Bank, book: BankBook, *, pace: Pace | None = None, now: Now | None = None
) -> Starlette:
    """The ASGI application of one bank over its open book."""
    pace, now = pace or Pace(), now or _utc_now
    door = _Door(Acquirer(bank, book, pace, now), PayoutDesk(bank, book, pace, now))
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
            Route("/v1/report", door.report, methods=["GET"]),
            Route("/v1/health", door.health, methods=["GET"]),
        ],
        exception_handlers={
            _Refused: _refused,
            ReferenceReused: _reference_reused,
            UnknownAuthorization: _unknown_authorization,
            BookBroken: _book_broken,
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
        operation = await self.acquirer.find(request.path_params["reference"])
        if operation is None:
            raise _Refused(404, "unknown_reference", "nothing was done under this reference")
        return _json(shown(operation, self.acquirer.now()))

    async def pay_out(self, request: Request) -> Response:
        order = (await _read_body(request, PayOut)).order()
        limit_ms = _caller_limit_ms(request)
        answer = await self.desk.answer(order, limit_ms)
        if answer.fault is Fault.SLOW:
            await _sleep_while_waited_for(request, too_late_s(self.desk.pace, limit_ms))
        paid = answer.payout
        return _say(answer.fault, shown_payout(paid, paid.created_at) if paid else None)

    async def payout(self, request: Request) -> Response:
        found = await self.desk.find(request.path_params["reference"])
        if found is None:
            raise _Refused(404, "unknown_reference", "nothing was paid under this reference")
        return _json(shown_payout(found, self.desk.now()))

    async def report(self, request: Request) -> Response:
        query = _convert(dict(request.query_params), ReportQuery)
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
        return _json(report)

    async def health(self, _: Request) -> Response:
        return _json({"status": "ok", "bank": self.acquirer.bank.name})

    async def _order(self, request: Request, kind: type[Body]) -> Response:
        body = await _read_body(request, kind)
        order = body.order(request.path_params.get("authorization_reference", ""))
        limit_ms = _caller_limit_ms(request)
        answer = await self.acquirer.answer(order, limit_ms)
        if answer.fault is Fault.SLOW:
            await _sleep_while_waited_for(request, too_late_s(self.acquirer.pace, limit_ms))
        done = answer.operation
        return _say(answer.fault, shown(done, done.created_at) if done else None)


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


def _say(fault: Fault | None, first: Shown | ShownPayout | None) -> Response:
    """The first answer to an order, as it was when it was given, or what goes wrong instead."""
    match fault:
        case Fault.CHARGE_THEN_DROP | Fault.DROP_BEFORE:
            return _Drop()
        case Fault.CHARGE_THEN_500 | Fault.ERROR_500:
            return _error(500, "internal_error", "the bank does not feel well")
        case Fault.BUSY_429:
            return _error(429, "rate_limited", "too many requests", {"retry-after": "1"})
        case Fault.HTML:
            return Response("<html><body>Scheduled maintenance</body></html>", 200, _HTML)
        case Fault.WRONG_SCHEMA:
            return _json({"result": "OK", "txn": {"amt": "12.50"}})
    assert first is not None  # noqa: S101 (an answer without fault has its operation)
    return _json(first, _STATUS_CODES[first.status])


async def _read_body(request: Request, kind: type[BodyT]) -> BodyT:
    try:
        return msgspec.json.decode(await _read(request), type=kind)
    except (ValueError, RecursionError) as error:
        raise _Refused(400, "invalid_request", str(error)) from None


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise _Refused(413, "body_too_large", f"at most {BODY_LIMIT_BYTES} bytes")
    return bytes(body)


async def _sleep_while_waited_for(request: Request, seconds: float) -> None:
    """Sleep, but not on after the caller hung up: nobody is left to answer."""
    gone = asyncio.ensure_future(request.receive())
    await asyncio.wait({gone}, timeout=seconds)
    gone.cancel()


def _caller_limit_ms(request: Request) -> int | None:
    text = request.headers.get("request-timeout-ms", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else None


def _convert(query: dict[str, str], kind: type[ReportQuery]) -> ReportQuery:
    try:
        return msgspec.convert(query, kind, strict=False)
    except ValueError as error:
        raise _Refused(400, "invalid_request", str(error)) from None


def _json(
    content: object, status_code: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(msgspec.json.encode(content), status_code, headers, "application/json")


def _error(
    status_code: int, code: str, message: str, headers: dict[str, str] | None = None
) -> Response:
    return _json({"error": {"code": code, "message": message}}, status_code, headers)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, _Refused)  # noqa: S101 (registered for this class alone)
    return _error(error.status_code, error.code, str(error))


async def _reference_reused(_: Request, error: Exception) -> Response:
    return _error(409, ReferenceReused.code, f"{error} stands for another order")


async def _unknown_authorization(_: Request, error: Exception) -> Response:
    return _error(404, UnknownAuthorization.code, f"nothing was authorized under {error}")


async def _book_broken(_: Request, error: Exception) -> Response:
    return _error(503, BookBroken.code, str(error))


def _utc_now() -> datetime:
    return datetime.now(UTC)
