"""What is said at the bank's door, in and out. Amounts are in minor units."""

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta, Struct

from tallystick.sandbox.challenge_model import Challenge, Visit
from tallystick.sandbox.model import Kind, Operation, Order, Status
from tallystick.sandbox.payout_bodies import Amount, Currency, Name, ShownPayout
from tallystick.sandbox.store import DayTotals, PayoutTotals

REPORT_PAGE = 1_000
REPORT_PAGE_MAX = 10_000


# Where a payer may be sent: the host is plain, so that it can stand in a header.
ReturnUrl = Annotated[
    str,
    Meta(
        max_length=2_200,
        pattern=r"^https?://([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?(/|\Z)[!#-;=?-~]*\Z",
    ),
]


class Authorization(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /v1/authorizations`; `amount` in minor units.

    `challenge`: the caller can send the payer to us, who goes on to `return_url` afterwards.
    """

    reference: Name
    amount: Amount
    currency: Currency
    token: Name
    capture: bool = False
    merchant: Name | None = None
    challenge: bool = False
    return_url: ReturnUrl | None = None

    @property
    def visit(self) -> Visit | None:
        return Visit(self.return_url) if self.challenge else None

    def order(self, _: str) -> Order:
        return Order(
            kind=Kind.AUTHORIZATION,
            reference=self.reference,
            authorization_reference=self.reference,
            amount_minor=self.amount,
            currency=self.currency,
            token=self.token,
            capture=self.capture,
            merchant=self.merchant or "",
        )


class Capture(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `.../captures`; unless `final`, more may be captured later."""

    reference: Name
    amount: Amount
    final: bool = True

    def order(self, authorization_reference: str) -> Order:
        return Order(
            kind=Kind.CAPTURE,
            reference=self.reference,
            authorization_reference=authorization_reference,
            amount_minor=self.amount,
            final=self.final,
        )


class Void(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `.../voids`."""

    reference: Name

    def order(self, authorization_reference: str) -> Order:
        return Order(
            kind=Kind.VOID,
            reference=self.reference,
            authorization_reference=authorization_reference,
        )


class Refund(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `.../refunds`."""

    reference: Name
    amount: Amount

    def order(self, authorization_reference: str) -> Order:
        return Order(
            kind=Kind.REFUND,
            reference=self.reference,
            authorization_reference=authorization_reference,
            amount_minor=self.amount,
        )


Body = Authorization | Capture | Void | Refund


class Shown(Struct, frozen=True):
    """An operation as the bank shows it."""

    id: str
    reference: str
    kind: Kind
    authorization_reference: str
    status: Status
    code: str | None
    amount: int
    currency: str
    fee: int
    created_at: datetime
    decided_at: datetime


class ShownChallenge(Struct, frozen=True):
    """An authorization that waits for its payer, who is to be sent to `action_url`."""

    reference: str
    amount: int
    currency: str
    id: str
    action_url: str
    created_at: datetime
    expires_at: datetime
    kind: Kind = Kind.AUTHORIZATION
    status: str = "action_required"


class Report(Struct, frozen=True):
    """One page of a day's captures and refunds (UTC), and of its payouts; the whole day's sums.

    `next_after` is the `after` of the next page, null on the last; `next_after_payout` likewise.
    A payout is listed on the day it was paid, and once more on the day it came back.
    """

    bank: str
    date: date
    operations: list[Shown]
    totals: list[DayTotals]
    next_after: int | None
    payouts: list[ShownPayout]
    payout_totals: list[PayoutTotals]
    next_after_payout: int | None


class ReportQuery(Struct, frozen=True):
    """Which day of the report (UTC), and which page of it."""

    date: date
    after: Annotated[int, Meta(ge=0)] = 0
    after_payout: Annotated[int, Meta(ge=0)] = 0
    limit: Annotated[int, Meta(ge=1, le=REPORT_PAGE_MAX)] = REPORT_PAGE


def shown(operation: Operation, at: datetime) -> Shown:
    """An answer shows the operation as of its making, so a repeat reads the same for ever."""
    status = operation.status_at(at)
    decided = status is not Status.PENDING
    return Shown(
        id=operation.id,
        reference=operation.reference,
        kind=operation.kind,
        authorization_reference=operation.authorization_reference,
        status=status,
        code=operation.code if decided else None,
        amount=operation.amount_minor,
        currency=operation.currency,
        fee=operation.fee_minor if decided else 0,
        created_at=operation.created_at,
        decided_at=operation.decided_at,
    )


def shown_challenge(challenge: Challenge, bank_url: str) -> ShownChallenge:
    """The challenge as its caller sees it; `bank_url` is where the bank is found."""
    return ShownChallenge(
        reference=challenge.reference,
        amount=challenge.amount_minor,
        currency=challenge.currency,
        id=challenge.id,
        action_url=f"{bank_url}/challenges/{challenge.id}",
        created_at=challenge.created_at,
        expires_at=challenge.expires_at,
    )
