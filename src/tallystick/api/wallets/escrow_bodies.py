"""What is asked of escrows."""

from typing import Annotated, Literal

from pydantic import Field

from tallystick.api.field_errors import FieldError, InvalidFields
from tallystick.api.fields import (
    EXAMPLE_SUFFIX,
    Amount,
    Body,
    CurrencyCode,
    Description,
    MerchantId,
    WalletId,
    example,
)
from tallystick.api.instants import Instant, parse_instant
from tallystick.platform.ids import parse_typeid
from tallystick.wallets import escrows

Rule = Literal["release", "return"]
Share = Annotated[int, Field(ge=1, le=1_000_000, examples=[1])]
PartName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9_.:-]{1,64}$",
        description="Your own name for it; nothing personal.",
        examples=["design"],
    ),
]
Reason = Annotated[str, Field(max_length=500, description="Kept sealed.")]


class EscrowRecipient(Body):
    """Who is paid: a wallet, or a merchant's payable; one of the two."""

    wallet_id: WalletId | None = None
    merchant_id: MerchantId | None = None
    share: Annotated[Share, Field(description="Of every release, beside the others'.")] = 1


class EscrowPart(Body):
    """A milestone: a part of the amount that is released by its name."""

    name: PartName
    amount: Amount


class EscrowFee(Body):
    """What the platform keeps of what is released."""

    basis_points: Annotated[int, Field(ge=0, le=10_000, examples=[250])] = 0
    fixed_amount: Annotated[
        int, Field(ge=0, le=10**15, description="In minor units, taken once.")
    ] = 0


class EscrowTimeout(Body):
    """What becomes of what is held at an instant, if nobody has decided."""

    at: Instant
    then: Rule


class OpenEscrow(Body):
    """The agreement of buyer and recipients. Nothing moves until it is funded."""

    model_config = example(
        {
            "buyer_wallet_id": f"wal_{EXAMPLE_SUFFIX}",
            "recipients": [{"merchant_id": f"mer_{EXAMPLE_SUFFIX}"}],
            "amount": 100_000,
            "currency": "INR",
            "parts": [{"name": "design", "amount": 30_000}, {"name": "build", "amount": 70_000}],
            "timeout": {"at": "2026-04-02T09:30:00Z", "then": "return"},
            "description": "A chair",
        }
    )

    buyer_wallet_id: WalletId
    recipients: Annotated[list[EscrowRecipient], Field(min_length=1, max_length=20)]
    amount: Amount
    currency: CurrencyCode
    parts: Annotated[
        list[EscrowPart] | None,
        Field(min_length=1, max_length=50, description="They add up to the amount."),
    ] = None
    fee: Annotated[EscrowFee | None, Field(description="Only an operator sets it.")] = None
    arbiter_id: Annotated[
        MerchantId | None, Field(description="Who decides disputes; default: an operator.")
    ] = None
    timeout: EscrowTimeout | None = None
    description: Description | None = None

    def wish(self) -> escrows.EscrowWish:
        """As the room takes it. Raises InvalidFields."""
        fee, timeout = self.fee or EscrowFee(), self.timeout
        return escrows.EscrowWish(
            buyer_wallet_id=parse_typeid("wal", self.buyer_wallet_id),
            payees=tuple(_payee(one, place) for place, one in enumerate(self.recipients)),
            amount_minor=self.amount,
            currency=self.currency,
            parts=tuple(escrows.Part(part.name, part.amount) for part in self.parts or ()),
            fee_percent_bp=fee.basis_points,
            fee_fixed_minor=fee.fixed_amount,
            arbiter_id=parse_typeid("mer", self.arbiter_id) if self.arbiter_id else None,
            times_out_at=parse_instant(timeout.at) if timeout else None,
            on_timeout=timeout.then if timeout else None,
            description=self.description,
        )


class FundEscrow(Body):
    """How much to pay in: all that is missing, or a part."""

    model_config = example({"amount": 50_000})

    amount: Amount | None = None


class ReleaseEscrow(Body):
    """What to pay out: all that is held, an amount of it, or a part by its name."""

    model_config = example({"part": "design"})

    amount: Amount | None = None
    part: PartName | None = None


class ReturnEscrow(Body):
    """What to give back: all that is held, or a part."""

    model_config = example({"amount": 25_000})

    amount: Amount | None = None


class CancelEscrow(Body):
    """Nothing: the address says it all."""

    model_config = example({})


class WithdrawDispute(Body):
    """Nothing: the address says it all."""

    model_config = example({})


class DisputeEscrow(Body):
    """Why nothing may move."""

    model_config = example({"reason": "It arrived broken"})

    reason: Reason | None = None


class ResolveEscrow(Body):
    """How much of what is held the recipients get; the rest goes back to the buyer."""

    model_config = example({"release": 60_000, "reason": "Half of it is done"})

    release: Annotated[int, Field(ge=0, le=10**15, description="In minor units, fee included.")]
    shares: Annotated[
        list[Annotated[int, Field(ge=0, le=1_000_000)]] | None,
        Field(min_length=1, max_length=20, description="In place of the recipients' own."),
    ] = None
    reason: Reason | None = None


def _payee(recipient: EscrowRecipient, place: int) -> escrows.Payee:
    wallet, merchant = recipient.wallet_id, recipient.merchant_id
    if (wallet is None) == (merchant is None):
        message = "Either wallet_id or merchant_id says who is paid"
        raise InvalidFields((FieldError(f"recipients.{place}", "invalid", message),))
    return escrows.Payee(
        parse_typeid("wal", wallet) if wallet else None,
        parse_typeid("mer", merchant) if merchant else None,
        recipient.share,
    )
