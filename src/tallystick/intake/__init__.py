"""Intake: payments made elsewhere, recorded once for their reference and posted to the ledger.

Promises: a reference stands for one payment, whoever sends it, how often and on which path; a
recorded payment is posted exactly once, in the same change (channel clearing to loans
receivable; a consumer of its own takes the posting over later); every fault of a report is told at
once; nothing a sender writes can harm another sender's payment.
Tables: `recorded_payments` (a partition a month), `payment_references`, and, still unused,
`payment_staging` and `staging_process_log`. Tells the fact `payment.recorded`.
"""

from tallystick.intake.imports import Imports, ImportSummary
from tallystick.intake.model import (
    IntakeError,
    InvalidPayment,
    Receipt,
    Recorded,
)
from tallystick.intake.partitions import ensure_partitions
from tallystick.intake.projection import projections
from tallystick.intake.recording import Recording
from tallystick.intake.signature import verify_signature
from tallystick.intake.store import checks
from tallystick.intake.webhook import parse_webhook

__all__ = [
    "ImportSummary",
    "Imports",
    "IntakeError",
    "InvalidPayment",
    "Receipt",
    "Recorded",
    "Recording",
    "checks",
    "ensure_partitions",
    "parse_webhook",
    "projections",
    "verify_signature",
]
