"""The rails' nouns: routes, the orders that go out on them and the outcomes that come back.

Amounts are integers in minor units. Every order carries our own `reference`, by which a provider
is idempotent: the same reference never moves money twice.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct


class Route(Struct, frozen=True, kw_only=True):
    """One way to move money: a provider at an address, under our conditions.

    `max_amount_minor` names the currencies the route takes and the largest amount of each, in
    minor units. Lower `priority` goes first.
    """

    name: str
    provider: str
    base_url: str
    priority: int
    max_amount_minor: Mapping[str, int]
    fee_bp: int
    methods: tuple[str, ...] = ("card",)

    @property
    def currencies(self) -> tuple[str, ...]:
        """What the route can be paid in."""
        return tuple(self.max_amount_minor)


class Standing(Struct, frozen=True):
    """How a route has done of late; one that nobody has tried is thought well of."""

    delay_ms: float = 0.0  # how long an authorization took
    answered: float = 1.0  # the share of them to which the bank said yes or no, 0 to 1


class AuthorizeOrder(Struct, frozen=True, kw_only=True):
    """Hold the amount on the payer's card; with `capture`, take it at once.

    `challenge`: we can send the payer to his bank, and he returns to `return_url`, if one is said.
    """

    route: str
    reference: str
    amount_minor: int
    currency: str
    token: str
    capture: bool = False
    merchant: str = ""
    challenge: bool = False
    return_url: str | None = None
    asked_before: bool = False  # an earlier ask under this reference was left unanswered


class CaptureOrder(Struct, frozen=True, kw_only=True):
    """Take what was held, or a part of it; unless `final`, more may follow."""

    route: str
    reference: str
    authorization_reference: str
    amount_minor: int
    currency: str
    final: bool = True
    asked_before: bool = False


class VoidOrder(Struct, frozen=True, kw_only=True):
    """Let go of what was held; only before anything was captured."""

    route: str
    reference: str
    authorization_reference: str
    asked_before: bool = False


class RefundOrder(Struct, frozen=True, kw_only=True):
    """Give back what was captured, or a part of it."""

    route: str
    reference: str
    authorization_reference: str
    amount_minor: int
    currency: str
    asked_before: bool = False


Order = AuthorizeOrder | CaptureOrder | VoidOrder | RefundOrder


class Approved(Struct, frozen=True):
    """Done; the provider's own id of it."""

    provider_reference: str


class Declined(Struct, frozen=True):
    """Surely not done. `retryable`: another route may do it, under a reference of its own."""

    code: str  # ours; its text for the payer is `Rails.customer_text(code)`
    retryable: bool
    provider_code: str


class Pending(Struct, frozen=True):
    """Accepted, not decided yet: find it later.

    With an `action_url` the bank asks the payer first: there he answers, until `expires_at`.
    """

    action_url: str | None = None
    expires_at: datetime | None = None


class Unanswered(Struct, frozen=True):
    """Nobody knows: done or not. Find it by its reference; never ask under another one."""

    reason: str  # short and ours, safe to log: nothing of the order, nothing of the reply


class NotFound(Struct, frozen=True):
    """The provider knows nothing under this reference, yet: an order may still be on its way."""


Outcome = Approved | Declined | Pending | Unanswered | NotFound
