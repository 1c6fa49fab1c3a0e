"""Loading in bulk: the terms every row is judged by, and what becomes of a batch."""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from tallystick.intake.fields import largest_amount
from tallystick.intake.model import IntakeError, IntakeTerms


class StagingFailed(IntakeError):
    """A batch came to nothing; its rows stand as they stood and are taken again."""

    code = "staging_failed"


class LoadTerms(Struct, frozen=True):
    """The rules of `intake.fields` as numbers: what SQL judges by."""

    currency: str
    amount_max: Decimal  # major units
    minor_units: Decimal  # of one major unit
    decimals: int
    timezone: str  # of a date that names none

    @classmethod
    def of(cls, terms: IntakeTerms) -> "LoadTerms":
        currency = terms.currency
        return cls(
            currency.code,
            largest_amount(currency),
            Decimal(10) ** currency.exponent,
            min(currency.exponent, 2),
            str(terms.timezone),
        )


class StagingRules(Struct, frozen=True):
    """How the staging table is worked through; the names of document 000 without their prefix."""

    batch_size: int = 1_000
    max_retries: int = 3
    retry_delay_ms: int = 5_000
    parallel: bool = False
    workers: int = 2
    timeout_ms: int = 300_000
    is_posting: bool = True  # the batch posts to the ledger itself


class RowFailure(Struct, frozen=True):
    """A row that is given up: its id, why, and after how many attempts."""

    id: int
    reason: str
    attempts: int


class BatchOutcome(Struct, frozen=True):
    """What became of the rows of one batch. `failed` counts those to be tried again, too."""

    first_id: int
    last_id: int
    total: int
    recorded: int
    duplicates: int
    errors: int
    failed: int
    failures: tuple[RowFailure, ...] = ()


class StagingStats(Struct, frozen=True):
    """The staging table in numbers; the sums are of the batches that are still logged."""

    backlog: int
    waiting_for_retry: int
    given_up: int
    batches: int
    processed: int
    duplicates: int
    errors: int
    last_run: datetime | None


class IngestionSummary(Struct, frozen=True):
    """What one run over the staging table came to."""

    batches: int = 0
    total: int = 0
    recorded: int = 0
    duplicates: int = 0
    errors: int = 0
    to_be_retried: int = 0

    def plus(self, batch: BatchOutcome) -> "IngestionSummary":
        """With one more batch."""
        return IngestionSummary(
            self.batches + 1,
            self.total + batch.total,
            self.recorded + batch.recorded,
            self.duplicates + batch.duplicates,
            self.errors + batch.errors,
            self.to_be_retried + batch.failed - batch.errors,
        )
