"""`DB_DEBUG`: every statement in the log, with its time and without the values put into it."""

from typing import Any

from tallystick.platform.settings import Settings
from tallystick.platform.telemetry import get_logger

_log = get_logger("tallystick.postgres")


def log_statements(connection: Any, settings: Settings) -> None:
    """Log what this connection says from now on, if the settings ask for it."""
    if settings.db_debug:
        connection.add_query_logger(_write)


async def _write(statement: Any) -> None:
    # Values may be secrets and people's names: only the statement itself is shown.
    _log.info(
        "statement",
        sql=statement.query,
        duration_ms=round(statement.elapsed * 1000, 2),
        error=type(statement.exception).__name__ if statement.exception else None,
    )
