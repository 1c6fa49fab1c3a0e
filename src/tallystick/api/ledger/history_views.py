"""An account's past as it looks outside: a balance at an instant, a statement."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from tallystick.api.fields import EXAMPLE_SUFFIX, View
from tallystick.api.ledger.account_bodies import Side
from tallystick.api.ledger.account_views import EntryView
from tallystick.platform.ids import typeid

Basis = Literal["recorded", "value_date"]


class BalanceView(View):
    """A balance on the account's normal side, in minor units.

    What was promised is null by value date, for promises have none, and for instants that lie too
    many lines back.
    """

    account_id: Annotated[str, Field(examples=[f"acc_{EXAMPLE_SUFFIX}"])]
    code: str
    currency: str
    normal_side: Side
    at: Annotated[datetime | None, Field(description="As recorded up to then; null is now.")]
    effective_at: Annotated[datetime | None, Field(description="By value date up to then.")]
    balance: int
    available: int | None
    pending_in: int | None
    pending_out: int | None
    version: Annotated[int, Field(description="The account's last line by then.")]

    @classmethod
    def of(
        cls, account: Any, found: Any, *, at: datetime | None, effective_at: datetime | None
    ) -> "BalanceView":
        """From the ledger's account and its balance at an instant."""
        return cls(
            account_id=typeid("acc", account.id),
            code=account.code,
            currency=account.currency,
            normal_side=account.normal_side,
            at=at,
            effective_at=effective_at,
            balance=found.posted_minor,
            available=found.available_minor,
            pending_in=found.pending_in_minor,
            pending_out=found.pending_out_minor,
            version=found.version,
        )


class StatementView(View):
    """What moved on an account within a period that includes `from` and ends before `to`.

    The opening balance and what moved make the closing balance; both balances were read, not
    added up.
    """

    account_id: Annotated[str, Field(examples=[f"acc_{EXAMPLE_SUFFIX}"])]
    code: str
    currency: str
    normal_side: Side
    basis: Basis
    from_: Annotated[datetime, Field(serialization_alias="from")]
    to: datetime
    opening_balance: int
    closing_balance: int
    total_debits: int
    total_credits: int
    lines: Annotated[int, Field(description="How many lines the whole statement has.")]
    data: list[EntryView]
    next_cursor: str | None

    @classmethod
    def of(
        cls, period: Any, totals: Any, lines: list[Any], next_cursor: str | None
    ) -> "StatementView":
        """From the ledger's period, its totals and a page of its lines."""
        account = period.account
        return cls(
            account_id=typeid("acc", account.id),
            code=account.code,
            currency=account.currency,
            normal_side=account.normal_side,
            basis="value_date" if period.by_value else "recorded",
            from_=period.since,
            to=period.until,
            opening_balance=period.opening_minor,
            closing_balance=period.closing_minor,
            total_debits=totals.debits_minor,
            total_credits=totals.credits_minor,
            lines=totals.lines,
            data=[EntryView.of(line) for line in lines],
            next_cursor=next_cursor,
        )


class ChangeView(View):
    """All lines of one change: what moved together, or not at all.

    In each currency they add up to zero. A merchant sees those of its own accounts.
    """

    id: Annotated[str, Field(examples=[f"chg_{EXAMPLE_SUFFIX}"])]
    created_at: datetime
    entries: list[EntryView]
