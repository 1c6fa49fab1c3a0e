"""The access log: one JSON object a request, like every other log line, at a tenth of the cost.

Lines are written together, at most `DELAY_S` late: a write for each would cost as much as reading
the request. What a killed process had not written is lost; the record of its work is the journal.
"""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any, Final

import orjson

DELAY_S: Final = 0.05


class AccessLog:
    """Collects the lines of one process and writes them to stderr."""

    def __init__(self) -> None:
        self._lines: list[dict[str, Any]] = []

    def write(self, **line: Any) -> None:
        """Add a line; `line` is what there is to say of the request. Needs a running loop."""
        if not self._lines:
            asyncio.get_running_loop().call_later(DELAY_S, self.flush)
        line["timestamp"] = datetime.now(UTC)
        self._lines.append(line)

    def flush(self) -> None:
        """Write what has been collected."""
        lines, self._lines = self._lines, []
        known = {"event": "request", "level": "info", "logger": "tallystick.api"}
        text = b"".join(
            orjson.dumps(known | line, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)
            for line in lines
        )
        sys.stderr.write(text.decode())
