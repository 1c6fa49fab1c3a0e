"""What the webhook answers, in document 000's words."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from tallystick.api.exchange import exchange_of
from tallystick.intake import InvalidPayment, Recorded


class WebhookData(Struct, frozen=True):
    """`created`, or `duplicate` of the payment that has this reference already."""

    status: str
    payment_id: str


class WebhookAnswer(Struct, frozen=True):
    """Recorded, now or before."""

    success: bool
    data: WebhookData
    processing_time_ms: int


class WebhookRefusal(Struct, frozen=True, omit_defaults=True):
    """Not recorded, and why."""

    success: bool
    error: str
    processing_time_ms: int
    details: list[dict[str, str]] | None = None


def recorded_answer(request: Request, recorded: Recorded) -> Response:
    """Recorded, now or before."""
    data = WebhookData(recorded.status, str(recorded.payment_id))
    return _json(WebhookAnswer(success=True, data=data, processing_time_ms=took_ms(request)), 200)


def invalid_answer(request: Request, invalid: InvalidPayment) -> Response:
    """Understood, and cannot be a payment: every field that is wrong."""
    details = [{"field": fault.field, "message": fault.message} for fault in invalid.errors]
    return refusal(request, 400, "Invalid payment data", details)


def refusal(
    request: Request, status: int, error: str, details: Sequence[dict[str, str]] = ()
) -> Response:
    """Not recorded."""
    return _json(
        WebhookRefusal(
            success=False,
            error=error,
            processing_time_ms=took_ms(request),
            details=list(details) or None,
        ),
        status,
    )


def took_ms(request: Request) -> int:
    """Since the request's first byte."""
    return round(exchange_of(request).duration_s * 1000)


def _json(content: Struct, status: int) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
