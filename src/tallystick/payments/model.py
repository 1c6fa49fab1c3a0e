"""Payments' nouns: the three rows, what runs at a provider, and what a verb answers."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct, structs

from tallystick.payments.customers.model import method_said
from tallystick.payments.customers.tokens import payable_kind
from tallystick.payments.errors import IllegalTransition
from tallystick.payments.fees.terms import Charge, FeeBack, FeeTerms
from tallystick.payments.references import payment_reference
from tallystick.platform.ids import typeid
from tallystick.platform.settings import Settings

CAPTURABLE_STATES: Final = ("authorized", "captured", "partially_refunded")
HOLDING_STATES: Final = ("authorized", "captured", "partially_refunded", "refunded")
CANCEL_REASONS: Final = frozenset({"requested_by_customer", "duplicate", "fraudulent", "abandoned"})
REFUND_REASONS: Final = frozenset({"requested_by_customer", "duplicate", "fraudulent"})


class CaptureMethod(StrEnum):
    """When an authorized payment is captured."""

    AUTOMATIC = "automatic"  # by the provider, together with the authorization
    MANUAL = "manual"  # when the merchant asks


class Verb(StrEnum):
    """What may run at a provider."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class Why(StrEnum):
    """Who started an operation, hence what follows from its end."""

    ASKED = "asked"  # a caller: a decline is the answer to his claim
    EXPIRED = "expired"  # the authorization ran out
    LATE = "late"  # the bank approved what we had given up


class Limits(Struct, frozen=True):
    """The times this room keeps to, from the settings."""

    provider_timeout_ms: int = 10_000
    provider_settle_ms: int = 30_000  # how long "not found" is not believed
    recovery_schedule_s: tuple[int, ...] = (60, 300, 3_600, 86_400)
    authorization_ttl_s: int = 604_800
    intent_ttl_s: int = 86_400
    intent_attempts_max: int = 10
    claim_patience_ms: int = 5_000
    ask_margin_ms: int = 2_000  # for everything around the provider's own time limit
    refund_advance_minor: dict[str, int] = {}  # by currency, the most a merchant may owe

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that the settings name."""
        return cls(
            provider_timeout_ms=settings.provider_timeout_ms,
            provider_settle_ms=settings.provider_settle_ms,
            recovery_schedule_s=settings.recovery_schedule_s,
            authorization_ttl_s=settings.authorization_ttl_s,
            intent_ttl_s=settings.intent_ttl_s,
            intent_attempts_max=settings.intent_max_attempts,
            claim_patience_ms=settings.claim_patience_ms,
            refund_advance_minor=settings.refund_advance_minor or {},
        )

    @property
    def ask_limit_s(self) -> float:
        """After this long nobody can still be waiting for the provider's answer."""
        return (self.provider_timeout_ms + self.ask_margin_ms) / 1_000

    def check_after_s(self, checks: int) -> int:
        """The pause before the next look, after `checks` of them."""
        return self.recovery_schedule_s[min(checks, len(self.recovery_schedule_s) - 1)]


class Operation(Struct, frozen=True, omit_defaults=True):
    """What is being asked of a provider, kept as JSON on the row until its end is recorded.

    `unknown` says that an answer is overdue; it lives here and is never a payment's status.
    """

    verb: Verb
    reference: str
    amount_minor: int
    asked_at: datetime
    unknown: bool = False
    checks: int = 0
    why: Why = Why.ASKED
    final: bool = False
    reason: str | None = None
    claim_id: UUID | None = None  # the claim to be closed, and ...
    subject_id: UUID | None = None  # ... the object whose version answers its repeats
    asked_again_at: datetime | None = None  # its age still counts from `asked_at`

    def not_known(self) -> "Operation":
        """The same after another look that did not settle it."""
        return structs.replace(self, unknown=True, checks=self.checks + 1)

    def is_over(self, now: datetime, limits: Limits) -> bool:
        """Whether nobody can be waiting for the answer any more."""
        return self.unknown or now >= self._last_at + timedelta(seconds=limits.ask_limit_s)

    def is_settled(self, now: datetime, limits: Limits) -> bool:
        """Whether the provider's "not found" may be believed."""
        return now >= self._last_at + timedelta(milliseconds=limits.provider_settle_ms)

    @property
    def _last_at(self) -> datetime:
        return self.asked_again_at or self.asked_at


