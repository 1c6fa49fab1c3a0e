"""Payments' nouns: the three rows, what runs at a provider, and what a verb answers."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct, structs

from tallystick.payments.errors import IllegalTransition
from tallystick.payments.references import payment_reference
from tallystick.platform.ids import typeid
from tallystick.platform.settings import Settings

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
    claim_patience_ms: int = 5_000
    ask_margin_ms: int = 2_000  # for everything around the provider's own time limit

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that the settings name."""
        return cls(
            provider_timeout_ms=settings.provider_timeout_ms,
            provider_settle_ms=settings.provider_settle_ms,
            recovery_schedule_s=settings.recovery_schedule_s,
            authorization_ttl_s=settings.authorization_ttl_s,
            intent_ttl_s=settings.intent_ttl_s,
            claim_patience_ms=settings.claim_patience_ms,
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

    def not_known(self) -> "Operation":
        """The same after another look that did not settle it."""
        return structs.replace(self, unknown=True, checks=self.checks + 1)

    def is_over(self, now: datetime, limits: Limits) -> bool:
        """Whether nobody can be waiting for the answer any more."""
        return self.unknown or now >= self.asked_at + timedelta(seconds=limits.ask_limit_s)

    def is_settled(self, now: datetime, limits: Limits) -> bool:
        """Whether the provider's "not found" may be believed."""
        return now >= self.asked_at + timedelta(milliseconds=limits.provider_settle_ms)


class Attempt(Struct, frozen=True, omit_defaults=True):
    """One try at one route; kept as JSON on the payment."""

    number: int
    route: str
    reference: str
    status: str = "sending"  # sending | unknown | approved | declined
    code: str | None = None
    provider_code: str | None = None


_operation = msgspec.json.Decoder(Operation)
_attempts = msgspec.json.Decoder(tuple[Attempt, ...])
_names = msgspec.json.Decoder(tuple[str, ...])


def json_text(value: Any) -> str:
    """JSON as the text that a json column keeps."""
    return msgspec.json.encode(value).decode()


class IntentRow(Struct, frozen=True):
    """One intent; fields are the columns of `intents`, in their order."""

    id: UUID
    version: int
    merchant_id: UUID
    status: str
    amount_minor: int
    currency: str
    payment_methods: str  # JSON array of the kinds that may pay it
    payment_method: str | None  # the token
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

    @property
    def method_kinds(self) -> tuple[str, ...]:
        return _names.decode(self.payment_methods)

    @property
    def subject_id(self) -> UUID:
        """Whose key seals the free text."""
        return self.id


class PaymentRow(Struct, frozen=True):
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
    def route_names(self) -> tuple[str, ...]:
        return _names.decode(self.routes)

    @property
    def tried(self) -> tuple[Attempt, ...]:
        return _attempts.decode(self.attempts)

    @property
    def capturable_minor(self) -> int:
        return 0 if self.capture_closed else self.authorized_minor - self.captured_minor

    @property
    def refundable_minor(self) -> int:
        return self.captured_minor - self.refunded_minor - self.refund_pending_minor

    @property
    def subject_id(self) -> UUID:
        """Whose key seals the free text."""
        return self.intent_id or self.id


class RefundRow(Struct, frozen=True):
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
