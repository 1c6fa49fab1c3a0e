"""What naive payments are about: payments, intents, refunds, and what a key stands for."""

from dataclasses import dataclass, field
from typing import Any, Final

from tests.journeys.payment_machine.fates import Fate

CAPTURABLE: Final = ("authorized", "captured", "partially_refunded")
HOLDING: Final = ("authorized", "captured", "partially_refunded", "refunded")
View = dict[str, Any]


class Refusal(Exception):
    """The API says no, with this status and code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code = status, code

    @property
    def is_kept(self) -> bool:
        """Whether its key stands for it from now on; else the wish is judged anew."""
        return self.code not in ("payment_busy", "refund_in_doubt")


@dataclass(eq=False)
class Asked:
    """What a bank was asked and has not, to our knowledge, answered."""

    verb: str
    fate: Fate
    amount: int = 0
    final: bool = False
    expired: bool = False
    key: str | None = None  # the claim that waits for its end
    subject: "Subject | None" = None
    at: int = 0


@dataclass(eq=False)
class Refund:
    """One refund; `ours` where money that came too late is given back without a caller."""

    payment: "Payment"
    amount: int
    ours: bool = False
    id: str = ""
    status: str = "pending"
    failure_code: str | None = None
    open: Asked | None = None

    def view(self) -> View:
        return {"status": self.status, "amount": self.amount, "failure_code": self.failure_code}


@dataclass(eq=False)
class Intent:
    """One intent and the latest payment for it."""

    amount: int
    manual: bool
    expires_at: int
    id: str = ""
    status: str = "requires_payment_method"
    payment: "Payment | None" = None
    failure_code: str | None = None
    cancellation_reason: str | None = None

    def view(self) -> View:
        return {
            "status": self.status,
            "payment_id": self.payment.id if self.payment else None,
            "failure_code": self.failure_code,
            "cancellation_reason": self.cancellation_reason,
        }


@dataclass(eq=False)
class Payment:
    """One payment."""

    amount: int
    manual: bool
    intent: Intent | None = None
    id: str = ""
    status: str = "pending"
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    refund_pending: int = 0
    fee: int = 0
    closed: bool = False
    failure_code: str | None = None
    expires_at: int = 0
    open: Asked | None = None
    refunds: list[Refund] = field(default_factory=list)

    @property
    def rest(self) -> int:
        return 0 if self.closed else self.authorized - self.captured

    @property
    def capturable(self) -> int:
        return self.rest if self.status in CAPTURABLE else 0

    @property
    def refundable(self) -> int:
        return self.captured - self.refunded - self.refund_pending

    @property
    def held(self) -> int:
        return self.rest if self.status in HOLDING else 0

    def view(self) -> View:
        return {
            "status": self.status,
            "amount": self.amount,
            "amount_authorized": self.authorized,
            "amount_capturable": self.capturable,
            "amount_captured": self.captured,
            "amount_refunded": self.refunded,
            "fee": self.fee,
            "failure_code": self.failure_code,
        }


Subject = Payment | Intent | Refund


@dataclass
class Claim:
    """What a key stands for: its answer once it is closed, or the refusal."""

    subject: Subject | None
    answer: View | None = None
    refusal: Refusal | None = None
