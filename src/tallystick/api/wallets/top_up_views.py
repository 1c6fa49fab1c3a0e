"""Top-ups as the API says them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from tallystick.api.failure_messages import FailureMessage, refusal_message
from tallystick.api.fields import EXAMPLE_SUFFIX, View, one_of
from tallystick.platform.ids import typeid
from tallystick.wallets import topups

TopUpStatus = Literal["waiting", "credited"]


class TopUpView(View):
    """A capture on its way into a wallet. One that waits is tried again, until it fits."""

    id: Annotated[str, Field(examples=[f"top_{EXAMPLE_SUFFIX}"])]
    payment_id: Annotated[str, Field(examples=[f"pay_{EXAMPLE_SUFFIX}"])]
    wallet_id: Annotated[str, Field(examples=[f"wal_{EXAMPLE_SUFFIX}"])]
    from_account_id: Annotated[str, Field(description="The merchant's account it comes from.")]
    status: Annotated[str, one_of("waiting", "credited")]
    amount: int
    currency: str
    failure_code: Annotated[str | None, Field(description="Why it could not be credited yet.")]
    failure_message: FailureMessage
    transaction_id: Annotated[
        str | None,
        Field(description="The ledger's change.", examples=[f"chg_{EXAMPLE_SUFFIX}"]),
    ]
    next_try_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: topups.TopUpRow) -> "TopUpView":
        """From the room's row."""
        return cls(
            id=row.name,
            payment_id=typeid("pay", row.payment_id),
            wallet_id=typeid("wal", row.wallet_id),
            from_account_id=typeid("acc", row.from_account_id),
            status=row.status,
            amount=row.amount_minor,
            currency=row.currency,
            failure_code=row.failure_code,
            failure_message=refusal_message(row.failure_code),
            transaction_id=typeid("chg", row.posting_id) if row.posting_id else None,
            next_try_at=row.due_at,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class TopUpPage(View):
    """Some top-ups, latest first, and where to go on."""

    data: list[TopUpView]
    next_cursor: str | None
