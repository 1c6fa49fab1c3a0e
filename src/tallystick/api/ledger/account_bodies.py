"""What callers may say about accounts."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from tallystick.api.fields import Body, CurrencyCode, MerchantId, Metadata, example
from tallystick.books import PLATFORM, AccountBulks, NewAccount, account_id
from tallystick.ledger import Open
from tallystick.platform.ids import parse_typeid

OVERDRAFT_MAX: Final = 10**18
BULK_BODY_BYTES_MAX: Final = 1_048_576

Side = Literal["debit", "credit"]
_EXAMPLE: Final = {
    "code": "platform:petty_cash:INR",
    "currency": "INR",
    "normal_side": "debit",
    "metadata": {"cost_centre": "4711"},
}

OverdraftLimit = Annotated[
    int | None,
    Field(ge=0, le=OVERDRAFT_MAX, description="In minor units; null is without limit."),
]


class OpenAccount(Body):
    """A new account of a merchant, or of the platform itself."""

    model_config = example(_EXAMPLE)

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,120}$", examples=["platform:bank:INR"])]
    currency: CurrencyCode
    normal_side: Annotated[
        Side,
        Field(description="The side on which it grows: debit for assets, credit for liabilities."),
    ]
    overdraft_limit: OverdraftLimit = 0
    owner: Annotated[
        MerchantId | None, Field(description="The merchant it belongs to; null is the platform.")
    ] = None
    metadata: Metadata | None = None

    @property
    def owner_id(self) -> UUID:
        """The merchant, or the platform."""
        return parse_typeid("mer", self.owner) if self.owner else PLATFORM

    def wanted(self) -> NewAccount:
        """The account as the books open it; its id follows from its owner and its code."""
        order = Open(
            account_id(self.owner_id, self.code),
            self.code,
            self.currency,
            self.normal_side,
            self.overdraft_limit,
        )
        return NewAccount(order, self.metadata)


class OpenAccounts(Body):
    """Many accounts, each with a verdict of its own; or, atomic, all of them or none."""

    model_config = example({"accounts": [_EXAMPLE], "atomic": False})

    accounts: Annotated[list[OpenAccount], Field(min_length=1, max_length=AccountBulks.LARGEST)]
    atomic: bool = False


class FreezeAccount(Body):
    """What the freeze stops."""

    model_config = example({"stops": "outflow"})

    stops: Annotated[
        Literal["outflow", "all"],
        Field(description="What is reserved already may still settle, but not with `all`."),
    ] = "outflow"


class LimitAccount(Body):
    """How far below zero the account may go."""

    model_config = example({"overdraft_limit": 100_000})

    overdraft_limit: OverdraftLimit


class DescribeAccount(Body):
    """All metadata of the account: what is not named here is gone."""

    model_config = example({"metadata": {"cost_centre": "4711"}})

    metadata: Metadata


class ThawAccount(Body):
    """Nothing needs to be said."""

    model_config = example({})


class CloseAccount(Body):
    """Nothing needs to be said."""

    model_config = example({})