class Attempt(Struct, frozen=True, omit_defaults=True):
    """One try at one route; kept as JSON on the payment."""

    number: int
    route: str
    reference: str
    status: str = "sending"  # sending | unknown | approved | declined
    code: str | None = None
    provider_code: str | None = None
    action_url: str | None = None  # where the bank asked the payer


class Charges(Struct, frozen=True):
    """Beside the fee: what the captures so far left here, and what refunds took of it again."""

    tax_minor: int = 0
    reserve_minor: int = 0
    fee_back_minor: int = 0  # that of running refunds included
    tax_back_minor: int = 0


_operation = msgspec.json.Decoder(Operation)
_fee_terms = msgspec.json.Decoder(FeeTerms)
_charges = msgspec.json.Decoder(Charges)
_attempts = msgspec.json.Decoder(tuple[Attempt, ...])
_names = msgspec.json.Decoder(tuple[str, ...])


def json_text(value: Any) -> str:
    """JSON as the text that a json column keeps."""
    return msgspec.json.encode(value).decode()


class IntentRow(Struct, frozen=True, gc=False):
    """One intent; fields are the columns of `intents`, in their order."""

    id: UUID
    version: int
    merchant_id: UUID
    status: str
    amount_minor: int
    currency: str
    payment_methods: str  # JSON array of the kinds that may pay it
    payment_method: str | None  # a token, or a saved method as it is called outside (`pm_...`)
    capture_method: str
    priority: str
    payment_id: UUID | None  # the latest payment
    payments: int  # how many were tried
    failure_code: str | None  # of the latest payment
    cancellation_reason: str | None
    sealed: str | None
    expires_at: datetime
    due_at: datetime | None  # when the expiry job looks at it
    created_at: datetime
    updated_at: datetime
    customer_id: UUID | None

    @property
    def method_kinds(self) -> tuple[str, ...]:
        return _names.decode(self.payment_methods)

    @property
    def subject_id(self) -> UUID:
        """Whose key seals the free text."""
        return self.id


class PaymentRow(Struct, frozen=True, gc=False):
    """One payment; fields are the columns of `payments`, in their order."""

    id: UUID
    version: int
    merchant_id: UUID
    intent_id: UUID | None
    status: str
    amount_minor: int
    currency: str
    authorized_minor: int
    captured_minor: int
    refunded_minor: int
    refund_pending_minor: int
    fee_minor: int  # kept of the captures so far
    fee_percent_bp: int  # the merchant's plan when the payment was made
    fee_fixed_minor: int
    payment_method: str
    capture_method: str
    priority: str
    routes: str  # JSON array of route names, best first
    route: str | None  # of the latest attempt
    attempts: str  # JSON array of Attempt
    provider_reference: str | None  # of the authorization
    captures: int  # asked so far
    voids: int  # asked so far
    capture_closed: bool  # no capture may follow
    failure_code: str | None
    operation: str | None  # JSON of Operation
    sealed: str | None
    authorization_expires_at: datetime | None
    due_at: datetime | None  # when recovery or expiry looks at it
    created_at: datetime
    updated_at: datetime
    wallet_id: UUID | None  # the wallet it is to top up
    fee_terms: str | None  # JSON of FeeTerms; None: a percentage and a fixed part
    charges: str | None  # JSON of Charges; None: there are none
    customer_id: UUID | None
    payment_method_id: UUID | None  # the saved method whose token was used
    off_session: bool  # the payer was not there
    disputed_minor: int  # set aside while disputes are open
    charged_back_minor: int  # of disputes that were lost

    @property
    def running(self) -> Operation | None:
        """What runs at the provider, or waits to be learned from it."""
        return _operation.decode(self.operation) if self.operation else None

    def the_operation(self) -> Operation:
        """What runs, where something must. Raises IllegalTransition."""
        if self.operation is None:
            raise IllegalTransition(f"nothing runs at the provider for {self.id}")
        return _operation.decode(self.operation)

    @property
    def reference(self) -> str:
        """The readable reference, for statements and telephones."""
        return payment_reference(self.id)

    @property
    def method_said(self) -> str:
        """What callers call the method by."""
        return method_said(self.payment_method, self.payment_method_id)

    @property
    def method_kind(self) -> str:
        """What it is paid by: card | wallet."""
        return payable_kind(self.payment_method)

    @property
    def route_names(self) -> tuple[str, ...]:
        return _names.decode(self.routes)

    @property
    def tried(self) -> tuple[Attempt, ...]:
        return _attempts.decode(self.attempts)

    @property
    def action_url(self) -> str | None:
        """Where the bank asked the payer, if it did."""
        urls = (attempt.action_url for attempt in reversed(self.tried))
        return next(filter(None, urls), None)

    @property
    def terms(self) -> FeeTerms:
        """What it is charged by, as decided when it was made."""
        if self.fee_terms is None:
            return FeeTerms(self.fee_percent_bp, self.fee_fixed_minor)
        return _fee_terms.decode(self.fee_terms)

    @property
    def charged(self) -> Charges:
        return _charges.decode(self.charges) if self.charges else Charges()

    @property
    def kept(self) -> Charge:
        """What its captures so far left with the platform."""
        return Charge(self.fee_minor, self.charged.tax_minor, self.charged.reserve_minor)

    @property
    def fee_back(self) -> FeeBack:
        """What the platform gave towards its refunds so far."""
        return FeeBack(self.charged.fee_back_minor, self.charged.tax_back_minor)

    @property
    def _rest_minor(self) -> int:
        return 0 if self.capture_closed else self.authorized_minor - self.captured_minor

    @property
    def capturable_minor(self) -> int:
        """What a capture may still take."""
        return self._rest_minor if self.status in CAPTURABLE_STATES else 0

    @property
    def held_minor(self) -> int:
        """What the bank still holds for it: the authorization, or the rest that no capture took."""
        return self._rest_minor if self.status in HOLDING_STATES else 0

    @property
    def refundable_minor(self) -> int:
        given_back = self.refunded_minor + self.refund_pending_minor
        return self.captured_minor - given_back - self.disputed_minor - self.charged_back_minor

    @property
    def subject_id(self) -> UUID:
        """Whose key seals the free text."""
        return self.intent_id or self.id


