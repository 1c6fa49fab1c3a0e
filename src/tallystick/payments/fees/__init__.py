"""What the platform keeps of a payment: fee plans as data, and the reserves it gives back later.

Promises: a payment's fee is computed by the plan that held when it was captured; a plan is followed
by a later one and never altered; a reserve returns to its merchant once, on its day.
Tables: `fee_plans`, `payment_reserves`. Facts: `fee_plan.*`, `reserve.*`.
"""

from tallystick.payments.fees.plan_folds import (
    FEE_PLANS,
    PLAN_METHODS,
    FeePlanRow,
    FeePlanSet,
)
from tallystick.payments.fees.plans import FeePlans, Preview
from tallystick.payments.fees.reserves import RESERVES
from tallystick.payments.fees.store import CHECKS as checks
from tallystick.payments.fees.terms import FeeTerms

projections = (RESERVES, FEE_PLANS)

__all__ = [
    "PLAN_METHODS",
    "FeePlanRow",
    "FeePlanSet",
    "FeePlans",
    "FeeTerms",
    "Preview",
    "checks",
    "projections",
]
