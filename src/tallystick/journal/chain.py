"""The hash chain: every batch seals the one before it and all of its own rows.

Pure. A head is SHA-256 over the previous head and the batch's rows, with columns in the order of
the tables: the same bytes whether the rows are about to be written or have been read back. The
rows are encoded as msgpack, or as texts that SQL can spell as well: a batch loaded in bulk never
leaves the database, so PostgreSQL itself hashes it (`journal.bulk`).
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import msgpack

from tallystick.ledger import TransferRow

GENESIS = bytes(32)
PACKED: Final = 0
SPELLED: Final = 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_encoder = msgpack.Encoder(uuid_format="bytes")


def next_head(
    previous: bytes,
    batch: tuple[int, int, datetime],
    facts: Sequence[tuple[Any, ...]],
    transfers: Sequence[TransferRow],
) -> bytes:
    """The head after `batch` (lane, number, instant) with facts by position, transfers by id."""
    return hashlib.sha256(previous + _encoder.encode((batch, facts, transfers))).digest()


def next_spelled_head(
    previous: bytes,
    batch: tuple[int, int, datetime],
    facts: Sequence[tuple[Any, ...]],
    transfers: Sequence[TransferRow],
) -> bytes:
    """The same after a batch that PostgreSQL hashed: over the texts of its rows."""
    lane, number, at = batch
    lines = [f"{lane} {number} {microseconds(at)} {len(facts)} {len(transfers)}"]
    lines += [_fact_text(*fact) for fact in facts]
    lines += [_transfer_text(transfer) for transfer in transfers]
    return hashlib.sha256(previous + "\n".join(lines).encode()).digest()


def _fact_text(*fact: Any) -> str:
    position, batch, at, aggregate_id, version, lane, schema_version = fact[:7]
    kind, data, actor, request_id, cause = fact[7:]
    words = (
        *(position, batch, microseconds(at), aggregate_id, version, lane, schema_version),
        *(_or_dash(actor), _or_dash(cause), _counted(kind), _counted(request_id), _counted(data)),
    )
    return " ".join(map(str, words))


def _transfer_text(row: TransferRow) -> str:
    words = (
        *(row.id, row.change_id, row.lane, row.batch, row.debit, row.credit, row.amount),
        *(_or_dash(row.reservation_id), microseconds(row.effective_at)),
        *(microseconds(row.expires_at), row.debit_balance, row.debit_version),
        *(row.credit_balance, row.credit_version),
        *(_counted(row.currency), _counted(row.code), _counted(row.kind)),
    )
    return " ".join(map(str, words))


def microseconds(at: datetime | None) -> object:
    """An instant as the texts spell it: since 1970, or a dash."""
    return "-" if at is None else (at - _EPOCH) // _MICROSECOND


def _or_dash(value: object) -> object:
    return "-" if value is None else value


def _counted(text: str | None) -> str:
    """Free text behind its length in bytes, so that no two rows have the same text."""
    return "-" if text is None else f"{len(text.encode())}:{text}"