class RefundRow(Struct, frozen=True, gc=False):
    """One refund; fields are the columns of `refunds`, in their order."""

    id: UUID
    version: int
    merchant_id: UUID
    payment_id: UUID
    subject_id: UUID  # whose key seals the free text
    status: str
    amount_minor: int
    currency: str
    reason: str
    route: str
    reservation_id: UUID  # the money held back until the provider's answer
    provider_reference: str | None
    failure_code: str | None
    operation: str | None  # JSON of Operation
    sealed: str | None
    due_at: datetime | None
    created_at: datetime
    updated_at: datetime
    fee_minor: int  # of the amount, given by the platform; the merchant gives the rest
    tax_minor: int
    advance_minor: int  # of the merchant's part, what it had not got

    @property
    def running(self) -> Operation | None:
        """What runs at the provider, or waits to be learned from it."""
        return _operation.decode(self.operation) if self.operation else None

    def the_operation(self) -> Operation:
        """What runs, where something must. Raises IllegalTransition."""
        if self.operation is None:
            raise IllegalTransition(f"nothing runs at the provider for {self.id}")
        return _operation.decode(self.operation)


Row = IntentRow | PaymentRow | RefundRow
RowT = TypeVar("RowT", IntentRow, PaymentRow, RefundRow)


class Answer(Struct, Generic[RowT], frozen=True):
    """What a verb answers: the row, its free text unsealed, and whether it was said before."""

    row: RowT
    text: Mapping[str, Any]
    replayed: bool = False
    action_url: str | None = None  # where an intent that `requires_action` sends its payer


class Event(Struct, frozen=True):
    """One fact in document 004's shape of a PaymentEvent."""

    id: UUID
    aggregate_id: UUID
    event_type: str
    version: int
    timestamp: datetime
    data: dict[str, Any]
    metadata: dict[str, Any]


# Names outside ------------------------------------------------------------------------------


def intent_name(intent_id: UUID) -> str:
    """`int_...`"""
    return typeid("int", intent_id)


def payment_name(payment_id: UUID) -> str:
    """`pay_...`, also the stem of the references that a provider sees."""
    return typeid("pay", payment_id)


def refund_name(refund_id: UUID) -> str:
    """Also the reference under which the provider knows the refund."""
    return typeid("ref", refund_id)
