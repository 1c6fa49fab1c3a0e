"""Intake: payments made elsewhere, recorded once for their reference and posted to the ledger.

Promises: a reference stands for one payment, whoever sends it, how often and on which path; a
recorded payment is posted exactly once (channel clearing to loans receivable), by the ledger
consumer or in the same change, as the settings say; every fault of a report is told at
once; nothing a sender writes can harm another sender's payment.
Inner rooms, with doors of their own: `dedup`, `retention`, `staging`.
Tables: `recorded_payments` (a partition a month), `payment_references`, and those of the inner
rooms. Tells the fact `payment.recorded`.
"""

# What only the doors use is not on the plate below.
from tallystick.intake.channels import Channel as Channel
from tallystick.intake.channels import Channels as Channels
from tallystick.intake.channels import intake_currencies as intake_currencies
from tallystick.intake.fields import FIELDS as FIELDS
from tallystick.intake.imports import Imports, ImportSummary
from tallystick.intake.lookup_store import ChannelSum as ChannelSum
from tallystick.intake.lookup_store import LookupOwner as LookupOwner
from tallystick.intake.lookups import Lookups as Lookups
from tallystick.intake.metrics import payment_metrics as payment_metrics
from tallystick.intake.model import (
    IntakeError,
    InvalidPayment,
    Receipt,
    Recorded,
)
from tallystick.intake.model import PaymentRow as PaymentRow
from tallystick.intake.model import ReportedPayment as ReportedPayment
from tallystick.intake.model import Source as Source
from tallystick.intake.partitions import ensure_partitions
from tallystick.intake.posting import LEDGER_CONSUMER as _LEDGER_CONSUMER
from tallystick.intake.projection import projections
from tallystick.intake.recording import Recording
from tallystick.intake.signature import verify_signature
from tallystick.intake.staging.model import StagingStats as StagingStats
from tallystick.intake.store import checks
from tallystick.intake.upkeep import Upkeep as Upkeep

consumers = (_LEDGER_CONSUMER,)

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
    "projections",
    "verify_signature",
]
