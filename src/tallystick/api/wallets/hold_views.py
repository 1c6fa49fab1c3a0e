"""Holds as they look outside."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from tallystick.api.fields import (
    EXAMPLE_SUFFIX,
    Amount,
    Body,
    CurrencyCode,
    MerchantId,
    View,
    WalletId,
    example,
)
from tallystick.api.instants import Instant
from tallystick.platform.ids import typeid
from tallystick.wallets import Hold

HoldStatus = Literal["active", "captured", "released", "expired"]


class PlaceHold(Body):
    """Money of a wallet to set aside, for a wallet or for a merchant: one of the two."""

    model_config = example(
        {
            "wallet_id": f"wal_{EXAMPLE_SUFFIX}",
            "to_merchant_id": f"mer_{EXAMPLE_SUFFIX}",
            "amount": 2500,
            "currency": "INR",
            "reference": "order-6735",
        }
    )

    wallet_id: WalletId
    to_wallet_id: WalletId | None = None
    to_merchant_id: MerchantId | None = None
    amount: Amount
    currency: CurrencyCode
    expires_at: Annotated[
        Instant | None, Field(description="In at most 30 days; in 7 days when it is left out.")
    ] = None
    reference: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9._:-]{1,80}$",
            description="Your own name for what it is for; nothing personal.",
            examples=["order-6735"],
        ),
    ] = None


class CaptureHold(Body):
    """How much to capture: all that is left, or a part. `final` gives back the rest."""

    model_config = example({"amount": 1500, "final": True})

    amount: Amount | None = None
    final: bool = False


class ReleaseHold(Body):
    """Nothing needs to be said."""

    model_config = example({})


class HoldView(View):
    """A hold. `amount = captured + returned + remaining`."""

    id: Annotated[str, Field(examples=[f"hld_{EXAMPLE_SUFFIX}"])]
    wallet_id: Annotated[str, Field(examples=[f"wal_{EXAMPLE_SUFFIX}"])]
    to_wallet_id: Annotated[str | None, Field(examples=[f"wal_{EXAMPLE_SUFFIX}"])]
    to_merchant_id: Annotated[
        str | None, Field(description="Who captures it.", examples=[f"mer_{EXAMPLE_SUFFIX}"])
    ]
    status: HoldStatus
    amount: int
    captured: int
    returned: int
    remaining: int
    currency: str
    reference: str | None
    reservation_id: Annotated[
        str, Field(description="The ledger's.", examples=[f"res_{EXAMPLE_SUFFIX}"])
    ]
    expires_at: datetime
    placed_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, hold: Hold) -> Self:
        """From the room's hold."""
        to_wallet, to_merchant = hold.to_wallet_id, hold.to_merchant_id
        return cls.model_validate(
            {
                "id": typeid("hld", hold.id),
                "wallet_id": typeid("wal", hold.wallet_id),
                "to_wallet_id": typeid("wal", to_wallet) if to_wallet else None,
                "to_merchant_id": typeid("mer", to_merchant) if to_merchant else None,
                "status": hold.status,
                "amount": hold.amount_minor,
                "captured": hold.captured_minor,
                "returned": hold.returned_minor,
                "remaining": hold.remaining_minor,
                "currency": hold.currency,
                "reference": hold.reference,
                "reservation_id": typeid("res", hold.reservation_id),
                "expires_at": hold.expires_at,
                "placed_at": hold.placed_at,
                "updated_at": hold.updated_at,
            }
        )


class HoldPage(View):
    """Some holds, the latest first, and where to go on."""

    data: list[HoldView]
    next_cursor: str | None
