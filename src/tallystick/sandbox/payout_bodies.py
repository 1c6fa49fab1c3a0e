"""What is said about payouts at the bank's door, in and out. Amounts are in minor units."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from tallystick.sandbox.payout_model import Payout, PayoutOrder, PayoutStatus

# Plain characters only: what is said here is written into addresses and into the book.
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:\-]{1,128}\Z")]
Amount = Annotated[int, Meta(ge=1, le=10**15)]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]

AccountNumber = Annotated[str, Meta(pattern=r"^[A-Z0-9]{4,34}\Z")]
BankCode = Annotated[str, Meta(pattern=r"^[A-Z0-9]{0,11}\Z")]
UpiId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._\-]{2,256}@[A-Za-z0-9]{2,64}\Z")]
PayeeName = Annotated[str, Meta(min_length=1, max_length=140)]


class AccountDestination(Struct, frozen=True, forbid_unknown_fields=True, tag="bank_account"):
    """An account: its number and IFSC, or an IBAN alone."""

    account_number: AccountNumber
    name: PayeeName
    bank_code: BankCode = ""


class UpiDestination(Struct, frozen=True, forbid_unknown_fields=True, tag="upi"):
    """A UPI id, such as `asha@okbank`."""

    upi_id: UpiId
    name: PayeeName


class PayOut(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /v1/payouts`; `amount` in minor units."""

    reference: Name
    amount: Amount
    currency: Currency
    destination: AccountDestination | UpiDestination

    def order(self) -> PayoutOrder:
        to = self.destination
        upi = isinstance(to, UpiDestination)
        return PayoutOrder(
            reference=self.reference,
            amount_minor=self.amount,
            currency=self.currency,
            method="upi" if upi else "bank_account",
            destination=to.upi_id if isinstance(to, UpiDestination) else to.account_number,
            bank_code="" if isinstance(to, UpiDestination) else to.bank_code,
            name=to.name,
        )


class ShownPayout(Struct, frozen=True):
    """A payout as the bank shows it; its destination is known to whoever ordered it."""

    id: str
    reference: str
    status: PayoutStatus
    code: str | None
    amount: int
    currency: str
    method: str
    created_at: datetime
    decided_at: datetime
    returned_at: datetime | None


def shown_payout(payout: Payout, at: datetime) -> ShownPayout:
    """The payout as of `at`; an answer shows it as of its making, so a repeat reads the same."""
    status = payout.status_at(at)
    told = status in (PayoutStatus.REFUSED, PayoutStatus.RETURNED)
    return ShownPayout(
        id=payout.id,
        reference=payout.reference,
        status=status,
        code=payout.code if told else None,
        amount=payout.amount_minor,
        currency=payout.currency,
        method=payout.method,
        created_at=payout.created_at,
        decided_at=payout.decided_at,
        returned_at=payout.returned_at if status is PayoutStatus.RETURNED else None,
    )
