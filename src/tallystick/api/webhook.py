"""`POST /api/v1/payments/webhook`: document 000's own address, body and answers.

Its senders know no API key and no Idempotency-Key: the signature over the raw bytes says who, and
the reference number says which. So the signature is looked at before anything is read.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.api.bodies import require_json
from tallystick.api.exchange import exchange_of
from tallystick.api.plain_route import plain_route
from tallystick.api.strict_json import MalformedJson, parse_json
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
        raw = await request.body()
        if not self._is_signed(request, raw):
            return _failed(request, 401, "Authentication failed")
        require_json(request)
        try:
            payment = parse_webhook(parse_json(raw), self.app.recording.terms)
            recorded = await self.app.recording.record_webhook(
                payment, self._receipt(request), patience_s=self._patience_s
            )
        except MalformedJson as error:
            return _failed(request, 400, "Validation failed", [{"message": str(error)}])
        except InvalidPayment as error:
            return _failed(request, 400, "Invalid payment data", error.errors)
        data = {"status": recorded.status, "payment_id": str(recorded.payment_id)}
        return _answer(request, 200, {"success": True, "data": data})

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
    return [plain_route(PATH, WebhookRoute(app).receive, ["POST"])]


def _failed(request: Request, status: int, error: str, details: Any = None) -> Response:
    body = {"success": False, "error": error}
    return _answer(request, status, body if details is None else body | {"details": details})


def _answer(request: Request, status: int, body: dict[str, Any]) -> Response:
    took_ms = round(exchange_of(request).duration_s * 1000)
    content = msgspec.json.encode(body | {"processing_time_ms": took_ms})
    return Response(content, status, media_type="application/json")
