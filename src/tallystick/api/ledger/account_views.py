"""Accounts and their lines as they look outside."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from tallystick.api.fields import EXAMPLE_SUFFIX, View, one_of
from tallystick.api.ledger.account_bodies import Side
from tallystick.books import chart_classes
from tallystick.platform.ids import derived_id, typeid

Frozen = Literal["no", "outflow", "all"]
_ACCOUNT = Field(examples=[f"acc_{EXAMPLE_SUFFIX}"])


class AccountView(View):
    """An account with its balances, in minor units, on its normal side."""

    id: Annotated[str, _ACCOUNT]
    code: str
    chart_class: Annotated[str, one_of(*chart_classes.CLASSES)]
    currency: str
    normal_side: Side
    balance: Annotated[int, Field(description="Posted: what has moved.")]
    available: Annotated[int, Field(description="Posted less what is promised to leave.")]
    pending_in: int
    pending_out: int
    overdraft_limit: Annotated[int | None, Field(description="null is without limit.")]
    frozen: Frozen
    closed_at: datetime | None
    version: Annotated[int, Field(description="Counts the account's transfers.")]

    @classmethod
    def fields_of(cls, account: Any) -> dict[str, Any]:
        """From the ledger's account."""
        return {
            "id": typeid("acc", account.id),
            "code": account.code,
            "chart_class": chart_classes.class_of(account.code, account.normal_side),
            "currency": account.currency,
            "normal_side": account.normal_side,
            "balance": account.posted_minor,
            "available": account.available_minor,
            "pending_in": account.pending_in_minor,
            "pending_out": account.pending_out_minor,
            "overdraft_limit": account.overdraft_limit,
            "frozen": account.frozen,
            "closed_at": account.closed_at,
            "version": account.version,
        }


class AccountDetail(AccountView):
    """An account with its balances, and what the platform keeps beside it."""

    metadata: dict[str, str]


class AccountPage(View):
    """Some accounts, and where to go on."""

    data: list[AccountView]
    next_cursor: str | None


class TermsView(View):
    """What an account is, beside its balances."""

    id: Annotated[str, _ACCOUNT]
    code: str
    currency: str
    normal_side: Side
    overdraft_limit: int | None
    frozen: Frozen
    closed_at: datetime | None
    revision: Annotated[int, Field(description="Counts the changes of these terms.")]

    @classmethod
    def of(cls, terms: Any) -> "TermsView":
        """From the books' terms."""
        return cls(
            id=typeid("acc", terms.id),
            code=terms.code,
            currency=terms.currency,
            normal_side=terms.normal_side,
            overdraft_limit=terms.overdraft_limit_minor,
            frozen=terms.frozen,
            closed_at=terms.closed_at,
            revision=terms.revision,
        )


class AccountVerdict(View):
    """What became of one account: `opened`, `refused`, or `unknown`: ask again, same key."""

    status: Annotated[str, one_of("opened", "refused", "unknown")]
    account: TermsView | None = None
    code: Annotated[str | None, Field(description="Why it was refused.")] = None
    detail: str | None = None


class AccountVerdicts(View):
    """The verdicts of a bulk, in the order of its items."""

    opened: int
    refused: int
    unknown: int
    data: list[AccountVerdict]


class MetadataView(View):
    """What the platform keeps beside an account."""

    account_id: Annotated[str, _ACCOUNT]
    version: Annotated[int, Field(description="Counts the changes of the metadata.")]
    metadata: dict[str, str]


class EntryView(View):
    """One line of an account: document 004's LedgerEntry, and what belongs to it."""

    id: Annotated[str, Field(examples=[f"ent_{EXAMPLE_SUFFIX}"])]
    transaction_id: Annotated[str, Field(examples=[f"chg_{EXAMPLE_SUFFIX}"])]
    transfer_id: Annotated[str, Field(examples=[f"tra_{EXAMPLE_SUFFIX}"])]
    account_id: Annotated[str, _ACCOUNT]
    amount: Annotated[int, Field(description="Negative for a debit.", examples=[-1250])]
    currency: str
    entry_type: Literal["DEBIT", "CREDIT"]
    balance_after: Annotated[int, Field(description="On the account's normal side.")]
    kind: Literal["post", "reserve", "settle", "void", "expire"]
    code: str
    effective_at: Annotated[datetime | None, Field(description="Only when back-dated.")]
    created_at: datetime

    @classmethod
    def of(cls, entry: Any) -> "EntryView":
        """From the ledger's entry."""
        side = "debit" if entry.entry_type == "DEBIT" else "credit"
        return cls(
            id=typeid("ent", derived_id(entry.transfer_id, side)),
            transaction_id=typeid("chg", entry.transaction_id),
            transfer_id=typeid("tra", entry.transfer_id),
            account_id=typeid("acc", entry.account_id),
            amount=entry.amount_minor,
            currency=entry.currency,
            entry_type=entry.entry_type,
            balance_after=entry.balance_after_minor,
            kind=entry.kind,
            code=entry.code,
            effective_at=entry.effective_at,
            created_at=entry.created_at,
        )


class EntryPage(View):
    """Some lines, and where to go on."""

    data: list[EntryView]
    next_cursor: str | None
