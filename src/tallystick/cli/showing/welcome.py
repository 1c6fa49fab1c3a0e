"""What a newcomer is told: where everything is, the key, and two lines to paste into a shell."""

import shlex
from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from tallystick.cli.here import Credentials
from tallystick.cli.showing.stories import PAYMENTS, WEBHOOK, Webhook, report

FIRST_PAYMENT: Final = {"amount": 125_000, "currency": "INR", "payment_method": "tok_visa"}


class Welcome(Struct, frozen=True):
    """The places of a running platform, and the lines to try it with."""

    api: str
    docs: str | None  # in test mode
    openapi: str
    metrics: str
    home: str
    api_key: str | None
    pay: str | None
    record: str | None

    def lines(self) -> list[str]:
        """For the terminal; what is to be pasted stands alone, so that nothing breaks it."""
        docs = "/docs, " if self.docs else ""
        places = [
            f"  API       {self.api}   with {docs}/openapi.json, /metrics, /ready",
            f"  data      {self.home}   with logs/ of each process",
        ]
        if self.api_key is None:
            return [*places, "", "Make a key with `tallystick keys create --operator`."]
        return [
            *places,
            f"  API key   {self.api_key}",
            "",
            "Pay something:",
            self.pay or "",
            "",
            "Report a payment made elsewhere, signed:",
            self.record or "",
        ]


def welcome(
    api_url: str, home: str, credentials: Credentials | None, webhook: Webhook, now: datetime
) -> Welcome:
    """What to say about the platform at this address."""
    return Welcome(
        api=api_url,
        docs=f"{api_url}/docs" if credentials else None,
        openapi=f"{api_url}/openapi.json",
        metrics=f"{api_url}/metrics",
        home=home,
        api_key=credentials.merchant_key if credentials else None,
        pay=_pay_line(api_url, credentials.merchant_key) if credentials else None,
        record=_record_line(api_url, webhook, now) if credentials else None,
    )


def _pay_line(api_url: str, key: str) -> str:
    body = msgspec.json.encode(FIRST_PAYMENT)
    return _curl(f"{api_url}{PAYMENTS}", {"Authorization": f"Bearer {key}"}, body)


def _record_line(api_url: str, webhook: Webhook, now: datetime) -> str:
    reference = f"PAY-{now:%Y%m%d-%H%M%S}"
    body, headers = webhook.request(report(reference, 1000.5, now))
    return _curl(f"{api_url}{WEBHOOK}", headers, body)


def _curl(url: str, headers: dict[str, str], body: bytes) -> str:
    told = {**headers, "Content-Type": "application/json"}
    words = ["curl", "-s", url]
    for name, value in told.items():
        words += ["-H", f"{name}: {value}"]
    return shlex.join([*words, "-d", body.decode()])
