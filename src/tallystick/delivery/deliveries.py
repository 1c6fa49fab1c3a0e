"""Lets facts have their effects: once each, in the order of their aggregate, the poisonous apart.

The effect and the consumer's claim for the fact are one change, so a fact that is delivered again
(by a repeat, by another process, after a death) is found done. A fact that fails leaves a letter
behind; later facts of its aggregate are held back by it, all others go on.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final
from uuid import UUID

from msgspec import structs

from tallystick.delivery import store
from tallystick.delivery.metrics import delivery_metrics
from tallystick.delivery.model import Consumer, DeadLetter, in_waves, inbox_key, letter_of
from tallystick.journal import Change, Conflict, Journal, JournalError, Repeated, Told
from tallystick.platform.clock import Clock
from tallystick.platform.crash import crash_point
from tallystick.platform.postgres.pools import Database, Overloaded
from tallystick.platform.telemetry import get_logger

ROUNDS: Final = 5
"""How often it is decided anew before a fact fails."""
_AWAY: Final = ("busy", "outcome_unknown")  # the database's trouble, not the fact's
_log = get_logger("tallystick.delivery")


@dataclass(frozen=True)
class Deliveries:
    """Delivers to one consumer, wherever the facts were read."""

    consumer: Consumer
    journal: Journal
    database: Database
    clock: Clock

    async def deliver(self, facts: Sequence[Told]) -> list[DeadLetter]:
        """Let every fact have its effect; the letters of those that could not.

        Raises what the journal says when it cannot record now: then all is to be delivered again.
        """
        names = {fact.aggregate_id for fact in facts}
        blocked = set(await store.blocked_aggregates(self.database, self.consumer.name, names))
        letters: list[DeadLetter] = []
        for wave in in_waves(facts):
            failures = await self.attempt(
                [fact for fact in wave if fact.aggregate_id not in blocked]
            )
            for fact in wave:
                failure = failures.get(fact.aggregate_id)
                if failure or fact.aggregate_id in blocked:
                    letters.append(self._letter(fact, failure))
                    blocked.add(fact.aggregate_id)
        return letters

    async def attempt(self, facts: Sequence[Told]) -> dict[UUID, Exception | None]:
        """Try facts of different aggregates, all at once; by aggregate, why it failed, if it did.

        Whoever meets a faster one (Conflict) decides anew.
        """
        outcomes: dict[UUID, Exception | None] = {fact.aggregate_id: None for fact in facts}
        left = await self._not_done(facts)
        for _ in range(ROUNDS):
            if not left:
                break
            crash_point("consumer.before_effect")
            outcomes |= await self._try(left)
            left = [fact for fact in left if isinstance(outcomes[fact.aggregate_id], Conflict)]
        delivery_metrics().count(self.consumer.name, list(outcomes.values()))
        return outcomes

    async def _not_done(self, facts: Sequence[Told]) -> list[Told]:
        claims = [inbox_key(self.consumer, fact).claim(fact.aggregate_id).id for fact in facts]
        standing = await self.journal.find_claims(set(claims)) if claims else []
        done = {claim.id for claim in standing if claim.state == "done"}
        return [fact for fact, claim in zip(facts, claims, strict=True) if claim not in done]

    async def _try(self, facts: Sequence[Told]) -> dict[UUID, Exception | None]:
        try:
            changes = await self.consumer.decide(facts, self.database)
        except Exception as error:
            if _is_away(error):
                raise
            if len(facts) == 1:
                _log.exception("decision_failed", consumer=self.consumer.name)
                return {facts[0].aggregate_id: error}
            # One of them is poison: alone it spoils nobody else's.
            apart = [await self._try([fact]) for fact in facts]
            return {name: failure for one in apart for name, failure in one.items()}
        recordings = [
            self._record_once(fact, change) if change else _nothing()
            for fact, change in zip(facts, changes, strict=True)
        ]
        outcomes = await asyncio.gather(*recordings, return_exceptions=True)
        crash_point("consumer.after_effect")
        names = [fact.aggregate_id for fact in facts]
        return dict(zip(names, map(_failure, outcomes), strict=True))

    async def _record_once(self, fact: Told, change: Change) -> None:
        """Record the effect under the first claim that no refusal has used up."""
        for refused in count():
            asked = inbox_key(self.consumer, fact, refused)
            claim = asked.claim(fact.aggregate_id, version=fact.version)
            try:
                await self.journal.record(structs.replace(change, claim=claim))
            except Repeated as repeat:
                if repeat.claim.state != "refused":
                    return
            else:
                return

    def _letter(self, fact: Told, failure: Exception | None) -> DeadLetter:
        if failure:
            _log.warning(
                "delivery_failed",
                consumer=self.consumer.name,
                kind=fact.kind,
                aggregate_id=str(fact.aggregate_id),
                version=fact.version,
                reason=getattr(failure, "code", type(failure).__name__),
            )
        return letter_of(self.consumer, fact, failure, self.clock.now())


async def _nothing() -> None:
    """Nothing follows from this fact."""


def _failure(outcome: BaseException | None) -> Exception | None:
    """Why it failed. Raises what is not the fact's own fault."""
    if outcome is None:
        return None
    if isinstance(outcome, Exception) and not _is_away(outcome):
        return outcome
    raise outcome


def _is_away(error: Exception) -> bool:
    if isinstance(error, JournalError):
        return error.code in _AWAY
    return isinstance(error, Overloaded | OSError)
