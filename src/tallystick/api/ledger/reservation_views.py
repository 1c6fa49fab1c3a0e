"""Reservations as they look outside: bodies and answers."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from tallystick.api.fields import (
    EXAMPLE_SUFFIX,
    AccountId,
    Amount,
    Body,
    CurrencyCode,
    TransferCode,
    View,
    example,
    one_of,
)
from tallystick.api.instants import Instant
from tallystick.api.ledger.transfer_bodies import Finality, SettledAmount, UpTo
from tallystick.books import Answer
from tallystick.ledger import TransferRow
from tallystick.platform.ids import typeid


class CreateReservation(Body):
    """Promise money: pending on both accounts, no longer available to the one that would pay."""

    model_config = example(
        {
            "debit_account_id": f"acc_{EXAMPLE_SUFFIX}",
            "credit_account_id": f"acc_{EXAMPLE_SUFFIX[:-1]}p",
            "amount": 1250,
            "currency": "INR",
            "code": "deposit",
            "expires_at": "2026-03-09T09:30:00Z",
        }
    )

    debit_account_id: AccountId
    credit_account_id: AccountId
    amount: Amount
    currency: CurrencyCode
    code: TransferCode = "reserve"
    up_to: UpTo = False
    expires_at: Annotated[
        Instant | None, Field(description="When it ends by itself; null is never.")
    ] = None


class SettleReservation(Body):
    """Keep the promise: all that remains, or a part."""

    model_config = example({"amount": 900, "final": False})

    amount: SettledAmount = None
    final: Finality = True
    code: TransferCode = "settle"


class VoidReservation(Body):
    """Give back all that remains."""

    model_config = example({"code": "void"})

    code: TransferCode = "void"


class ReservationView(View):
    """A reservation. The answer that makes it shows it as it was made, also to a repeat."""

    id: Annotated[str, Field(examples=[f"res_{EXAMPLE_SUFFIX}"])]
    debit_account_id: Annotated[str, Field(examples=[f"acc_{EXAMPLE_SUFFIX}"])]
    credit_account_id: Annotated[str, Field(examples=[f"acc_{EXAMPLE_SUFFIX}"])]
    amount: int
    remaining: Annotated[int, Field(description="What is still promised.")]
    currency: str
    code: str
    status: Annotated[
        str,
        one_of("open", "settled", "voided", "expired"),
        Field(
            description="One that has run out is `open` until its expiry is on record, and "
            "cannot be settled."
        ),
    ]
    expires_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, promise: Any) -> "ReservationView":
        """From the ledger's reading room."""
        return cls(
            id=typeid("res", promise.id),
            debit_account_id=typeid("acc", promise.debit),
            credit_account_id=typeid("acc", promise.credit),
            amount=promise.amount_minor,
            remaining=promise.remaining_minor,
            currency=promise.currency,
            code=promise.code,
            status=promise.state,
            expires_at=promise.expires_at,
            created_at=promise.created_at,
        )

    @classmethod
    def made_by(cls, answer: Answer) -> "ReservationView":
        """From the answer to the verb that made it."""
        (row,) = answer.transfers
        return cls(
            id=typeid("res", row.id),
            debit_account_id=typeid("acc", row.debit),
            credit_account_id=typeid("acc", row.credit),
            amount=row.amount,
            remaining=row.amount,
            currency=row.currency,
            code=row.code,
            status="open",
            expires_at=row.expires_at,
            created_at=answer.at,
        )


class ReservationPage(View):
    """Some reservations, oldest first, and where to go on."""

    data: list[ReservationView]
    next_cursor: str | None


class ReservationStep(View):
    """What one step of a reservation moved and gave back."""

    reservation_id: Annotated[str, Field(examples=[f"res_{EXAMPLE_SUFFIX}"])]
    change_id: Annotated[str, Field(examples=[f"chg_{EXAMPLE_SUFFIX}"])]
    settled: Annotated[int, Field(description="What moved now.")]
    returned: Annotated[int, Field(description="What is no longer promised, and did not move.")]
    currency: str
    transfer_ids: Annotated[list[str], Field(examples=[[f"tra_{EXAMPLE_SUFFIX}"]])]
    created_at: datetime

    @classmethod
    def of(cls, answer: Answer) -> "ReservationStep":
        """From the answer of a settle or a void."""
        first = answer.transfers[0]
        return cls(
            reservation_id=typeid("res", first.reservation_id or first.id),
            change_id=typeid("chg", answer.change_id),
            settled=sum(_moved(row) for row in answer.transfers),
            returned=sum(row.amount - _moved(row) for row in answer.transfers),
            currency=first.currency,
            transfer_ids=[typeid("tra", row.id) for row in answer.transfers],
            created_at=answer.at,
        )


def _moved(row: TransferRow) -> int:
    return row.amount if row.kind == "settle" else 0
