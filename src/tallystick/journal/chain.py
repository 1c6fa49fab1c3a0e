"""The hash chain: every batch seals the one before it and all of its own rows.

Pure. A head is SHA-256 over the previous head and the msgpack encoding of the batch's rows, with
columns in the order of the tables: the same bytes whether the rows are about to be written or
have been read back.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import msgpack

from tallystick.ledger import TransferRow

GENESIS = bytes(32)

_encoder = msgpack.Encoder(uuid_format="bytes")


def next_head(
    previous: bytes,
    batch: tuple[int, int, datetime],
    facts: Sequence[tuple[Any, ...]],
    transfers: Sequence[TransferRow],
) -> bytes:
    """The head after `batch` (lane, number, instant) with facts by position, transfers by id."""
    return hashlib.sha256(previous + _encoder.encode((batch, facts, transfers))).digest()
