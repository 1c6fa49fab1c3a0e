"""Wallets, their tiers and their movements as they look outside."""

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from tallystick.api.fields import AMOUNT_MAX, EXAMPLE_SUFFIX, Body, CurrencyCode, View, example
from tallystick.platform.ids import MalformedId, parse_typeid, typeid
from tallystick.wallets import Seen, Tier, Transaction

_KINDS = {"usr": "user", "mer": "merchant"}


def _is_owner(text: str) -> str:
    try:
        owner_of(text)
    except MalformedId:
        raise PydanticCustomError(
            "malformed_id", "Expected an id such as usr_... or mer_..."
        ) from None
    return text


def owner_of(text: str) -> tuple[UUID, str]:
    """The owner's id and whether he is a `user` or a `merchant`. Raises MalformedId."""
    prefix = text[:3]
    if text[3:4] != "_" or prefix not in _KINDS:
        raise MalformedId("expected an id such as usr_... or mer_...")
    return parse_typeid(prefix, text), _KINDS[prefix]


WalletOwner = Annotated[
    str,
    Field(
        max_length=64,
        description="A user's or a merchant's id. A merchant's key needs none.",
        examples=[f"usr_{EXAMPLE_SUFFIX}"],
        json_schema_extra={"pattern": "^(usr|mer)_[0-7][0-9a-hjkmnp-tv-z]{25}$"},
    ),
    AfterValidator(_is_owner),
]
TierName = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$", examples=["basic"], max_length=40)
]
LimitAmount = Annotated[
    int | None,
    Field(ge=0, le=AMOUNT_MAX, description="In minor units; null is without limit."),
]


# What is asked ----------------------------------------------------------------------------------


class OpenWallet(Body):
    """Whose wallet, in which currency. Without a tier: `basic`, a merchant's is `unlimited`."""

    model_config = example({"owner_id": f"usr_{EXAMPLE_SUFFIX}", "currency": "INR"})

    owner_id: WalletOwner | None = None
    currency: CurrencyCode
    tier: Annotated[TierName | None, Field(description="Only an operator may choose.")] = None


class FreezeWallet(Body):
    """What the freeze stops: what leaves, or everything."""

    model_config = example({"stops": "outflow"})

    stops: Literal["outflow", "all"] = "outflow"


class AssignTier(Body):
    """The tier whose limits hold from now on."""

    model_config = example({"tier": "verified"})

    tier: TierName


class UnfreezeWallet(Body):
    """Nothing needs to be said."""

    model_config = example({})


class CloseWallet(Body):
    """Nothing needs to be said."""

    model_config = example({})


class SetTier(Body):
    """A tier's limits in one currency, all of them: what is left out is without limit."""

    model_config = example(
        {"name": "gold", "currency": "INR", "daily": 5_000_000, "balance": 20_000_000}
    )

    name: TierName
    currency: CurrencyCode
    daily: LimitAmount = None
    monthly: LimitAmount = None
    balance: LimitAmount = None


# What is answered -------------------------------------------------------------------------------


class WalletView(View):
    """A wallet. `balance = available_balance + pending_balance`, in minor units."""

    id: Annotated[str, Field(examples=[f"wal_{EXAMPLE_SUFFIX}"])]
    owner_id: Annotated[str, Field(examples=[f"usr_{EXAMPLE_SUFFIX}"])]
    owner_kind: Literal["user", "merchant"]
    account_id: Annotated[
        str, Field(description="The ledger's account.", examples=[f"acc_{EXAMPLE_SUFFIX}"])
    ]
    currency: str
    status: Literal["active", "frozen", "closed"]
    frozen: Annotated[Literal["no", "outflow", "all"], Field(description="What a freeze stops.")]
    tier: str
    balance: int
    available_balance: int
    pending_balance: Annotated[int, Field(description="Held, and still the owner's.")]
    spent_on: Annotated[date, Field(description="The UTC day of the last spending.")]
    spent_that_day: Annotated[int, Field(description="Counts against the daily limit.")]
    spent_that_month: Annotated[int, Field(description="Counts against the monthly limit.")]
    version: Annotated[
        int, Field(description="Counts all that ever happened to it; also the ETag.")
    ]
    opened_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, seen: Seen) -> Self:
        """From the room's wallet with its money."""
        wallet, money = seen.wallet, seen.money
        prefix = "mer" if wallet.owner_kind == "merchant" else "usr"
        return cls.model_validate(
            {
                "id": typeid("wal", wallet.id),
                "owner_id": typeid(prefix, wallet.owner_id),
                "owner_kind": wallet.owner_kind,
                "account_id": typeid("acc", wallet.id),
                "currency": wallet.currency,
                "status": wallet.status,
                "frozen": wallet.frozen,
                "tier": wallet.tier,
                "balance": money.balance_minor,
                "available_balance": money.available_minor,
                "pending_balance": money.pending_minor,
                "spent_on": wallet.spent_on,
                "spent_that_day": wallet.spent_day_minor,
                "spent_that_month": wallet.spent_month_minor,
                "version": seen.version,
                "opened_at": wallet.opened_at,
                "updated_at": wallet.updated_at,
            }
        )


class WalletPage(View):
    """Some wallets, and where to go on."""

    data: list[WalletView]
    next_cursor: str | None


class TransactionView(View):
    """One movement of a wallet's money: document 002's wallet transaction. Never rewritten."""

    id: Annotated[str, Field(examples=[f"tra_{EXAMPLE_SUFFIX}"])]
    wallet_id: Annotated[str, Field(examples=[f"wal_{EXAMPLE_SUFFIX}"])]
    transaction_id: Annotated[
        str, Field(description="The ledger's change.", examples=[f"chg_{EXAMPLE_SUFFIX}"])
    ]
    type: Annotated[Literal["DEBIT", "CREDIT"], Field(description="DEBIT leaves the wallet.")]
    amount: Annotated[int, Field(ge=1)]
    currency: str
    balance_after: int
    code: Annotated[str, Field(description="What it was for.")]
    created_at: datetime

    @classmethod
    def of(cls, wallet_id: UUID, row: Transaction) -> Self:
        """From the room's transaction."""
        return cls.model_validate(
            {
                "id": typeid("tra", row.transfer_id),
                "wallet_id": typeid("wal", wallet_id),
                "transaction_id": typeid("chg", row.change_id),
                "type": row.type,
                "amount": row.amount_minor,
                "currency": row.currency,
                "balance_after": row.balance_after_minor,
                "code": row.code,
                "created_at": row.created_at,
            }
        )


class TransactionPage(View):
    """Some movements, the newest first, and where to go on."""

    data: list[TransactionView]
    next_cursor: str | None


class TierView(View):
    """A tier's limits in one currency, in minor units; null is without limit."""

    name: str
    currency: str
    daily: Annotated[int | None, Field(description="Out of a wallet on one UTC day.")]
    monthly: Annotated[int | None, Field(description="Out of a wallet in one UTC month.")]
    balance: Annotated[int | None, Field(description="In a wallet at any time.")]

    @classmethod
    def of(cls, tier: Tier) -> Self:
        """From the room's tier."""
        return cls(
            name=tier.name,
            currency=tier.currency,
            daily=tier.daily_minor,
            monthly=tier.monthly_minor,
            balance=tier.balance_minor,
        )


class TierList(View):
    """All limits that hold now. `unlimited` is there in any currency, and not listed."""

    data: list[TierView]
