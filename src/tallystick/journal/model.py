"""The journal's nouns: what a verb hands in, what it gets back, and how it may be told no."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as FastUUID
from msgspec import Struct

from tallystick.ledger import (
    Close,
    Expire,
    Freeze,
    Limit,
    Open,
    Post,
    Require,
    Reserve,
    Settle,
    TransferRow,
    Void,
)


class Origin(Struct, frozen=True, gc=False):
    """Who asked, in which request, and because of which earlier change."""

    actor: UUID | None = None
    request_id: str | None = None
    cause: UUID | None = None


NOBODY = Origin()


class Fact(Struct, frozen=True, gc=False):
    """Something that happened to one aggregate, as its `version`-th fact (the first is 1).

    `data` is the struct the room registered for `kind`. Ids only: personal or free text goes in
    sealed (`Journal.seal`).
    """

    aggregate_id: UUID
    version: int
    kind: str
    data: Struct
    schema_version: int = 1


class Told(Struct, frozen=True, gc=False):
    """A fact as the log holds it: what a projection folds and a consumer reads."""

    lane: int
    position: int
    aggregate_id: UUID
    version: int
    kind: str
    schema_version: int
    data: Any  # the room's struct for this kind
    origin: Origin
    at: datetime


class Claim(Struct, frozen=True, gc=False):
    """An idempotency claim, made by `Asked.claim`: one key stands for one body and one effect.

    `subject_id` and `subject_version` name the object whose state answers a repeat. A verb of
    three beats claims with `running` and closes in its last beat.
    """

    id: UUID  # 128 bits over scope and key
    fingerprint: int  # 64 bits over the body
    subject_id: UUID
    subject_version: int = 1
    running: bool = False


class Asked(Struct, frozen=True, gc=False):
    """A caller's wish for exactly-once: what the door knows before the claim has a subject."""

    scope: str
    key: str
    body: bytes  # canonical

    def claim(self, subject_id: UUID, *, version: int = 1, running: bool = False) -> Claim:
        """The claim of this key for `subject_id`."""
        key = blake2b(f"{self.scope}\0{self.key}".encode(), digest_size=16).digest()
        print_ = int.from_bytes(blake2b(self.body, digest_size=8).digest(), signed=True)
        return Claim(FastUUID(key), print_, subject_id, version, running)


class CloseClaim(Struct, frozen=True, gc=False):
    """The end of a running claim: done with the subject as of `subject_version`, or refused."""

    claim_id: UUID
    subject_version: int = 1
    refusal: tuple[str, str] | None = None  # code, detail

    @property
    def state(self) -> str:
        return "refused" if self.refusal else "done"

    @property
    def outcome(self) -> str | None:
        return ": ".join(self.refusal) if self.refusal else None


class StandingClaim(Struct, frozen=True, gc=False):
    """A claim as the table holds it; fields are the columns of `journal_claims`, in their order."""

    id: UUID
    fingerprint: int
    subject_id: UUID
    subject_version: int
    state: str  # running | done | refused
    outcome: str | None  # "code: detail" of a refusal


class Change(Struct, frozen=True, gc=False):
    """Everything one verb wants made durable: all of it, or nothing.

    Its transfers get the ids `numbered_id(change.id, 0..n)`. One that brings a `refusal` (code,
    detail) does nothing but have it remembered under its claim. `seen`: other aggregates it was
    decided upon, and their versions then; a Conflict if one has moved on. `rows` are rows of
    projections, as the caller knows them, that its facts fold into: they need not be loaded. A
    stale one is found out, and the change judged by what stands.
    """

    id: UUID
    facts: tuple[Fact, ...] = ()
    transfers: tuple[Post | Reserve | Settle | Void | Expire, ...] = ()
    accounts: tuple[Open | Freeze | Limit | Close | Require, ...] = ()
    claim: Claim | None = None
    close: CloseClaim | None = None
    origin: Origin = NOBODY
    refusal: tuple[str, str] | None = None
    seen: tuple[tuple[UUID, int], ...] = ()
    rows: tuple[Any, ...] = ()


