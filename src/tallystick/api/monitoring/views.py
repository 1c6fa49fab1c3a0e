"""The shapes of what the monitoring shows."""

from datetime import date, datetime
from typing import Any

from msgspec import Struct, json

from tallystick.api.intake.recorded_views import WebhookStats
from tallystick.intake import StagingStats
from tallystick.intake.retention import MaintenanceReport, MaintenanceRules, Partition
from tallystick.platform.postgres.job_rows import RunRow
from tallystick.platform.scheduled import JobStatus


class JobRunView(Struct, frozen=True):
    """One run: `running`, `completed`, `failed`, or `lost` with its process."""

    id: str
    occasion: str
    status: str
    started_at: datetime
    completed_at: datetime | None
    result: dict[str, Any] | None
    error: str | None

    @classmethod
    def of(cls, run: RunRow) -> "JobRunView":
        return cls(
            id=str(run.id),
            occasion=run.occasion,
            status=run.status,
            started_at=run.started_at,
            completed_at=run.ended_at,
            result=json.decode(run.result) if run.result else None,
            error=run.error,
        )


class JobView(Struct, frozen=True):
    """One job: `schedule` is its cron, in `timezone`."""

    name: str
    schedule: str
    timezone: str
    enabled: bool
    is_running: bool
    runner: str | None
    next_run: datetime | None
    requested_at: datetime | None
    consecutive_failures: int
    paused_until: datetime | None
    last_run: JobRunView | None
    history: list[JobRunView]

    @classmethod
    def of(cls, status: JobStatus) -> "JobView":
        job, lease = status.job, status.lease
        history = [JobRunView.of(run) for run in status.runs]
        return cls(
            name=job.name,
            schedule=job.cron.expression,
            timezone=str(job.cron.timezone),
            enabled=job.enabled,
            is_running=lease.holder is not None,
            runner=lease.holder,
            next_run=status.next_run_at,
            requested_at=lease.requested_at,
            consecutive_failures=lease.failures,
            paused_until=lease.paused_until,
            last_run=history[0] if history else None,
            history=history,
        )


class JobsAnswer(Struct, frozen=True):
    """All jobs."""

    success: bool
    data: list[JobView]


class JobRequested(Struct, frozen=True):
    """The run is asked for."""

    job: str
    status: str


class JobRequestedAnswer(Struct, frozen=True):
    """The run is asked for."""

    success: bool
    data: JobRequested


class PartitionView(Struct, frozen=True):
    """A month: `payments` is an estimate, `bytes` counts the indexes."""

    name: str
    month: date
    payments: int
    bytes: int

    @classmethod
    def of(cls, partition: Partition) -> "PartitionView":
        return cls(partition.name, partition.month, partition.payments, partition.bytes)


class PartitionsView(Struct, frozen=True):
    """The months that are held, those still missing, and those whose time is over."""

    retention_months: int
    future_months: int
    partitions: list[PartitionView]
    missing: list[str]
    to_be_dropped: list[PartitionView]
    total_bytes: int

    @classmethod
    def of(cls, rules: MaintenanceRules, planned: MaintenanceReport) -> "PartitionsView":
        held = sorted((*planned.dropped, *planned.partitions), key=lambda one: one.month)
        return cls(
            retention_months=rules.retention_months,
            future_months=rules.future_months,
            partitions=[PartitionView.of(one) for one in held],
            missing=list(planned.made),
            to_be_dropped=[PartitionView.of(one) for one in planned.dropped],
            total_bytes=sum(one.bytes for one in held),
        )


class PartitionsAnswer(Struct, frozen=True):
    """The partitions."""

    success: bool
    data: PartitionsView


class CacheWarmed(Struct, frozen=True):
    """How many references are remembered anew."""

    warmed: int


class WarmedAnswer(Struct, frozen=True):
    """Warmed."""

    success: bool
    data: CacheWarmed


class CacheCleared(Struct, frozen=True):
    """How many references were forgotten; whether Redis was `ok`, in `error` or is `disabled`."""

    cleared: int
    redis: str


class CacheAnswer(Struct, frozen=True):
    """Cleared."""

    success: bool
    data: CacheCleared


class ServiceStats(Struct, frozen=True):
    """The webhook since the processes started, the staging table, and how many months are held."""

    webhook: WebhookStats
    staging: StagingStats
    partitions: int


class StatsAnswer(Struct, frozen=True):
    """The service in numbers."""

    success: bool
    data: ServiceStats
