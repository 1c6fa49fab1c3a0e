"""Wallet transfers and their schedules as they look outside."""

from datetime import date, datetime, time
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from tallystick.api.failure_messages import FailureMessage, refusal_message
from tallystick.api.fields import (
    EXAMPLE_SUFFIX,
    Amount,
    Body,
    CurrencyCode,
    QuoteId,
    View,
    WalletId,
    example,
    one_of,
)
from tallystick.platform.ids import parse_typeid, typeid
from tallystick.wallets import transfers

_WALLETS: Final = {
    "from_wallet_id": f"wal_{EXAMPLE_SUFFIX}",
    "to_wallet_id": f"wal_{EXAMPLE_SUFFIX[:-1]}p",
    "amount": 250_000,
    "currency": "INR",
}
_DAY: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_TIME: Final = r"^[0-9]{2}:[0-9]{2}(:[0-9]{2})?$"

TransferStatus = Literal["completed", "failed"]
ScheduleStatus = Literal["active", "paused", "finished", "stopped", "cancelled"]
Frequency = Literal["once", "daily", "weekly", "monthly"]
TransferName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._:-]{1,100}$",
        description="Your own name for it, a UUID for instance: the same name is the same "
        "transfer, for ever.",
        examples=["rent-2026-03"],
    ),
]


def _day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("string_pattern_mismatch", "There is no such day") from None
    return text


def _time(text: str) -> str:
    try:
        time.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("string_pattern_mismatch", "There is no such time") from None
    return text


Day = Annotated[str, Field(pattern=_DAY, examples=["2026-03-31"]), AfterValidator(_day)]
LocalTime = Annotated[
    str,
    Field(pattern=_TIME, description="On a clock of that time zone.", examples=["09:00"]),
    AfterValidator(_time),
]


class SendMoney(Body):
    """Money of one wallet for another. With a quote, the wallets hold different currencies."""

    model_config = example({"transfer_id": "rent-2026-03", **_WALLETS})

    transfer_id: TransferName
    from_wallet_id: WalletId
    to_wallet_id: WalletId
    amount: Amount
    currency: CurrencyCode
    quote_id: Annotated[
        QuoteId | None,
        Field(description="Between two currencies: the quote, whose `source_amount` this is."),
    ] = None

    def terms(self) -> transfers.TransferTerms:
        """As the room takes it."""
        return transfers.TransferTerms(
            transfer_id=self.transfer_id,
            from_wallet_id=parse_typeid("wal", self.from_wallet_id),
            to_wallet_id=parse_typeid("wal", self.to_wallet_id),
            amount_minor=self.amount,
            currency=self.currency,
            quote_id=parse_typeid("quo", self.quote_id) if self.quote_id else None,
        )


class WalletTransferView(View):
    """A wallet transfer. Only a schedule's run can be `failed`: whoever asks himself is told no."""

    id: Annotated[str, Field(examples=[f"wtr_{EXAMPLE_SUFFIX}"])]
    transfer_id: str
    from_wallet_id: Annotated[str, Field(examples=[f"wal_{EXAMPLE_SUFFIX}"])]
    to_wallet_id: Annotated[str, Field(examples=[f"wal_{EXAMPLE_SUFFIX}"])]
    status: Annotated[str, one_of("completed", "failed")]
    amount: Annotated[int, Field(description="What left, in minor units.")]
    currency: str
    credited_amount: Annotated[int, Field(description="What arrived; 0 when it failed.")]
    credited_currency: str
    quote_id: Annotated[str | None, Field(examples=[f"quo_{EXAMPLE_SUFFIX}"])]
    schedule_id: Annotated[str | None, Field(examples=[f"sch_{EXAMPLE_SUFFIX}"])]
    due_at: Annotated[datetime | None, Field(description="When the schedule's run was due.")]
    failure_code: str | None
    failure_message: FailureMessage
    transaction_id: Annotated[
        str | None,
        Field(description="The ledger's change.", examples=[f"chg_{EXAMPLE_SUFFIX}"]),
    ]
    created_at: datetime

    @classmethod
    def of(cls, row: transfers.WalletTransferRow) -> "WalletTransferView":
        """From the room's row."""
        return cls(
            id=typeid("wtr", row.id),
            transfer_id=row.transfer_id,
            from_wallet_id=typeid("wal", row.from_wallet_id),
            to_wallet_id=typeid("wal", row.to_wallet_id),
            status=row.status,
            amount=row.amount_minor,
            currency=row.currency,
            credited_amount=row.credited_minor,
            credited_currency=row.credited_currency,
            quote_id=typeid("quo", row.quote_id) if row.quote_id else None,
            schedule_id=typeid("sch", row.schedule_id) if row.schedule_id else None,
            due_at=row.due_at,
            failure_code=row.failure_code,
            failure_message=refusal_message(row.failure_code),
            transaction_id=typeid("chg", row.posting_id) if row.posting_id else None,
            created_at=row.created_at,
        )


