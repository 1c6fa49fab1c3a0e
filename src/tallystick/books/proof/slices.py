"""A slice of one lane: some batches in a row, held against what stood before them. Pure.

The head of a batch is computed here a second time, from the description of the chain and not with
the journal's code: a fault of the writer would otherwise prove itself.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from msgspec import Struct, msgpack

from tallystick.books.proof.facts import PROVED
from tallystick.books.proof.spelling import spelled
from tallystick.ledger import TransferRow

GENESIS: Final = bytes(32).hex()

_BATCH, _KIND, _POSITION = 1, 7, 0  # columns of a fact
_encode: Final = msgpack.Encoder(uuid_format="bytes").encode

Finding = Mapping[str, Any]


class Place(Struct, frozen=True):
    """A point in one lane behind which nothing is proven yet. `head` is hex.

    `block` is where in their table the transfers behind it begin, as far as is known.
    """

    lane: int
    batch: int = 0
    position: int = 0
    head: str = GENESIS
    block: int | None = None


class BatchRow(Struct, frozen=True):
    """A batch's own row; fields are the columns of `journal_batches`, in their order."""

    lane: int
    batch: int
    at: datetime
    facts: int
    transfers: int
    last_position: int
    head: bytes
    hashing: int = 0


class Slice(Struct, frozen=True):
    """Batches in a row, with the facts by position and the transfers by batch and id."""

    batches: Sequence[BatchRow]
    facts: Sequence[tuple[Any, ...]]
    transfers: Sequence[TransferRow]

    @property
    def is_only_ours(self) -> bool:
        """Whether it holds nothing but what proofs told of themselves."""
        return not self.transfers and all(fact[_KIND] == PROVED for fact in self.facts)


class Line(Struct, frozen=True):
    """One side of a transfer, as its account sees it."""

    transfer_id: UUID
    account_id: UUID
    version: int
    balance: int
    moved: int


def chain_findings(place: Place, slice_: Slice) -> Iterator[Finding]:
    """Where the batches do not follow from `place`, their rows and each other."""
    facts = _by_batch(slice_.facts, itemgetter(_BATCH))
    transfers = _by_batch(slice_.transfers, lambda row: row.batch)
    head, position, number = bytes.fromhex(place.head), place.position, place.batch
    last_at: datetime | None = None
    for batch in slice_.batches:
        own_facts = facts.pop(batch.batch, [])
        own_transfers = transfers.pop(batch.batch, [])
        for fault in (
            batch.batch != number + 1 and "a batch before this one is missing",
            last_at is not None and batch.at < last_at and "it runs backwards in time",
            (len(own_facts), len(own_transfers)) != (batch.facts, batch.transfers)
            and "rows are missing or were added",
            [fact[_POSITION] for fact in own_facts]
            != list(range(position + 1, batch.last_position + 1))
            and "its facts are not numbered without gap",
            _next_head(head, batch, own_facts, own_transfers) != batch.head
            and "the rows are not those that were recorded",
        ):
            if fault:
                yield {"lane": batch.lane, "batch": batch.batch, "reason": fault}
        head, position, number, last_at = (
            batch.head,
            batch.last_position,
            batch.batch,
            batch.at,
        )
    for stray in (*facts, *transfers):
        yield {"lane": place.lane, "batch": stray, "reason": "a row belongs to no batch"}


def _next_head(
    previous: bytes, batch: BatchRow, facts: list[Any], transfers: list[TransferRow]
) -> bytes:
    if batch.hashing:
        rows = spelled(batch.lane, batch.batch, batch.at, facts, transfers)
    else:
        rows = _encode(((batch.lane, batch.batch, batch.at), facts, transfers))
    return hashlib.sha256(previous + rows).digest()


def _by_batch(rows: Iterable[Any], batch_of: Callable[[Any], int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[batch_of(row)].append(row)
    return found


def place_after(slice_: Slice, block: int | None) -> Place:
    """The place behind the last batch of a slice."""
    last = slice_.batches[-1]
    return Place(last.lane, last.batch, last.last_position, last.head.hex(), block)


# Running balances --------------------------------------------------------------------------------


def lines_of(transfers: Iterable[TransferRow], sides: Mapping[UUID, str]) -> list[Line]:
    """Both lines of each transfer whose account exists, by account and version."""
    lines = [
        Line(
            row.id,
            account,
            version,
            balance,
            _moved(row, grows=sides[account] == side),
        )
        for row in transfers
        for side, account, version, balance in (
            ("debit", row.debit, row.debit_version, row.debit_balance),
            ("credit", row.credit, row.credit_version, row.credit_balance),
        )
        if account in sides
    ]
    return sorted(lines, key=lambda line: (line.account_id, line.version))


def _moved(row: TransferRow, *, grows: bool) -> int:
    if row.kind not in ("post", "settle"):
        return 0
    return row.amount if grows else -row.amount


def account_ids(transfers: Iterable[TransferRow]) -> list[UUID]:
    """The accounts that these transfers touch."""
    return sorted({account for row in transfers for account in (row.debit, row.credit)})


def lines_before(lines: Sequence[Line]) -> list[tuple[UUID, int]]:
    """The lines outside that these follow, by account and version."""
    own = {(line.account_id, line.version) for line in lines}
    before = ((line.account_id, line.version - 1) for line in lines if line.version > 1)
    return [wanted for wanted in before if wanted not in own]


def balance_findings(
    lines: Sequence[Line], before: Mapping[tuple[UUID, int], Sequence[int]]
) -> Iterator[Finding]:
    """Lines that do not follow the line before them, or share their number with another.

    `before` holds the balances found for `lines_before`.
    """
    standing = {key: list(balances) for key, balances in before.items()}
    for line in lines:
        standing.setdefault((line.account_id, line.version), []).append(line.balance)
    for line in lines:
        found = standing.get((line.account_id, line.version - 1), [])
        previous = [0] if line.version == 1 else found
        if len(previous) != 1 or previous[0] + line.moved != line.balance:
            yield {
                "account_id": line.account_id,
                "transfer_id": line.transfer_id,
                "version": line.version,
                "balance": line.balance,
                "reason": _why(previous),
            }
        elif len(standing[line.account_id, line.version]) > 1:
            yield {"account_id": line.account_id, "version": line.version, "reason": "comes twice"}


def _why(previous: Sequence[int]) -> str:
    if not previous:
        return "the line before it is missing"
    if len(previous) > 1:
        return "the line before it comes twice"
    return "its balance does not follow from the line before it"


def strangers(transfers: Iterable[TransferRow], sides: Mapping[UUID, str]) -> Iterator[Finding]:
    """Transfers that name an account which does not exist."""
    for row in transfers:
        for account in (row.debit, row.credit):
            if account not in sides:
                yield {"account_id": account, "transfer_id": row.id, "reason": "no such account"}
