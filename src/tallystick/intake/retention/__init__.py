"""Retention: payments are kept by months, their references for ninety days, logs for thirty.

Promises: a coming month always has its partition; nothing is dropped before a fact says so, and
whatever is compared with its facts is compared above that cut; a reference that was cleaned still
counts as taken while its payment is kept.
Tables: `intake_retention`, `intake_cleaned_months`, and the partitions of `recorded_payments`.
Tells the facts `recorded_month.dropped` and `references.cleaned`.
"""

from tallystick.intake.retention.cleanup import Cleanup, CleanupReport, CleanupRules
from tallystick.intake.retention.facts import projections
from tallystick.intake.retention.maintenance import (
    Maintenance,
    MaintenanceReport,
    MaintenanceRules,
)
from tallystick.intake.retention.store import Partition

__all__ = [
    "Cleanup",
    "CleanupReport",
    "CleanupRules",
    "Maintenance",
    "MaintenanceReport",
    "MaintenanceRules",
    "Partition",
    "projections",
]
