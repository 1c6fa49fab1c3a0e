"""This room's projections: which facts fold into which table."""

from typing import Any, Final
from uuid import UUID

from tallystick.journal import Projection
from tallystick.payments import customers, fees
from tallystick.payments.facts import (
    INTENT_KINDS,
    PAYMENT_KINDS,
)
from tallystick.payments.intent_folds import fold_intent
from tallystick.payments.model import IntentRow, PaymentRow, RefundRow
from tallystick.payments.payment_folds import fold_payment
from tallystick.payments.refund_facts import REFUND_KINDS
from tallystick.payments.refund_folds import fold_refund


def _seals(row: IntentRow | PaymentRow | RefundRow) -> tuple[tuple[UUID, str | None]]:
    return ((row.subject_id, row.sealed),)


INTENTS: Final = Projection("intents", IntentRow, INTENT_KINDS, fold_intent, seals=_seals)
PAYMENTS: Final = Projection("payments", PaymentRow, PAYMENT_KINDS, fold_payment, seals=_seals)
REFUNDS: Final = Projection("refunds", RefundRow, REFUND_KINDS, fold_refund, seals=_seals)

PROJECTIONS: Final = (
    *(INTENTS, PAYMENTS, REFUNDS),
    *customers.projections,
    *fees.projections,
)
PROJECTION_OF: Final[dict[type[Any], Projection]] = {p.row: p for p in PROJECTIONS}
