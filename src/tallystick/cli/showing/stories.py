"""What happens to the demo's customers: small stories told over the real API, each with its end.

A story is a deterministic function of its number and the seed; only its Idempotency-Keys are new
in every run. Amounts keep clear of the sandbox's magic ones, which end below 4400.
"""

import asyncio
import hmac
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from tallystick.cli.api_client import ApiClient

PAYMENTS: Final = "/api/v1/payments"
INTENTS: Final = "/api/v1/intents"
REFUNDS: Final = "/api/v1/refunds"
WEBHOOK: Final = "/api/v1/payments/webhook"

CURRENCIES: Final = ("INR", "INR", "INR", "USD")
AMOUNT_MINOR_MIN, AMOUNT_MINOR_MAX = 20_000, 900_000
LOOK_PAUSE_S: Final = 0.25
RECOVERY_PATIENCE_S: Final = 90.0

DECLINING: Final = (
    "tok_declined",
    "tok_insufficient_funds",
    "tok_expired_card",
    "tok_stolen_card",
    "tok_limit_exceeded",
)
UNANSWERED: Final = ("tok_charge_then_drop", "tok_charge_then_500", "tok_wrong_schema")

Body = Mapping[str, Any]


class UnexpectedEnd(Exception):
    """A story ended otherwise than it must."""

    code = "unexpected_end"


@dataclass
class Story:
    """One customer's story. `tell` runs it and answers with its outcome."""

    kind: str
    number: int
    api: ApiClient
    run: str  # makes the Idempotency-Keys of this run its own
    chance: random.Random
    webhook: "Webhook"
    steps: int = 0

    async def tell(self) -> str:
        """What became of it: a payment's status, `recovered`, or `recorded`. Raises UnexpectedEnd,
        ApiRefused, ApiAway.
        """
        return await STORIES[self.kind](self)

    async def post(self, path: str, body: Body) -> dict[str, Any]:
        self.steps += 1
        reply = await self.api.post(path, body, key=f"{self.run}-{self.number}-{self.steps}")
        return reply.body

    async def pay(self, token: str, **more: Any) -> dict[str, Any]:
        """A direct payment of some amount."""
        return await self.post(PAYMENTS, {**self.order(), "payment_method": token, **more})

    def order(self) -> dict[str, Any]:
        return {
            "amount": self.chance.randint(AMOUNT_MINOR_MIN, AMOUNT_MINOR_MAX),
            "currency": self.chance.choice(CURRENCIES),
            "description": f"Order {self.number}",
        }

    async def settled(self, payment: Body) -> dict[str, Any]:
        """The payment once it is not pending any more: looked at until recovery has found it."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + RECOVERY_PATIENCE_S
        while True:
            found = (await self.api.get(f"{PAYMENTS}/{payment['id']}")).body
            if found["status"] not in ("initiated", "pending") or loop.time() > deadline_s:
                return found
            await asyncio.sleep(LOOK_PAUSE_S)


@dataclass(frozen=True)
class Webhook:
    """How payments made elsewhere are reported: signed, with no API key."""

    header: str
    secret: str | None  # None: unsigned

    def request(self, report: Body) -> tuple[bytes, dict[str, str]]:
        """The body of a report and the headers that go with it."""
        body = msgspec.json.encode(report)
        if self.secret is None:
            return body, {}
        digest = hmac.digest(self.secret.encode(), body, "sha256").hex()
        return body, {self.header: f"sha256={digest}"}


def report(reference: str, amount_major: float, now: datetime) -> dict[str, Any]:
    """A payment made elsewhere, in the documented shape."""
    return {
        "reference_number": reference,
        "loan_account_number": "LA123456789",
        "cif": "CIF123456",
        "amount": amount_major,
        "payment_date": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "payment_channel": "online_banking",
    }


async def bought(story: Story) -> str:
    """An intent, confirmed with a good card."""
    intent = await story.post(INTENTS, story.order())
    paid = await story.post(f"{INTENTS}/{intent['id']}/confirm", {"payment_method": "tok_visa"})
    return _expected(paid, "succeeded", "captured")


async def paid_directly(story: Story) -> str:
    """A payment in one call."""
    return _expected(await story.pay("tok_mastercard"), "captured")


async def declined(story: Story) -> str:
    """A card that the bank refuses."""
    return _expected(await story.pay(story.chance.choice(DECLINING)), "failed")


async def rerouted(story: Story) -> str:
    """The first bank cannot reach the card's issuer, the second one can."""
    return _expected(await story.pay("tok_issuer_down"), "captured")