class Recorded(Struct, frozen=True, gc=False):
    """What became durable: when, in which batch, and the transfers with their balances after."""

    at: datetime
    lane: int
    batch: int
    transfers: tuple[TransferRow, ...]


class Retention(Struct, frozen=True):
    """What a projection's table lets go again: rows below a cut that itself is a recorded fact.

    `cuts_sql` reads the cuts; `kept_by` makes of them what says whether a row is still kept.
    """

    cuts_sql: str
    kept_by: Callable[[Any], Callable[[Any], bool]]


Fits = Callable[[Mapping[str, Any]], bool]
"""Whether a text, in clear, is the one that was recorded."""


class SealedText(Struct, frozen=True):
    """A sealed text where it stands: what it is called there, whose key, and what must open."""

    id: UUID
    subject_id: UUID
    sealed: str
    fits: Fits | None = None  # None: its facts hold the text itself


class Projection(Struct, frozen=True):
    """A table that a room reads, kept by folding facts.

    `row` is a msgspec struct whose fields are the table's columns in order. `key` is the column
    a row is found by and `key_of` finds it in a fact. A projection that only inserts
    (`insert_only`) is not loaded before a write unless its key must be `unique`. Where the table
    alone cannot say which keys of `$1` are taken, `taken_sql` does, and by which aggregates.
    `seals` tells what is sealed in a row: whose key it is under, and the text. `sealed_beside`
    finds what is too large for a row, and kept in a table of its own.
    """

    table: str
    row: type[Struct]
    kinds: Mapping[str, type[Struct]]
    fold: Callable[[Any, Told], Any]
    key: str = "id"
    key_of: Callable[[Told | Fact], Any] = lambda fact: fact.aggregate_id
    aggregate: str = "id"  # the column that holds the facts' aggregate id
    insert_only: bool = False
    unique: bool = False
    taken_sql: str | None = None
    retention: Retention | None = None  # None: every row is kept
    seals: Callable[[Any], Iterable[tuple[UUID, str | None]]] | None = None
    sealed_beside: Callable[[Any, Collection[Any]], AsyncIterator[SealedText]] | None = None


class JournalError(Exception):
    """What the journal may say instead of recording; `code` is stable.

    JournalError
    +-- Conflict       somebody was faster: load, decide again
    +-- Refused        a business rule says no; remembered under the claim
    +-- Repeated       the claim stands already (for the verb to answer, never for the caller)
    +-- KeyReused      the key stood for another body
    +-- StillRunning   the first call with this key has not ended yet
    +-- Unknown        not known whether it is recorded: ask again with the same key
    +-- Busy           surely not recorded: try again later
    """

    code = "journal_error"


class Conflict(JournalError):
    """The aggregate moved on, or a unique key is taken. Load and decide again.

    `holder` is the aggregate that has the key, where one has had it since before.
    """

    code = "conflict"

    def __init__(self, detail: str = "", *, holder: UUID | None = None) -> None:
        super().__init__(detail)
        self.holder = holder


class Refused(JournalError):
    """A business rule said no; `remembered` when that stands under a claim."""

    def __init__(self, code: str, detail: str, *, remembered: bool = False) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.remembered = remembered


class Repeated(JournalError):
    """The claim stands already. `same` is false when its key stood for another body."""

    code = "repeated"

    def __init__(self, claim: StandingClaim, same: bool) -> None:
        super().__init__(f"claim {claim.id} is {claim.state}")
        self.claim = claim
        self.same = same


class KeyReused(JournalError):
    """This idempotency key was used before with another request body."""

    code = "idempotency_key_reused"


class StillRunning(JournalError):
    """The first request with this idempotency key is still at work."""

    code = "idempotency_key_in_use"


class Unknown(JournalError):
    """The outcome could not be learned in time: ask again with the same key."""

    code = "outcome_unknown"


class Busy(JournalError):
    """Nothing was recorded: the database is slow or away. Try again later."""

    code = "busy"
