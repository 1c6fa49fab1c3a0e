"""What delivery speaks of: a consumer, the id of a fact, a letter that did not arrive. Pure."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct, structs

from tallystick.journal import Asked, Change, JournalError, Told
from tallystick.platform.ids import derived_id
from tallystick.platform.postgres.pools import Database

RETRIES_S: Final = (1.0, 5.0, 30.0, 300.0, 1_800.0)
"""Pauses before a failed delivery is tried again; after the last it is dead."""
DETAIL_MAX: Final = 500

Decide = Callable[[Sequence[Told], Database], Awaitable[Sequence[Change | None]]]
"""What follows from each of these facts, None where nothing does. No two of them are of one
aggregate, and all earlier facts of their aggregates have had their effects."""


class Consumer(Struct, frozen=True):
    """One reader of the log: the kinds it looks for, and the change that follows from a fact.

    The change is recorded once for its fact, whoever delivers it and how often.
    """

    name: str
    kinds: frozenset[str]
    decide: Decide

    @property
    def scope(self) -> str:
        """Under which its claims are made."""
        return f"consumer:{self.name}"


class LoggedFact(Struct, frozen=True, gc=False):
    """A fact as the log holds it, its data not looked into."""

    lane: int
    position: int
    at: datetime
    aggregate_id: UUID
    version: int
    schema_version: int
    kind: str
    data: str
    request_id: str | None


class Wanted(Struct, frozen=True):
    """Part of the log: recorded from `since` on and before `until`, of these kinds or of all,
    about one merchant's objects or everybody's.
    """

    since: datetime | None = None
    until: datetime | None = None
    kinds: tuple[str, ...] = ()
    merchant_id: UUID | None = None


class DeadLetter(Struct, frozen=True):
    """A fact that could not be delivered; fields are the columns of `dead_letters`, in their order.

    `retrying` is tried again at `due_at`; `held` waits behind an earlier fact of its aggregate;
    `dead` waits for a person; `delivered` has had its effect.
    """

    id: UUID
    consumer: str
    aggregate_id: UUID
    version: int
    kind: str
    lane: int
    position: int
    status: str
    attempts: int
    code: str | None
    detail: str | None
    first_failed_at: datetime
    due_at: datetime | None
    ended_at: datetime | None


class DeliveryError(Exception):
    """LeaseLost | LetterNotFound | EventNotFound | BusDown | NoBrokers | RegistryDown |
    SchemaRefused.
    """

    code = "delivery_error"


class LeaseLost(DeliveryError):
    """Another process reads under this name now."""

    code = "lease_lost"


class LetterNotFound(DeliveryError):
    """There is no such letter."""

    code = "letter_not_found"


class EventNotFound(DeliveryError):
    """There is no such event, or it is another merchant's."""

    code = "event_not_found"


def fact_id(aggregate_id: UUID, version: int) -> UUID:
    """The id by which a fact is known outside: of its event, and to a consumer's inbox."""
    return derived_id(aggregate_id, f"fact {version}")


def inbox_key(consumer: Consumer, fact: Told, tries_refused: int = 0) -> Asked:
    """The claim that one consumer makes for one fact.

    A refusal is remembered under its claim, so whoever tries again after one needs the next key;
    it is reached over refused ones only, so no fact has its effect twice.
    """
    key = str(fact_id(fact.aggregate_id, fact.version))
    return Asked(consumer.scope, f"{key}/{tries_refused}" if tries_refused else key, b"")


def letter_of(
    consumer: Consumer, fact: Told, failure: Exception | None, now: datetime
) -> DeadLetter:
    """The letter of a fact that failed for the first time, or is held back by an earlier one."""
    code, detail = _words(failure) if failure else (None, None)
    return DeadLetter(
        id=derived_id(fact.aggregate_id, f"letter {consumer.name} {fact.version}"),
        consumer=consumer.name,
        aggregate_id=fact.aggregate_id,
        version=fact.version,
        kind=fact.kind,
        lane=fact.lane,
        position=fact.position,
        status="retrying" if failure else "held",
        attempts=1 if failure else 0,
        code=code,
        detail=detail,
        first_failed_at=now,
        due_at=now + timedelta(seconds=RETRIES_S[0]) if failure else None,
        ended_at=None,
    )


class Retried(Struct, frozen=True):
    """What another attempt changes of a letter."""

    id: UUID
    status: str
    attempts: int
    code: str | None = None
    detail: str | None = None
    due_at: datetime | None = None
    ended_at: datetime | None = None


def retried(letter: DeadLetter, failure: Exception | None, now: datetime) -> Retried:
    """The letter after one more attempt, which failed or did not."""
    attempts = letter.attempts + 1
    if failure is None:
        return Retried(letter.id, "delivered", attempts, ended_at=now)
    code, detail = _words(failure)
    if attempts > len(RETRIES_S):
        return Retried(letter.id, "dead", attempts, code, detail)
    due_at = now + timedelta(seconds=RETRIES_S[attempts - 1])
    return Retried(letter.id, "retrying", attempts, code, detail, due_at)


def postponed(letter: DeadLetter, dying: Retried, now: datetime) -> Retried:
    """The letter that would be dead, but nobody can be told now: its last attempt is made again."""
    due_at = now + timedelta(seconds=RETRIES_S[-1])
    return structs.replace(dying, status="retrying", attempts=letter.attempts, due_at=due_at)


def _words(failure: Exception) -> tuple[str, str]:
    known = isinstance(failure, JournalError)
    code = failure.code if isinstance(failure, JournalError) else type(failure).__name__
    text = str(failure).replace("\0", "")
    # What an unforeseen error says may quote a row; the log has it, the letter need not.
    return code, text[:DETAIL_MAX] if known else "an unforeseen error; the log tells more"


def in_waves(facts: Sequence[Told]) -> list[list[Told]]:
    """The facts in waves without two of one aggregate, the earlier ones in earlier waves."""
    waves: list[list[Told]] = []
    passed: dict[UUID, int] = {}
    for fact in facts:
        wave = passed.get(fact.aggregate_id, 0)
        passed[fact.aggregate_id] = wave + 1
        if wave == len(waves):
            waves.append([])
        waves[wave].append(fact)
    return waves