async def partly_captured(story: Story) -> str:
    """Authorized; a part is shipped and captured, the rest is let go."""
    payment = await story.pay("tok_visa", capture_method="manual")
    part = {"amount": payment["amount"] * 6 // 10, "final": True}
    return _expected(await story.post(f"{PAYMENTS}/{payment['id']}/capture", part), "captured")


async def refunded(story: Story) -> str:
    """Paid, and all of it or a half given back."""
    payment = await story.pay("tok_visa")
    order: dict[str, Any] = {"payment_id": payment["id"]}
    if story.chance.random() < 0.5:
        order["amount"] = payment["amount"] // 2
    refund = await story.post(REFUNDS, order)
    _expected(refund, "succeeded")
    found = (await story.api.get(f"{PAYMENTS}/{payment['id']}")).body
    return _expected(found, "partially_refunded" if "amount" in order else "refunded")


async def cancelled(story: Story) -> str:
    """Authorized, and cancelled before anything was captured."""
    payment = await story.pay("tok_visa", capture_method="manual")
    return _expected(await story.post(f"{PAYMENTS}/{payment['id']}/cancel", {}), "cancelled")


async def timed_out(story: Story) -> str:
    """The bank takes the money and never says so; recovery learns it from the bank's own book."""
    payment = await story.pay(story.chance.choice(UNANSWERED))
    _expected(payment, "pending")
    return _expected(await story.settled(payment), "captured", "recovered")


async def recorded(story: Story) -> str:
    """A payment made elsewhere, reported by a signed webhook."""
    reference = f"DEMO-{story.run}-{story.number}"
    amount = story.chance.randint(1_000, 90_000) / 100
    body, headers = story.webhook.request(report(reference, amount, datetime.now(UTC)))
    reply = await story.api.post(WEBHOOK, body, headers=headers)
    if reply.body.get("data", {}).get("status") != "created":
        raise UnexpectedEnd(f"the report {reference} was answered {reply.body}")
    return "recorded"


STORIES: Final[Mapping[str, Callable[[Story], Awaitable[str]]]] = {
    "bought": bought,
    "paid directly": paid_directly,
    "declined": declined,
    "rerouted": rerouted,
    "partly captured": partly_captured,
    "refunded": refunded,
    "cancelled": cancelled,
    "timed out": timed_out,
    "recorded": recorded,
}

_DECK: Final = (
    *("bought",) * 5,
    *("paid directly",) * 3,
    *("declined",) * 3,
    "rerouted",
    *("partly captured",) * 2,
    *("refunded",) * 2,
    "cancelled",
    "timed out",
    *("recorded",) * 2,
)


def deal(number: int, seed: int) -> tuple[str, random.Random]:
    """The kind of the `number`-th story (from 0) and its own chance; every 20 have all kinds."""
    round_, place = divmod(number, len(_DECK))
    deck = list(_DECK)
    random.Random(f"{seed}:{round_}").shuffle(deck)  # noqa: S311 - chance by seed
    return deck[place], random.Random(f"{seed}:{number}:story")  # noqa: S311


def _expected(body: Body, status: str, outcome: str | None = None) -> str:
    if body.get("status") != status:
        said = {name: body.get(name) for name in ("id", "status", "failure_code")}
        raise UnexpectedEnd(f"expected {status}: {said}")
    return outcome or status
