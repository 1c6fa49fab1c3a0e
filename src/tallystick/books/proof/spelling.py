"""The text of a batch that was loaded in bulk, as the chain covers it. Pure.

Written from the chain's description (ADR 0023) and not with the journal's code, like everything by
which the books are proven: a line for the batch, one a fact, one a transfer. Words stand apart by
a space, instants are microseconds since 1970, what is absent is a dash, and free text stands
behind its length in bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import structs

from tallystick.ledger import TransferRow

_FREE_OF_FACT: Final = ("kind", "request_id", "data")
_FREE_OF_TRANSFER: Final = ("currency", "code", "kind")
_FACT: Final = (
    *("position", "batch", "at", "aggregate_id", "version", "lane", "schema_version"),
    *("kind", "data", "actor", "request_id", "cause"),
)


def spelled(
    lane: int,
    batch: int,
    at: datetime,
    facts: Sequence[tuple[Any, ...]],
    transfers: Sequence[TransferRow],
) -> bytes:
    """The bytes that are hashed behind the head before."""
    lines = [" ".join(map(_word, (lane, batch, at, len(facts), len(transfers))))]
    lines += [_line(dict(zip(_FACT, fact, strict=True)), _FREE_OF_FACT) for fact in facts]
    lines += [_line(structs.asdict(row), _FREE_OF_TRANSFER) for row in transfers]
    return "\n".join(lines).encode()


def _line(columns: dict[str, Any], free: Iterable[str]) -> str:
    plain = [_word(value) for name, value in columns.items() if name not in free]
    return " ".join((*plain, *_behind_length(columns[name] for name in free)))


def _word(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        since = value.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        return str((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)
    return str(value)


def _behind_length(texts: Iterable[str | None]) -> Iterator[str]:
    for text in texts:
        yield "-" if text is None else f"{len(text.encode())}:{text}"
