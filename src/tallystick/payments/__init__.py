"""Payments through rails: intents, payments, captures, refunds, and the recovery of what was cut.

Promises: no payment is asked for twice under two references; a time-out is unknown and never a
decline; money that moved at a bank is in our books, in suspense if nowhere else; no more is
captured than authorized, and no more refunded than captured; a repeat is answered alike.
Tables: `intents`, `payments`, `refunds`, `customers`, `payment_methods`, `fee_plans`,
`payment_reserves`, `disputes`, `dispute_feeds`, `dispute_documents`.
Facts: `intent.*`, `payment.*`, `refund.*`, `customer.*`, `payment_method.*`, `fee_plan.*`,
`reserve.*`, `dispute.*`, `dispute_feed.*` (`docs/explanation/payment-states.md`).
"""

from tallystick.payments import disputes as disputes
from tallystick.payments.customer_model import CustomerRow as CustomerRow
from tallystick.payments.customer_model import CustomerTerms as CustomerTerms
from tallystick.payments.customer_model import MethodWish as MethodWish
from tallystick.payments.customer_model import PaymentMethodRow as PaymentMethodRow
from tallystick.payments.customer_model import Saved as Saved
from tallystick.payments.customer_store import CHECKS as _CUSTOMER_CHECKS
from tallystick.payments.customer_store import CustomersWanted as CustomersWanted
from tallystick.payments.customers import Customers as Customers
from tallystick.payments.errors import PaymentsError
from tallystick.payments.fee_plan_folds import PLAN_METHODS as PLAN_METHODS
from tallystick.payments.fee_plan_folds import FeePlanRow as FeePlanRow
from tallystick.payments.fee_plan_folds import FeePlanSet as FeePlanSet
from tallystick.payments.fee_plans import FeePlans as FeePlans
from tallystick.payments.fee_plans import Preview as Preview
from tallystick.payments.fee_store import CHECKS as _FEE_CHECKS
from tallystick.payments.fee_terms import FeeTerms as FeeTerms
from tallystick.payments.intents import Intents
from tallystick.payments.list_store import Filters as Filters
from tallystick.payments.model import Answer, IntentRow, PaymentRow, RefundRow
from tallystick.payments.operations import Operations
from tallystick.payments.payment_method_tokens import BRANDS as BRANDS
from tallystick.payments.payment_method_tokens import CardDetails as CardDetails
from tallystick.payments.payment_method_tokens import masked_handle as masked_handle
from tallystick.payments.payments import Payments
from tallystick.payments.projections import PROJECTIONS as projections
from tallystick.payments.recovery import Recovery
from tallystick.payments.references import parse_payment_reference as parse_payment_reference
from tallystick.payments.refunds import Refunds
from tallystick.payments.store import CHECKS as _CHECKS

checks = (*_CHECKS, *_FEE_CHECKS, *_CUSTOMER_CHECKS)

__all__ = [
    "Answer",
    "IntentRow",
    "Intents",
    "Operations",
    "PaymentRow",
    "Payments",
    "PaymentsError",
    "Recovery",
    "RefundRow",
    "Refunds",
    "checks",
    "projections",
]
