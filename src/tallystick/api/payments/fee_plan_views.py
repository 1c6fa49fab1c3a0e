"""Fee plans as they look outside."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from tallystick.api.fields import (
    EXAMPLE_SUFFIX,
    Amount,
    Body,
    CurrencyCode,
    MerchantName,
    View,
    example,
    one_of,
)
from tallystick.api.instants import Instant, parse_instant
from tallystick.payments.fees import FeePlanRow, FeePlanSet, FeeTerms, Preview
from tallystick.platform.ids import typeid

AMOUNT_MAX: Final = 10**15
RESERVE_DAYS_MAX: Final = 3_650
_METHODS: Final = ("any", "card", "upi", "wallet")
_ON_REFUND: Final = ("kept", "returned")

BasisPoints = Annotated[int, Field(ge=0, le=10_000, examples=[250])]
Part = Annotated[int, Field(ge=0, le=AMOUNT_MAX)]


class SetFeePlan(Body):
    """What the platform keeps of captures. Amounts are in minor units of `currency`."""

    model_config = example(
        {
            "merchant": f"mer_{EXAMPLE_SUFFIX}",
            "currency": "INR",
            "method": "card",
            "basis_points": 200,
            "fixed_amount": 300,
            "minimum_amount": 500,
            "cap_amount": 100_000,
            "tax_basis_points": 1_800,
            "reserve_basis_points": 500,
            "reserve_days": 7,
            "on_refund": "kept",
        }
    )

    merchant: Annotated[
        MerchantName | None,
        Field(description="Whose it is; null is the default for all that have none."),
    ] = None
    currency: CurrencyCode
    method: Annotated[
        Literal["any", "card", "upi", "wallet"],
        Field(description="The payment method it is for; its own goes before `any`."),
    ] = "any"
    basis_points: Annotated[BasisPoints, Field(description="Of what is captured.")]
    fixed_amount: Annotated[Part, Field(description="Besides, once a payment.")] = 0
    minimum_amount: Annotated[Part, Field(description="The fee is at least this.")] = 0
    cap_amount: Annotated[
        Part | None, Field(description="The fee is at most this; null is no limit.")
    ] = None
    tax_basis_points: Annotated[BasisPoints, Field(description="Tax, of the fee.")] = 0
    reserve_basis_points: Annotated[
        BasisPoints, Field(description="Held back of what is captured, for `reserve_days`.")
    ] = 0
    reserve_days: Annotated[int, Field(ge=0, le=RESERVE_DAYS_MAX, validate_default=True)] = 0
    on_refund: Annotated[
        Literal["kept", "returned"],
        Field(description="What becomes of fee and tax when the payer gets money back."),
    ] = "kept"
    valid_from: Annotated[
        Instant | None, Field(description="From when; null, or what has passed, is now.")
    ] = None

    @field_validator("cap_amount")
    @classmethod
    def _is_not_below_the_minimum(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and value < info.data.get("minimum_amount", 0):
            raise PydanticCustomError("cap_below_minimum", "A cap is not below the minimum")
        return value

    @field_validator("reserve_days")
    @classmethod
    def _go_with_a_reserve(cls, value: int, info: ValidationInfo) -> int:
        reserve_bp = info.data.get("reserve_basis_points")
        if reserve_bp is not None and (value > 0) != (reserve_bp > 0):
            raise PydanticCustomError("reserve_days", "A reserve has a percentage and its days")
        return value

    def plan(self, merchant_id: UUID | None, now: datetime) -> FeePlanSet:
        """As the room takes it."""
        return FeePlanSet(
            currency=self.currency,
            method=self.method,
            valid_from=parse_instant(self.valid_from) if self.valid_from else now,
            percent_bp=self.basis_points,
            fixed_minor=self.fixed_amount,
            merchant_id=merchant_id,
            minimum_minor=self.minimum_amount,
            cap_minor=self.cap_amount,
            tax_bp=self.tax_basis_points,
            reserve_bp=self.reserve_basis_points,
            reserve_days=self.reserve_days,
            on_refund=self.on_refund,
        )


class FeeTermsView(View):
    """How a payment is charged."""

    basis_points: int
    fixed_amount: int
    minimum_amount: int
    cap_amount: int | None
    tax_basis_points: int
    reserve_basis_points: int
    reserve_days: int
    on_refund: Annotated[str, one_of(*_ON_REFUND)]

    @classmethod
    def of_terms(cls, terms: FeeTerms) -> "FeeTermsView":
        """From the room's terms."""
        return FeeTermsView(
            basis_points=terms.percent_bp,
            fixed_amount=terms.fixed_minor,
            minimum_amount=terms.minimum_minor,
            cap_amount=terms.cap_minor,
            tax_basis_points=terms.tax_bp,
            reserve_basis_points=terms.reserve_bp,
            reserve_days=terms.reserve_days,
            on_refund=terms.on_refund,
        )


class FeePlanView(FeeTermsView):
    """A plan as it was set. Of those whose `valid_from` has come, the latest one holds."""

    id: Annotated[str, Field(examples=[f"fpl_{EXAMPLE_SUFFIX}"])]
    merchant: Annotated[
        str | None, Field(description="Null: for all that have none.", examples=["mer_..."])
    ]
    currency: str
    method: Annotated[str, one_of(*_METHODS)]
    valid_from: datetime
    created_at: datetime

    @classmethod
    def of(cls, row: FeePlanRow) -> "FeePlanView":
        """From the room's row."""
        return cls(
            id=typeid("fpl", row.id),
            merchant=typeid("mer", row.merchant_id) if row.merchant_id else None,
            currency=row.currency,
            method=row.method,
            valid_from=row.valid_from,
            created_at=row.set_at,
            **FeeTermsView.of_terms(row.terms).model_dump(),
        )


class FeePlanPage(View):
    """Some plans, the latest set first, and where to go on."""

    data: list[FeePlanView]
    next_cursor: str | None


class PreviewFee(Body):
    """A payment that might be made."""

    model_config = example({"amount": 10_000, "currency": "INR", "method": "card"})

    merchant: MerchantName | None = None
    amount: Amount
    currency: CurrencyCode
    method: Literal["card", "upi", "wallet"] = "card"


class FeePreview(View):
    """What such a payment would leave: `amount = fee + tax + reserve + payable`."""

    amount: int
    currency: str
    fee: int
    tax: int
    reserve: Annotated[int, Field(description="The merchant's too, after `reserve_days`.")]
    payable: int
    plan_id: Annotated[
        str | None,
        Field(description="Null: no plan was set that holds.", examples=[f"fpl_{EXAMPLE_SUFFIX}"]),
    ]
    terms: FeeTermsView

    @classmethod
    def of(cls, preview: Preview, currency: str) -> "FeePreview":
        """From the room's answer."""
        charge, plan_id = preview.charge, preview.terms.plan_id
        return cls(
            amount=preview.amount_minor,
            currency=currency,
            fee=charge.fee_minor,
            tax=charge.tax_minor,
            reserve=charge.reserve_minor,
            payable=preview.payable_minor,
            plan_id=typeid("fpl", plan_id) if plan_id else None,
            terms=FeeTermsView.of_terms(preview.terms),
        )
