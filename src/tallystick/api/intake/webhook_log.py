"""What is logged and counted of each report, with document 000's names and fields."""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from tallystick.api.access_log import AccessLog
from tallystick.api.exchange import exchange_of
from tallystick.api.intake.webhook_answers import took_ms
from tallystick.intake import Channel, Recorded, ReportedPayment, Source, payment_metrics
from tallystick.platform.telemetry import get_logger

_STATUSES: Final[Mapping[str, str]] = {"created": "success", "duplicate": "duplicate"}
_log = get_logger("tallystick.intake")


@dataclass(frozen=True, slots=True)
class WebhookLog:
    """One process's. `lines` takes what is logged of every report; None: nothing is."""

    lines: AccessLog | None

    def tell_recorded(
        self, request: Request, channel: Channel, payment: ReportedPayment, recorded: Recorded
    ) -> None:
        """It was recorded, now or before."""
        metrics, exchange = payment_metrics(), exchange_of(request)
        metrics.count(Source.WEBHOOK, _STATUSES[recorded.status])
        metrics.observe(Source.WEBHOOK, channel.name, exchange.duration_s)
        if self.lines is None:
            return
        self.lines.write(
            event="payment_processed",
            logger="tallystick.intake",
            request_id=exchange.request_id,
            payment_id=str(recorded.payment_id),
            reference_number=payment.reference_number,
            amount=payment.amount.plain(),
            source=Source.WEBHOOK,
            channel=channel.name,
            processing_time_ms=took_ms(request),
            duplicate=recorded.status == "duplicate",
        )

    def tell_failed(
        self,
        request: Request,
        channel: Channel,
        payment: ReportedPayment,
        error: BaseException,
        client_ip: str | None,
    ) -> None:
        """It could not be recorded, for no fault of its fields."""
        metrics, exchange = payment_metrics(), exchange_of(request)
        metrics.count(Source.WEBHOOK, "error")
        metrics.observe(Source.WEBHOOK, channel.name, exchange.duration_s)
        _log.error(
            "payment_processing_failed",
            request_id=exchange.request_id,
            reference_number=payment.reference_number,
            error=str(error) or type(error).__name__,
            stack="".join(traceback.format_exception(error)),
            processing_time_ms=took_ms(request),
            client_ip=client_ip,
        )

    def tell_refused(self, reason: str) -> None:
        """It was not even looked at, or was found invalid: `reason` is one word."""
        payment_metrics().count(Source.WEBHOOK, reason)
