"""This room's projections: which facts fold into which table."""

from typing import Any, Final

from tallystick.journal import Projection
from tallystick.payments.customer_folds import CUSTOMERS, PAYMENT_METHODS
from tallystick.payments.dispute_folds import DISPUTES, FEEDS
from tallystick.payments.facts import (
    INTENT_KINDS,
    PAYMENT_KINDS,
)
from tallystick.payments.fee_plan_folds import FEE_PLANS
from tallystick.payments.intent_folds import fold_intent
from tallystick.payments.model import IntentRow, PaymentRow, RefundRow
from tallystick.payments.payment_folds import fold_payment
from tallystick.payments.refund_facts import REFUND_KINDS
from tallystick.payments.refund_folds import fold_refund
from tallystick.payments.reserves import RESERVES

INTENTS: Final = Projection("intents", IntentRow, INTENT_KINDS, fold_intent)
PAYMENTS: Final = Projection("payments", PaymentRow, PAYMENT_KINDS, fold_payment)
REFUNDS: Final = Projection("refunds", RefundRow, REFUND_KINDS, fold_refund)

PROJECTIONS: Final = (
    *(INTENTS, PAYMENTS, REFUNDS, CUSTOMERS, PAYMENT_METHODS),
    *(RESERVES, FEE_PLANS, DISPUTES, FEEDS),
)
PROJECTION_OF: Final[dict[type[Any], Projection]] = {p.row: p for p in PROJECTIONS}
