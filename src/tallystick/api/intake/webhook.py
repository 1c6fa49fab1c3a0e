"""`POST /api/v1/payments/webhook` and `/webhook/{channel}`: document 000's address and answers.

Its senders know no API key and no Idempotency-Key: the signature over the raw bytes says who, and
the reference number says which. So address and signature are looked at before anything is read,
and only who is known uses up an allowance.
"""

import re
from dataclasses import dataclass
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.api.access_log import AccessLog
from tallystick.api.bodies import read_raw, require_json
from tallystick.api.documented import PlainOperation
from tallystick.api.exchange import exchange_of
from tallystick.api.intake.client_address import Address, client_address, subscriber_of
from tallystick.api.intake.webhook_answers import (
    WebhookAnswer,
    WebhookRefusal,
    invalid_answer,
    recorded_answer,
    refusal,
)
from tallystick.api.intake.webhook_bodies import WebhookPayment
from tallystick.api.intake.webhook_log import WebhookLog
from tallystick.api.plain_route import plain_route
from tallystick.api.strict_json import MalformedJson, parse_json
from tallystick.app import App
from tallystick.intake import (
    Channel,
    Channels,
    InvalidPayment,
    Receipt,
    Recorded,
    ReportedPayment,
)
from tallystick.platform.limits import SlidingWindows

PATH: Final = "/api/v1/payments/webhook"
CHANNEL_PATH: Final = f"{PATH}/{{channel}}"
BODY_BYTES_MAX: Final = 262_144
LIMIT_PREFIX: Final = "rate_limit:webhook"  # document 000's
_BEHIND_THE_GATE_S: Final = 1.0  # the journal waits longer, so that the gate says it is over
_CHANNEL: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class WebhookRoutes:
    """The handler of both addresses."""

    def __init__(self, app: App, lines: AccessLog | None) -> None:
        self._app = app
        self._channels = Channels(app.settings)
        self._windows = SlidingWindows(app.redis, LIMIT_PREFIX)
        self._log = WebhookLog(lines)
        self._timeout_s = app.settings.webhook_timeout_ms / 1000

    async def receive(self, request: Request) -> Response:
        """Record what the sender reports, once for its reference."""
        exchange = exchange_of(request)
        exchange.hurry(self._timeout_s, "the time for this report is over; send it again")
        report = _Report.of(request, self._app, self._channels)
        channel = report.channel
        raw = await read_raw(request) if channel.admits(report.client) else None
        if raw is None or not channel.is_signed(raw, report.signature):
            self._log.tell_refused("unauthenticated")
            return refusal(request, 401, "Authentication failed")
        if not await self._is_allowed(report):
            self._log.tell_refused("rate_limited")
            return refusal(request, 429, "Rate limit exceeded")
        require_json(exchange)
        try:
            payment = channel.read(parse_json(raw))
            recorded = await self._record(report, payment)
        except MalformedJson as error:
            self._log.tell_refused("invalid")
            return refusal(request, 400, "Validation failed", [{"message": str(error)}])
        except InvalidPayment as error:
            self._log.tell_refused("invalid")
            return invalid_answer(request, error)
        self._log.tell_recorded(request, channel, payment, recorded)
        return recorded_answer(request, recorded)

    async def _record(self, report: "_Report", payment: ReportedPayment) -> Recorded:
        receipt = Receipt(
            received_at=self._app.clock.now(),
            channel=report.channel_name,
            request_id=exchange_of(report.request).request_id,
            client_ip=report.client_ip,
        )
        try:
            return await self._app.recording.record_webhook(
                payment, receipt, patience_s=self._timeout_s + _BEHIND_THE_GATE_S
            )
        except InvalidPayment:
            raise
        except BaseException as error:
            self._log.tell_failed(report.request, report.channel, payment, error, report.client_ip)
            raise

    async def _is_allowed(self, report: "_Report") -> bool:
        """Count it, and tell the sender how much is left (draft-ietf-httpapi-ratelimit-headers)."""
        limit = report.channel.limit
        if limit is None:
            return True
        client = f"{report.channel.name}:{subscriber_of(report.client)}"
        allowance = await self._windows.take(client, limit)
        exchange = exchange_of(report.request)
        exchange.answer_headers += (
            (b"RateLimit-Limit", b"%d" % allowance.limit),
            (b"RateLimit-Remaining", b"%d" % allowance.remaining),
            (b"RateLimit-Reset", b"%d" % allowance.reset_s),
        )
        if not allowance.allowed:
            exchange.add_header("Retry-After", str(allowance.reset_s))
        return allowance.allowed


@dataclass(frozen=True, slots=True)
class _Report:
    """A request to the webhook: whose terms hold for it, and where it comes from."""

    request: Request
    channel_name: str | None
    channel: Channel
    client: Address | None

    @classmethod
    def of(cls, request: Request, app: App, channels: Channels) -> "_Report":
        name = request.path_params.get("channel")
        if name is not None and not _CHANNEL.fullmatch(name):
            raise HTTPException(404)
        client = client_address(request, app.settings.webhook_trusted_proxies)
        return cls(request, name, channels.get(name), client)

    @property
    def client_ip(self) -> str | None:
        return str(self.client) if self.client else None

    @property
    def signature(self) -> str | None:
        """The signature, if there is one; two of them are joined, and right for nobody."""
        given = exchange_of(self.request).headers.get(self.channel.header.lower().encode())
        return given.decode("latin-1") if given else None


def webhook_routes(app: App, lines: AccessLog | None = None) -> list[Route]:
    """The two routes. `lines` takes a line of the log for every report."""
    handlers = WebhookRoutes(app, lines)
    return [plain_route(path, handlers.receive, "POST") for path in (PATH, CHANNEL_PATH)]


def body_limits(app: App) -> dict[str, int]:
    """How long a body may be: on the address for everybody and on those of the channels."""
    names = app.settings.webhook_channels or {}
    return dict.fromkeys((PATH, *(f"{PATH}/{name}" for name in names)), BODY_BYTES_MAX)


def _operation(path: str, summary: str, *parameters: dict[str, object]) -> PlainOperation:
    signature: dict[str, object] = {
        "name": "X-Signature",
        "in": "header",
        "required": False,
        "description": "`sha256=` and the HMAC-SHA-256 of the raw body, in hex.",
        "schema": {"type": "string"},
    }
    return PlainOperation(
        method="POST",
        path=path,
        summary=summary,
        tag="intake",
        status=200,
        answer=WebhookAnswer,
        problems=(404, 409, 413, 415, 422, 500, 503, 504),
        body=WebhookPayment,
        other_answers={400: WebhookRefusal, 401: WebhookRefusal, 429: WebhookRefusal},
        headers=(*parameters, signature),
    )


OPERATIONS: Final = (
    _operation(PATH, "Record a payment made elsewhere, once for its reference; signed, no API key"),
    _operation(
        CHANNEL_PATH,
        "The same, on the terms of one sender: its secrets, limits and names of fields",
        {
            "name": "channel",
            "in": "path",
            "required": True,
            "description": "A channel of the settings; any other has the terms of everybody.",
            "schema": {"type": "string", "pattern": f"^{_CHANNEL.pattern}$"},
        },
    ),
)
