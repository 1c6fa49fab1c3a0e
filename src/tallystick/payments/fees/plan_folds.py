"""Fee plans: what is told of them, the rows that follow, and which of them holds. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import PLATFORM
from tallystick.journal import Projection, Told
from tallystick.payments.fees.terms import FeeTerms

FEE_PLAN_SET: Final = "fee_plan.set"
ANY_METHOD: Final = "any"
PLAN_METHODS: Final = (ANY_METHOD, "card", "upi", "wallet")


class FeePlanSet(Struct, frozen=True, omit_defaults=True):
    """Data of `fee_plan.set`: payments made from `valid_from` on are charged by it.

    `merchant_id` None: for every merchant that has none of its own.
    """

    currency: str
    method: str
    valid_from: datetime
    percent_bp: int
    fixed_minor: int
    merchant_id: UUID | None = None
    minimum_minor: int = 0
    cap_minor: int | None = None
    tax_bp: int = 0
    reserve_bp: int = 0
    reserve_days: int = 0
    on_refund: str = "kept"


class FeePlanRow(Struct, frozen=True):
    """One plan; fields are the columns of `fee_plans`, in their order. Followed, never altered."""

    id: UUID
    version: int
    owner_id: UUID  # a merchant, or the platform
    currency: str
    method: str
    percent_bp: int
    fixed_minor: int
    minimum_minor: int
    cap_minor: int | None
    tax_bp: int
    reserve_bp: int
    reserve_days: int
    on_refund: str
    valid_from: datetime
    set_by: UUID | None
    set_at: datetime

    @property
    def merchant_id(self) -> UUID | None:
        return None if self.owner_id == PLATFORM else self.owner_id

    @property
    def terms(self) -> FeeTerms:
        """What a payment made on this plan keeps of it."""
        return FeeTerms(
            percent_bp=self.percent_bp,
            fixed_minor=self.fixed_minor,
            minimum_minor=self.minimum_minor,
            cap_minor=self.cap_minor,
            tax_bp=self.tax_bp,
            reserve_bp=self.reserve_bp,
            reserve_days=self.reserve_days,
            on_refund=self.on_refund,
            plan_id=self.id,
        )


def fold_fee_plan(row: FeePlanRow | None, fact: Told) -> FeePlanRow:
    """The row of this fact; there is no other."""
    del row
    data: FeePlanSet = fact.data
    return FeePlanRow(
        id=fact.aggregate_id,
        version=fact.version,
        owner_id=data.merchant_id or PLATFORM,
        currency=data.currency,
        method=data.method,
        percent_bp=data.percent_bp,
        fixed_minor=data.fixed_minor,
        minimum_minor=data.minimum_minor,
        cap_minor=data.cap_minor,
        tax_bp=data.tax_bp,
        reserve_bp=data.reserve_bp,
        reserve_days=data.reserve_days,
        on_refund=data.on_refund,
        valid_from=data.valid_from,
        set_by=fact.origin.actor,
        set_at=fact.at,
    )


class PlanBook(Struct, frozen=True):
    """What may be charged a merchant: its own plans and the platform's, newest first."""

    merchant_id: UUID
    onboarded: FeeTerms  # as it was brought on board
    plans: Mapping[tuple[UUID, str, str], tuple[FeePlanRow, ...]]

    @classmethod
    def of(cls, merchant_id: UUID, onboarded: FeeTerms, rows: Iterable[FeePlanRow]) -> "PlanBook":
        """Sort the rows by whom, what currency and what method they are for."""
        plans: dict[tuple[UUID, str, str], tuple[FeePlanRow, ...]] = {}
        for row in sorted(rows, key=_age, reverse=True):
            place = (row.owner_id, row.currency, row.method)
            plans[place] = (*plans.get(place, ()), row)
        return cls(merchant_id, onboarded, plans)

    def terms(self, currency: str, method: str, now: datetime) -> FeeTerms:
        """The terms of a payment made now.

        The merchant's own plan for the method goes before its plan for any; then what it was
        brought on board with, unless that is nothing; then the platform's two; else no fee.
        """
        if own := self._standing(self.merchant_id, currency, method, now):
            return own.terms
        if self.onboarded != FeeTerms():
            return self.onboarded
        default = self._standing(PLATFORM, currency, method, now)
        return default.terms if default else self.onboarded

    def _standing(
        self, owner_id: UUID, currency: str, method: str, now: datetime
    ) -> FeePlanRow | None:
        for kind in (method, ANY_METHOD):
            rows = self.plans.get((owner_id, currency, kind), ())
            if row := next((row for row in rows if row.valid_from <= now), None):
                return row
        return None


def _age(row: FeePlanRow) -> tuple[datetime, datetime, UUID]:
    return row.valid_from, row.set_at, row.id


FEE_PLANS: Final = Projection(
    "fee_plans", FeePlanRow, {FEE_PLAN_SET: FeePlanSet}, fold_fee_plan, insert_only=True
)
