"""Payouts as the API says them: bodies and views. A destination is shown by its end alone."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from tallystick.api.failure_messages import FailureMessage, failure_message
from tallystick.api.fields import (
    EXAMPLE_SUFFIX,
    Amount,
    Body,
    CurrencyCode,
    Description,
    MerchantName,
    Metadata,
    View,
    WalletId,
    example,
    one_of,
)
from tallystick.platform.ids import typeid
from tallystick.rails import payouts as ways
from tallystick.wallets import payouts

PayeeName = Annotated[
    str, Field(min_length=1, max_length=140, description="As the payee's bank knows it.")
]
PayoutStatus = Literal["pending", "sent", "paid", "failed", "returned", "cancelled"]


class AccountBody(Body):
    """An account elsewhere: number and IFSC, or an IBAN alone as its number."""

    type: Literal["bank_account"]
    account_number: Annotated[str, Field(pattern=r"^[A-Z0-9]{4,34}$")]
    ifsc: Annotated[str | None, Field(pattern=r"^[A-Z0-9]{11}$")] = None
    name: PayeeName

    def destination(self) -> ways.Destination:
        """As the rooms say it."""
        return ways.BankAccount(self.account_number, self.name, self.ifsc or "")


class UpiBody(Body):
    """A UPI id, such as `asha@okbank`."""

    type: Literal["upi"]
    upi_id: Annotated[str, Field(min_length=4, max_length=321)]
    name: PayeeName

    def destination(self) -> ways.Destination:
        """As the rooms say it."""
        return ways.UpiId(self.upi_id, self.name)


class CreatePayout(Body):
    """Money out of a wallet; without one, out of what the platform owes a merchant."""

    model_config = example(
        {
            "wallet_id": f"wal_{EXAMPLE_SUFFIX}",
            "amount": 10000,
            "destination": {
                "type": "bank_account",
                "account_number": "50100012345678",
                "ifsc": "HDFC0000123",
                "name": "Asha Rao",
            },
        }
    )

    amount: Amount
    destination: Annotated[AccountBody | UpiBody, Field(discriminator="type")]
    wallet_id: WalletId | None = None
    currency: Annotated[
        CurrencyCode | None, Field(description="Of a merchant's account; a wallet has its own.")
    ] = None
    merchant: MerchantName | None = None
    description: Description | None = None
    metadata: Metadata | None = None


class CancelPayout(Body):
    """Nothing: the address says it all."""

    model_config = example({})


class DestinationView(View):
    """Where it goes: how, and the end of it. Null once the owner's data were erased."""

    type: Annotated[str, one_of("bank_account", "upi")]
    mask: Annotated[str | None, Field(examples=["...5678"])]
    name: str | None


class PayoutView(View):
    """A payout. An answer that the provider still owes shows as `pending` or `sent`."""

    id: Annotated[str, Field(examples=[f"pot_{EXAMPLE_SUFFIX}"])]
    source: Annotated[str, one_of("wallet", "merchant")]
    wallet_id: str | None
    account_id: Annotated[str, Field(description="The ledger account the money leaves.")]
    status: Annotated[str, one_of("pending", "sent", "paid", "failed", "returned", "cancelled")]
    amount: int
    currency: str
    destination: DestinationView
    route: str
    failure_code: Annotated[str | None, Field(description="Why it failed or came back.")]
    failure_message: FailureMessage
    description: str | None
    metadata: dict[str, str]
    paid_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, shown: payouts.PayoutShown) -> "PayoutView":
        """From the room's answer."""
        row, text = shown.row, shown.text
        wallet = typeid("wal", row.account_id) if row.source == "wallet" else None
        return cls(
            id=typeid("pot", row.id),
            source=row.source,
            wallet_id=wallet,
            account_id=typeid("acc", row.account_id),
            status=row.status,
            amount=row.amount_minor,
            currency=row.currency,
            destination=DestinationView(type=row.method, mask=shown.mask, name=shown.name),
            route=row.route,
            failure_code=row.failure_code,
            failure_message=failure_message(row.failure_code),
            description=text.get("description"),
            metadata=text.get("metadata", {}),
            paid_at=row.paid_at,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class PayoutPage(View):
    """Payouts, latest first."""

    data: list[PayoutView]
    next_cursor: str | None

    @classmethod
    def of(
        cls, found: list[payouts.PayoutShown], limit: int, cursor: Callable[[str], str]
    ) -> "PayoutPage":
        """A page of at most `limit` out of one more, which tells whether another follows."""
        page = found[:limit]
        more = len(found) > limit
        return cls(
            data=[PayoutView.of(shown) for shown in page],
            next_cursor=cursor(str(page[-1].row.id)) if more else None,
        )
