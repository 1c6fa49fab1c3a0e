"""Instants as options: a day, which is its midnight in UTC, or an instant with a zone."""

from datetime import UTC, date, datetime, time

from tallystick.cli.failures import WrongUsage


def read_instant(text: str) -> datetime:
    """The instant in UTC. Raises WrongUsage."""
    try:
        at = datetime.combine(date.fromisoformat(text), time.min, UTC)
    except ValueError:
        at = _with_zone(text)
    return at.astimezone(UTC)


def read_instant_if(text: str | None) -> datetime | None:
    """The same for an option that may be left out."""
    return None if text is None else read_instant(text)


def _with_zone(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise WrongUsage(f"{text}: a day such as 2026-03-02, or 2026-03-02T09:30:00Z")
    return at
