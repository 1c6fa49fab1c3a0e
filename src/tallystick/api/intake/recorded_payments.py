"""`GET /api/v1/payments/webhook/...`: what was recorded of a reference, and what was reported.

Payments made elsewhere are the platform's: they belong to no merchant, whose keys do not see them.
"""

from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.api.auth import require_platform
from tallystick.api.documented import PlainOperation
from tallystick.api.intake.platform_route import REFUSALS, answer, platform_route
from tallystick.api.intake.recorded_views import (
    DuplicateAnswer,
    DuplicateView,
    RecordedPayment,
    RecordedPaymentAnswer,
    WebhookStatsAnswer,
)
from tallystick.api.intake.webhook import PATH
from tallystick.api.intake.webhook_stats import webhook_stats
from tallystick.app import App
from tallystick.identity import Permission

STATS_PATH: Final = f"{PATH}/stats"
DUPLICATE_PATH: Final = f"{PATH}/duplicate/{{reference_number}}"
PAYMENT_PATH: Final = f"{PATH}/payment/{{reference_number}}"
REFERENCE_LENGTH_MAX: Final = 255


class RecordedPaymentNotFound(Exception):
    """No recorded payment has this reference."""

    code = "payment_not_found"


@dataclass(frozen=True, slots=True)
class RecordedPaymentRoutes:
    """The three handlers."""

    app: App

    async def show_stats(self, request: Request) -> Response:
        """What the webhook has seen."""
        await require_platform(self.app, request)
        return answer(webhook_stats(self.app.recording.references.redis_state))

    async def check_duplicate(self, request: Request) -> Response:
        """Whether a reference is taken."""
        reference = await self._reference(request)
        found = await self.app.recording.references.find(reference) if reference else None
        view = DuplicateView(
            reference_number=request.path_params["reference_number"],
            is_duplicate=found is not None,
            payment_id=str(found) if found else None,
        )
        return answer(view)

    async def show_payment(self, request: Request) -> Response:
        """The payment that has a reference."""
        reference = await self._reference(request)
        row = await self.app.recording.find_payment(reference) if reference else None
        if row is None:
            raise RecordedPaymentNotFound("no recorded payment has this reference")
        return answer(RecordedPayment.of(row))

    async def _reference(self, request: Request) -> str | None:
        """The reference asked for; None if no payment can have it."""
        await require_platform(self.app, request)
        reference: str = request.path_params["reference_number"]
        possible = 0 < len(reference) <= REFERENCE_LENGTH_MAX and "\0" not in reference
        return reference if possible else None


def recorded_payment_routes(app: App) -> list[Route]:
    """The routes, more particular than a channel's."""
    handlers = RecordedPaymentRoutes(app)
    return [
        platform_route(STATS_PATH, handlers.show_stats, "GET"),
        platform_route(DUPLICATE_PATH, handlers.check_duplicate, "GET"),
        platform_route(PAYMENT_PATH, handlers.show_payment, "GET"),
    ]


def _operation(path: str, summary: str, shape: type[Any]) -> PlainOperation:
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
        answer=shape,
        problems=(403, 404, 413, 500, 503, 504),
        other_answers=REFUSALS,
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
