"""`POST /api/v1/payments/webhook`: document 000's own address, body and answers.

Its senders know no API key and no Idempotency-Key: the signature over the raw bytes says who, and
the reference number says which. So the signature is looked at before anything is read.
"""

from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.api.bodies import read_raw, require_json
from tallystick.api.documented import PlainOperation
from tallystick.api.exchange import exchange_of
from tallystick.api.plain_route import plain_route
from tallystick.api.strict_json import MalformedJson, parse_json
from tallystick.api.webhook_bodies import (
    WebhookAnswer,
    WebhookData,
    WebhookPayment,
    WebhookRefusal,
)
from tallystick.app import App
from tallystick.intake import InvalidPayment, Receipt, parse_webhook, verify_signature
from tallystick.platform.settings import secret

PATH: Final = "/api/v1/payments/webhook"
BODY_BYTES_MAX: Final = 262_144


@dataclass(frozen=True, slots=True)
class WebhookRoute:
    """The handler."""

    app: App

    async def receive(self, request: Request) -> Response:
        """Record what the sender reports, once for its reference."""
        raw = await read_raw(request)
        if not self._is_signed(request, raw):
            return _failed(request, 401, "Authentication failed")
        require_json(exchange_of(request))
        try:
            payment = parse_webhook(parse_json(raw), self.app.recording.terms)
            recorded = await self.app.recording.record_webhook(
                payment, self._receipt(request), patience_s=self._patience_s
            )
        except MalformedJson as error:
            return _failed(request, 400, "Validation failed", [{"message": str(error)}])
        except InvalidPayment as error:
            return _failed(request, 400, "Invalid payment data", _details(error))
        data = WebhookData(recorded.status, str(recorded.payment_id))
        return _json(
            WebhookAnswer(success=True, data=data, processing_time_ms=_took_ms(request)), 200
        )

    @property
    def _patience_s(self) -> float:
        return self.app.settings.webhook_timeout_ms / 1000

    def _is_signed(self, request: Request, raw: bytes) -> bool:
        settings = self.app.settings
        if not settings.webhook_auth_enabled:
            return True
        given = request.headers.getlist(settings.webhook_auth_header)
        if len(given) != 1:
            return False
        return verify_signature(raw, given[0], secret(settings.webhook_auth_secret))

    def _receipt(self, request: Request) -> Receipt:
        return Receipt(
            received_at=self.app.clock.now(),
            request_id=exchange_of(request).request_id,
            client_ip=request.client.host if request.client else None,
        )


def webhook_routes(app: App) -> list[Route]:
    """The route."""
    return [plain_route(PATH, WebhookRoute(app).receive, "POST")]


def _failed(
    request: Request, status: int, error: str, details: list[dict[str, str]] | None = None
) -> Response:
    refusal = WebhookRefusal(
        success=False, error=error, processing_time_ms=_took_ms(request), details=details
    )
    return _json(refusal, status)


def _details(error: InvalidPayment) -> list[dict[str, str]]:
    return [{"field": fault.field, "message": fault.message} for fault in error.errors]


def _took_ms(request: Request) -> int:
    return round(exchange_of(request).duration_s * 1000)


def _json(content: Struct, status: int) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


OPERATIONS: Final = (
    PlainOperation(
        method="POST",
        path=PATH,
        summary="Record a payment made elsewhere, once for its reference; signed, no API key",
        tag="intake",
        status=200,
        answer=WebhookAnswer,
        problems=(409, 413, 415, 422, 500, 503, 504),
        body=WebhookPayment,
        other_answers={400: WebhookRefusal, 401: WebhookRefusal},
        headers=(
            {
                "name": "X-Signature",
                "in": "header",
                "required": False,
                "description": "`sha256=` and the HMAC-SHA-256 of the raw body, in hex.",
                "schema": {"type": "string"},
            },
        ),
    ),
)
