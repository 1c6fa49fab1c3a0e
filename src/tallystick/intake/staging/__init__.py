"""Staging: recorded payments in bulk, from the table an outside program fills and from files.

Promises: every row that is committed there ends as recorded, as duplicate or as failed with a
reason, whatever dies meanwhile; a row holds up no other; a batch is recorded whole or not at all.
Tables: `payment_staging`, `staging_process_log`, `intake_staging_failures`,
`intake_cleaned_months`.
"""

from tallystick.intake.staging.ingestion import Ingestion
from tallystick.intake.staging.model import (
    BatchOutcome,
    IngestionSummary,
    StagingFailed,
    StagingRules,
)

__all__ = ["BatchOutcome", "Ingestion", "IngestionSummary", "StagingFailed", "StagingRules"]
