"""What is done for the recorded payments by the clock: document 000's three jobs."""

from dataclasses import dataclass

from tallystick.intake.metrics import payment_metrics
from tallystick.intake.recording import Recording
from tallystick.intake.retention import (
    Cleanup,
    CleanupReport,
    CleanupRules,
    Maintenance,
    MaintenanceReport,
    MaintenanceRules,
)
from tallystick.intake.staging import Ingestion, IngestionSummary, StagingRules
from tallystick.platform.cron import Cron, read_cron
from tallystick.platform.postgres.address import outside_owner
from tallystick.platform.scheduled import Lease, Schedule, ScheduledJob
from tallystick.platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The three jobs, and the schedule that runs them. `Upkeep.over` makes one."""

    ingestion: Ingestion
    maintenance: Maintenance
    cleanup: Cleanup
    schedule: Schedule

    @classmethod
    def over(cls, recording: Recording, settings: Settings) -> "Upkeep":
        """As the settings say. Raises BadSchedule."""
        ingestion = _ingestion(recording, settings)
        maintenance = _maintenance(recording, settings)
        cleanup = _cleanup(recording, settings)
        jobs = _Jobs(ingestion, maintenance, cleanup).scheduled(settings)
        schedule = Schedule(recording.database, recording.clock, jobs)
        return cls(ingestion, maintenance, cleanup, schedule)


@dataclass(frozen=True, slots=True)
class _Jobs:
    ingestion: Ingestion
    maintenance: Maintenance
    cleanup: Cleanup

    def scheduled(self, settings: Settings) -> tuple[ScheduledJob, ...]:
        def cron(expression: str) -> Cron:
            return read_cron(expression, settings.schedule_timezone)

        return (
            ScheduledJob(
                "staging-ingestion",
                cron(settings.staging_schedule),
                self._ingest,
                enabled=settings.staging_job_enabled,
                failures_max=settings.staging_max_failures,
            ),
            ScheduledJob(
                "partition-maintenance",
                cron(settings.partition_schedule),
                self._maintain,
                enabled=settings.partition_job_enabled,
            ),
            ScheduledJob(
                "cache-cleanup",
                cron(settings.cache_cleanup_schedule),
                self._clean,
                enabled=settings.cache_cleanup_enabled,
            ),
        )

    async def _ingest(self, lease: Lease) -> IngestionSummary:
        summary = await self.ingestion.run(lease.require)
        payment_metrics().show_backlog(await self.ingestion.count_backlog())
        return summary

    async def _maintain(self, lease: Lease) -> MaintenanceReport:
        return await self.maintenance.run(lease.require)

    async def _clean(self, lease: Lease) -> CleanupReport:
        return await self.cleanup.run(lease.require)


def _ingestion(recording: Recording, settings: Settings) -> Ingestion:
    rules = StagingRules(
        batch_size=settings.staging_batch_size,
        max_retries=settings.staging_max_retries,
        retry_delay_ms=settings.staging_retry_delay,
        parallel=settings.staging_parallel,
        workers=settings.staging_workers,
        timeout_ms=settings.staging_timeout,
        is_posting=settings.intake_posting == "inline",
    )
    return Ingestion.over(
        recording.journal,
        recording.database,
        recording.clock,
        terms=recording.terms,
        rules=rules,
    )


def _maintenance(recording: Recording, settings: Settings) -> Maintenance:
    rules = MaintenanceRules(settings.partition_retention_months, settings.partition_future_months)
    owner = outside_owner(settings)
    return Maintenance(recording.journal, recording.database, recording.clock, owner, rules)


def _cleanup(recording: Recording, settings: Settings) -> Cleanup:
    rules = CleanupRules(
        settings.reference_cache_ttl_days,
        settings.process_log_ttl_days,
        settings.cache_warming_limit if settings.enable_cache_warming else 0,
    )
    return Cleanup(
        recording.journal, recording.database, recording.clock, recording.references, rules
    )
