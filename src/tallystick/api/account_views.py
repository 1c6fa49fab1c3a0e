"""Accounts and their lines as they look outside."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from tallystick.api.fields import EXAMPLE_SUFFIX, Body, CurrencyCode, MerchantId, View, example
from tallystick.platform.ids import derived_id, typeid

OVERDRAFT_MAX: Final = 10**18

Side = Literal["debit", "credit"]
Frozen = Literal["no", "outflow", "all"]


class OpenAccount(Body):
    """A new account of a merchant, or of the platform itself."""

    model_config = example(
        {"code": "platform:petty_cash:INR", "currency": "INR", "normal_side": "debit"}
    )

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,120}$", examples=["platform:bank:INR"])]
    currency: CurrencyCode
    normal_side: Annotated[
        Side,
        Field(description="The side on which it grows: debit for assets, credit for liabilities."),
    ]
    overdraft_limit: Annotated[
        int | None,
        Field(ge=0, le=OVERDRAFT_MAX, description="In minor units; null is without limit."),
    ] = 0
    owner: Annotated[
        MerchantId | None, Field(description="The merchant it belongs to; null is the platform.")
    ] = None


class AccountView(View):
    """An account with its balances, in minor units, on its normal side."""

    id: Annotated[str, Field(examples=[f"acc_{EXAMPLE_SUFFIX}"])]
    code: str
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
    def of(cls, account: Any) -> "AccountView":
        """From the ledger's account."""
        return cls(
            id=typeid("acc", account.id),
            code=account.code,
            currency=account.currency,
            normal_side=account.normal_side,
            balance=account.posted_minor,
            available=account.available_minor,
            pending_in=account.pending_in_minor,
            pending_out=account.pending_out_minor,
            overdraft_limit=account.overdraft_limit,
            frozen=account.frozen,
            closed_at=account.closed_at,
            version=account.version,
        )


class TermsView(View):
    """What an account is, beside its balances."""

    id: Annotated[str, Field(examples=[f"acc_{EXAMPLE_SUFFIX}"])]
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


class EntryView(View):
    """One line of an account: document 004's LedgerEntry, and what belongs to it."""

    id: Annotated[str, Field(examples=[f"ent_{EXAMPLE_SUFFIX}"])]
    transaction_id: Annotated[str, Field(examples=[f"chg_{EXAMPLE_SUFFIX}"])]
    transfer_id: Annotated[str, Field(examples=[f"tra_{EXAMPLE_SUFFIX}"])]
    account_id: Annotated[str, Field(examples=[f"acc_{EXAMPLE_SUFFIX}"])]
    amount: Annotated[int, Field(description="Negative for a debit.", examples=[-1250])]
    currency: str
    entry_type: Literal["DEBIT", "CREDIT"]
    balance_after: Annotated[int, Field(description="On the account's normal side.")]
    kind: Literal["post", "reserve", "settle", "void", "expire"]
    code: str
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
            created_at=entry.created_at,
        )


class EntryPage(View):
    """Some lines, oldest first, and where to go on."""

    data: list[EntryView]
    next_cursor: str | None
