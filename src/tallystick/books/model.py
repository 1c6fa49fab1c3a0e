"""The books' nouns: what a verb answers, what the log is told, and an account's terms. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tallystick.journal import Asked, Fact, Origin, Told
from tallystick.ledger import (
    Close,
    Expire,
    Freeze,
    Limit,
    Open,
    Post,
    Reserve,
    Settle,
    TransferRow,
    Void,
)

Order = Post | Reserve | Settle | Void | Expire
AccountOrder = Open | Freeze | Limit | Close

NOBODY = Origin()


class Answer(Struct, frozen=True):
    """What one verb moved: the change, its instant, and its transfers with the balances after.

    `replayed` is true when an earlier call with the same key had moved it already.
    """

    change_id: UUID
    at: datetime
    transfers: tuple[TransferRow, ...]
    replayed: bool = False


class Recorded(Struct, frozen=True):
    """One transfer as it was recorded, what led to it, and the change that reversed it, if any."""

    row: TransferRow
    at: datetime
    cause: UUID | None
    reversal_id: UUID | None


class Moved(Struct, frozen=True, omit_defaults=True):
    """Data of `transfer.posted` and its like; the ledger's rows tell the rest.

    `code` is what all the transfers of this kind have in common, None when they differ. A
    balancing order alone in its change tells the most it would have moved.
    """

    code: str | None
    count: int = 1
    at_most_minor: int | None = None


class Reversed(Struct, frozen=True):
    """Data of `transfer.reversed`, told of the change whose transfer it was."""

    reversed_id: UUID  # the transfer
    reversal_id: UUID  # the change that moved it back


class Submitted(Struct, frozen=True):
    """Data of `transfers.submitted`: a bulk of `count` orders, each a change of its own."""

    count: int


KINDS: dict[type[Struct], str] = {
    Post: "transfer.posted",
    Reserve: "transfer.reserved",
    Settle: "transfer.settled",
    Void: "transfer.voided",
    Expire: "transfer.expired",
}
OWN_KINDS = frozenset(KINDS.values())
FACT_KINDS: dict[str, type[Struct]] = {
    **dict.fromkeys(KINDS.values(), Moved),
    "transfer.reversed": Reversed,
    "transfers.submitted": Submitted,
    "accounts.submitted": Submitted,
}


def moved_by(order: Order) -> Moved:
    """The data of the fact that one order tells."""
    if isinstance(order, Post | Reserve) and order.up_to:
        return Moved(order.code, at_most_minor=order.amount_minor)
    return Moved(order.code)


def facts_of(change_id: UUID, orders: Sequence[Order]) -> tuple[Fact, ...]:
    """One fact a kind of order, in the order in which the kinds first come."""
    by_kind: dict[str, list[str]] = {}
    for order in orders:
        by_kind.setdefault(KINDS[type(order)], []).append(order.code)
    return tuple(
        Fact(change_id, version, kind, Moved(_shared(codes), len(codes)))
        for version, (kind, codes) in enumerate(by_kind.items(), 1)
    )


def _shared(codes: Sequence[str]) -> str | None:
    return codes[0] if len(set(codes)) == 1 else None


def items_of(asked: Asked, count: int) -> list[Asked]:
    """The wishes of a bulk's orders: the same key, under scopes that no caller can name."""
    body = blake2b(asked.body, digest_size=16).digest()  # a bulk is hashed once, not once an item
    return [Asked(f"{asked.scope}#{index}", asked.key, body) for index in range(count)]


def shares(
    orders: Sequence[Order], rows: Sequence[TransferRow]
) -> tuple[tuple[TransferRow, ...], ...]:
    """The rows of each order of one change.

    An order makes one row; a final settle that leaves a rest makes two, the second a void.
    """
    parts = []
    taken = 0
    for order in orders:
        count = 1
        if isinstance(order, Settle) and order.final:
            follower = rows[taken + 1 : taken + 2]
            if follower and _gives_back(follower[0], order.reservation_id):
                count = 2
        parts.append(tuple(rows[taken : taken + count]))
        taken += count
    return tuple(parts)


def _gives_back(row: TransferRow, reservation_id: UUID) -> bool:
    # A final settle ends its reservation, so no later order of the change can have voided it.
    return row.kind == "void" and row.reservation_id == reservation_id


# An account's own terms -------------------------------------------------------------------------


class Terms(Struct, frozen=True):
    """What an account is, beside its balances, as of its `revision`-th fact."""

    id: UUID
    revision: int
    code: str
    currency: str
    normal_side: str  # debit | credit
    overdraft_limit_minor: int | None  # None: without limit
    frozen: str  # no | outflow | all
    closed_at: datetime | None
    replayed: bool = False


def fold(terms: Terms | None, fact: Told) -> Terms:
    """The terms after `fact`, one of the four that the ledger tells of an account."""
    match terms, fact.data:
        case None, Open() as order:
            return Terms(
                id=fact.aggregate_id,
                revision=fact.version,
                code=order.code,
                currency=order.currency,
                normal_side=order.normal_side,
                overdraft_limit_minor=order.overdraft_limit_minor,
                frozen="no",
                closed_at=None,
            )
        case Terms(), Freeze(frozen=frozen):
            return replace(terms, revision=fact.version, frozen=frozen)
        case Terms(), Limit(overdraft_limit_minor=limit):
            return replace(terms, revision=fact.version, overdraft_limit_minor=limit)
        case Terms(), Close():
            return replace(terms, revision=fact.version, closed_at=fact.at)
    raise TypeError(f"{fact.kind} does not follow revision {fact.version - 1} of an account")


def terms_of(facts: Iterable[Told]) -> Terms | None:
    """The account behind its facts; None when there are none."""
    terms: Terms | None = None
    for fact in facts:
        terms = fold(terms, fact)
    return terms


# Errors -----------------------------------------------------------------------------------------


class BooksError(Exception):
    """Everything the books refuse by themselves; `code` is stable.

    BooksError
    +-- InvalidTerms      no account can be like this
    +-- AccountKept       a wallet's or an escrow's: its own verbs open, freeze and close it
    +-- AccountDiffers    the account stands already, on other terms
    +-- TransferNotFound there is no such transfer
    +-- NotReversible    the transfer moved nothing, or another room's verb must undo it
    +-- AlreadyReversed  the transfer was reversed before
    """

    code = "books_error"


class InvalidTerms(BooksError):
    """No account can have this code, side or limit."""

    code = "invalid_account"


class AccountKept(BooksError):
    """A wallet, an escrow keeps this account: its own verbs open, freeze and close it."""

    code = "account_kept"


class AccountDiffers(BooksError):
    """An account that was to be ensured stands already in another currency or on another side."""

    code = "account_differs"


class TransferNotFound(BooksError):
    """No transfer has this id."""

    code = "transfer_not_found"


class NotReversible(BooksError):
    """Only what the books themselves posted or settled can be posted back by them."""

    code = "not_reversible"


class AlreadyReversed(BooksError):
    """The transfer was moved back before; a transfer is reversed once."""

    code = "already_reversed"