class WalletTransferPage(View):
    """Some transfers, latest first, and where to go on."""

    data: list[WalletTransferView]
    next_cursor: str | None


class CreateSchedule(Body):
    """A wallet transfer for later, once or again and again, by a clock in a named time zone."""

    model_config = example(
        {
            **_WALLETS,
            "frequency": "monthly",
            "starts_on": "2026-03-31",
            "local_time": "09:00",
            "timezone": "Asia/Kolkata",
            "count": 12,
            "stop_after_failures": 3,
        }
    )

    from_wallet_id: WalletId
    to_wallet_id: WalletId
    amount: Amount
    currency: CurrencyCode
    frequency: Frequency
    starts_on: Annotated[
        Day,
        Field(description="Its first day. Monthly: the 31st is the last day of shorter months."),
    ]
    local_time: LocalTime
    timezone: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            description="A name of the IANA database.",
            examples=["Asia/Kolkata"],
        ),
    ]
    ends_on: Annotated[Day | None, Field(description="Its last day; null is without end.")] = None
    count: Annotated[
        int | None,
        Field(ge=1, le=10_000, description="How many times it runs; null is without end."),
    ] = None
    stop_after_failures: Annotated[
        int | None,
        Field(ge=1, le=100, description="Failures in a row that stop it; null: it goes on."),
    ] = None

    def terms(self) -> transfers.ScheduleTerms:
        """As the room takes it."""
        return transfers.ScheduleTerms(
            from_wallet_id=parse_typeid("wal", self.from_wallet_id),
            to_wallet_id=parse_typeid("wal", self.to_wallet_id),
            amount_minor=self.amount,
            currency=self.currency,
            recurrence=transfers.Recurrence(
                frequency=self.frequency,
                starts_on=date.fromisoformat(self.starts_on),
                local_time=time.fromisoformat(self.local_time),
                timezone=self.timezone,
                ends_on=date.fromisoformat(self.ends_on) if self.ends_on else None,
                count=self.count,
            ),
            stop_after_failures=self.stop_after_failures,
        )


class ChangeSchedule(Body):
    """Nothing: the address says it all."""

    model_config = example({})


class ScheduleView(View):
    """A schedule, what became of its runs, and when the next one is due."""

    id: Annotated[str, Field(examples=[f"sch_{EXAMPLE_SUFFIX}"])]
    from_wallet_id: Annotated[str, Field(examples=[f"wal_{EXAMPLE_SUFFIX}"])]
    to_wallet_id: Annotated[str, Field(examples=[f"wal_{EXAMPLE_SUFFIX}"])]
    status: Annotated[str, one_of("active", "paused", "finished", "stopped", "cancelled")]
    amount: int
    currency: str
    frequency: Annotated[str, one_of("once", "daily", "weekly", "monthly")]
    starts_on: date
    local_time: Annotated[str, Field(examples=["09:00:00"])]
    timezone: str
    ends_on: date | None
    count: int | None
    stop_after_failures: int | None
    runs: Annotated[int, Field(description="Made so far, failed ones included.")]
    failures: int
    failures_in_a_row: int
    skipped: Annotated[
        int, Field(description="Times it was due during an outage, beyond the one made up for.")
    ]
    last_transfer_id: Annotated[str | None, Field(examples=[f"wtr_{EXAMPLE_SUFFIX}"])]
    last_failure_code: Annotated[str | None, Field(description="Why the latest run failed.")]
    last_failure_message: FailureMessage
    next_run_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: transfers.ScheduleRow) -> "ScheduleView":
        """From the room's row."""
        return cls(
            id=typeid("sch", row.id),
            from_wallet_id=typeid("wal", row.from_wallet_id),
            to_wallet_id=typeid("wal", row.to_wallet_id),
            status=row.status,
            amount=row.amount_minor,
            currency=row.currency,
            frequency=row.frequency,
            starts_on=row.starts_on,
            local_time=row.local_time.isoformat(),
            timezone=row.timezone,
            ends_on=row.ends_on,
            count=row.runs_max,
            stop_after_failures=row.stop_after_failures,
            runs=row.runs,
            failures=row.failures,
            failures_in_a_row=row.failures_in_a_row,
            skipped=row.skipped,
            last_transfer_id=typeid("wtr", row.last_transfer_id) if row.last_transfer_id else None,
            last_failure_code=row.last_failure_code,
            last_failure_message=refusal_message(row.last_failure_code),
            next_run_at=row.due_at,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )


class SchedulePage(View):
    """Some schedules, latest first, and where to go on."""

    data: list[ScheduleView]
    next_cursor: str | None
