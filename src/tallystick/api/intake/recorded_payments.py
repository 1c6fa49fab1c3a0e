"""`GET /api/v1/payments/webhook/...`: what was recorded of a reference, and what was reported.

Payments made elsewhere are the platform's: they belong to no merchant, whose keys do not see them.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.api.auth import PermissionDenied, authenticate
from tallystick.api.documented import PlainOperation
from tallystick.api.exchange import exchange_of
from tallystick.api.intake.recorded_views import (
    DuplicateAnswer,
    DuplicateView,
    RecordedPayment,
    RecordedPaymentAnswer,
    WebhookStatsAnswer,
)
from tallystick.api.intake.webhook import PATH
from tallystick.api.intake.webhook_stats import webhook_stats
from tallystick.api.plain_route import plain_route
from tallystick.app import App
from tallystick.identity import Permission

STATS_PATH: Final = f"{PATH}/stats"
DUPLICATE_PATH: Final = f"{PATH}/duplicate/{{reference_number}}"
PAYMENT_PATH: Final = f"{PATH}/payment/{{reference_number}}"
REFERENCE_LENGTH_MAX: Final = 255
_JSON: Final = msgspec.json.Encoder(decimal_format="number")


class RecordedPaymentNotFound(Exception):
    """No recorded payment has this reference."""

    code = "payment_not_found"


@dataclass(frozen=True, slots=True)
class RecordedPaymentRoutes:
    """The three handlers."""

    app: App

    async def show_stats(self, request: Request) -> Response:
        """What the webhook has seen."""
        await self._require_platform(request)
        stats = webhook_stats(self.app.recording.references.redis_state)
        return _answer(WebhookStatsAnswer(success=True, data=stats))

    async def check_duplicate(self, request: Request) -> Response:
        """Whether a reference is taken."""
        reference = await self._reference(request)
        found = await self.app.recording.references.find(reference) if reference else None
        view = DuplicateView(
            reference_number=request.path_params["reference_number"],
            is_duplicate=found is not None,
            payment_id=str(found) if found else None,
        )
        return _answer(DuplicateAnswer(success=True, data=view))

    async def show_payment(self, request: Request) -> Response:
        """The payment that has a reference."""
        reference = await self._reference(request)
        row = await self.app.recording.find_payment(reference) if reference else None
        if row is None:
            raise RecordedPaymentNotFound("no recorded payment has this reference")
        return _answer(RecordedPaymentAnswer(success=True, data=RecordedPayment.of(row)))

    async def _reference(self, request: Request) -> str | None:
        """The reference asked for; None if no payment can have it."""
        await self._require_platform(request)
        reference: str = request.path_params["reference_number"]
        possible = 0 < len(reference) <= REFERENCE_LENGTH_MAX and "\0" not in reference
        return reference if possible else None

    async def _require_platform(self, request: Request) -> None:
        principal = await authenticate(exchange_of(request), self.app.keys, Permission.READ)
        if not principal.is_operator:
            raise PermissionDenied("payments made elsewhere are the platform's, not a merchant's")


def recorded_payment_routes(app: App) -> list[Route]:
    """The routes, more particular than a channel's."""
    handlers = RecordedPaymentRoutes(app)
    return [
        plain_route(STATS_PATH, handlers.show_stats, "GET"),
        plain_route(DUPLICATE_PATH, handlers.check_duplicate, "GET"),
        plain_route(PAYMENT_PATH, handlers.show_payment, "GET"),
    ]


def _answer(content: Struct) -> Response:
    return Response(_JSON.encode(content), media_type="application/json")


def _operation(path: str, summary: str, answer: type[Any]) -> PlainOperation:
    reference = {
        "name": "reference_number",
        "in": "path",
        "required": True,
        "description": "As it was reported; `/` written as `%2F`.",
        "schema": {"type": "string", "minLength": 1, "maxLength": REFERENCE_LENGTH_MAX},
    }
    return PlainOperation(
        method="GET",
        path=path,
        summary=summary,
        tag="intake",
        status=200,
        answer=answer,
        problems=(401, 403, 404, 413, 500, 503, 504),
        permission=Permission.READ,
        headers=(reference,) if "{" in path else (),
    )


OPERATIONS: Final = (
    _operation(STATS_PATH, "What the webhook has seen. Operators only.", WebhookStatsAnswer),
    _operation(DUPLICATE_PATH, "Whether a reference is taken. Operators only.", DuplicateAnswer),
    _operation(
        PAYMENT_PATH, "The recorded payment of a reference. Operators only.", RecordedPaymentAnswer
    ),
)
