"""Payments through rails: intents, payments, captures, refunds, and the recovery of what was cut.

Promises: no payment is asked for twice under two references; a time-out is unknown and never a
decline; money that moved at a bank is in our books, in suspense if nowhere else; no more is
captured than authorized, and no more refunded than captured; a repeat is answered alike.
Inner rooms, with doors of their own: `customers`, `fees`, `disputes`, `cases`.
Tables: `intents`, `payments`, `refunds`, and those of the inner rooms.
Facts: `intent.*`, `payment.*`, `refund.*` (`docs/explanation/payment-states.md`).
"""

from tallystick.payments import cases, customers, disputes, fees
from tallystick.payments.cases import Cases as Cases
from tallystick.payments.errors import PaymentsError
from tallystick.payments.intents import Intents
from tallystick.payments.list_store import Filters as Filters
from tallystick.payments.model import Answer, IntentRow, PaymentRow, RefundRow
from tallystick.payments.operations import Operations
from tallystick.payments.payments import Payments
from tallystick.payments.projections import PROJECTIONS
from tallystick.payments.recovery import Recovery
from tallystick.payments.references import parse_payment_reference as parse_payment_reference
from tallystick.payments.refunds import Refunds
from tallystick.payments.store import CHECKS
from tallystick.payments.top_ups import TOP_UP_CONSUMER as _TOP_UP_CONSUMER

projections = (*PROJECTIONS, *disputes.projections, *cases.projections)
consumers = (_TOP_UP_CONSUMER,)
checks = (*CHECKS, *fees.checks, *customers.checks, *disputes.checks, *cases.checks)

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
