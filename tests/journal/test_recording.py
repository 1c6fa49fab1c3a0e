"""A change is recorded whole or not at all, and its neighbours never notice."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from msgspec import Struct, structs

from tallystick.journal import (
    Asked,
    Change,
    CloseClaim,
    Conflict,
    Fact,
    Journal,
    Refused,
    Repeated,
    Told,
)
from tallystick.journal.model import KeyReused, StillRunning
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Connection, Database
from tests.journal.conftest import (
    TALLY,
    Ids,
    Notched,
    OpenJournal,
    TallyRow,
    fold,
    notch,
    open_pair,
    post,
)

pytestmark = pytest.mark.anyio


class TestAChange:
    async def test_is_durable_with_facts_transfers_and_projection(
        self, journal: Journal, database: Database, ids: Ids
    ) -> None:
        tally = ids()
        source, target = await open_pair(journal, ids, limit=None)
        recorded = await journal.record(
            Change(ids(), facts=(notch(tally, 1, 3),), transfers=(post(source, target, 250),))
        )
        assert recorded.transfers[0].credit_balance == 250
        assert await database.fetchval("SELECT notches FROM tallies WHERE id = $1", tally) == 3
        assert await database.fetchval("SELECT count(*) FROM ledger_transfers") == 1
        facts = await journal.facts_of(tally)
        assert [(fact.kind, fact.data) for fact in facts] == [("tally.notched", Notched(3))]

    async def test_refused_by_the_ledger_leaves_no_fact_and_no_row(
        self, journal: Journal, database: Database, ids: Ids
    ) -> None:
        tally = ids()
        source, target = await open_pair(journal, ids, limit=0)
        with pytest.raises(Refused, match="cannot cover") as refusal:
            await journal.record(
                Change(ids(), facts=(notch(tally, 1),), transfers=(post(source, target),))
            )
        assert refusal.value.code == "insufficient_funds"
        assert await journal.facts_of(tally) == ()
        assert await database.fetchval("SELECT count(*) FROM tallies") == 0

    async def test_does_not_touch_its_neighbours_in_the_same_batch(
        self, journal: Journal, database: Database, ids: Ids
    ) -> None:
        source, target = await open_pair(journal, ids, limit=300)
        results = await asyncio.gather(
            *(
                journal.record(Change(ids(), transfers=(post(source, target, 100),)))
                for _ in range(10)
            ),
            return_exceptions=True,
        )
        assert sum(isinstance(result, Refused) for result in results) == 7
        posted = "SELECT credits_posted FROM ledger_accounts WHERE id = $1"
        assert await database.fetchval(posted, target) == 300

    async def test_with_what_the_database_cannot_hold_is_left_out_alone(
        self, journal: Journal, ids: Ids
    ) -> None:
        good = [Change(ids(), facts=(notch(ids(), 1),)) for _ in range(20)]
        bad = Change(ids(), facts=(notch(ids(), 1, label="nul \x00 byte"),))
        results = await asyncio.gather(
            *map(journal.record, [*good[:9], bad, *good[9:]]), return_exceptions=True
        )
        assert isinstance(results.pop(9), Refused)
        assert not [result for result in results if isinstance(result, BaseException)]

    async def test_with_a_taken_unique_value_conflicts_alone(
        self, journal: Journal, ids: Ids
    ) -> None:
        changes = [Change(ids(), facts=(notch(ids(), 1, label="same"),)) for _ in range(5)]
        results = await asyncio.gather(*map(journal.record, changes), return_exceptions=True)
        assert sum(isinstance(result, Conflict) for result in results) == 4

    async def test_conflicts_when_the_aggregate_has_moved_on(
        self, journal: Journal, ids: Ids
    ) -> None:
        tally = ids()
        await journal.record(Change(ids(), facts=(notch(tally, 1),)))
        for version in (1, 3):
            with pytest.raises(Conflict):
                await journal.record(Change(ids(), facts=(notch(tally, version),)))

    async def test_of_an_aggregate_without_projection_is_versioned_too(
        self, journal: Journal, ids: Ids
    ) -> None:
        class Seen(Struct, frozen=True):
            times: int

        thing = ids()
        for version in (1, 2, 3):
            await journal.record(
                Change(ids(), facts=(Fact(thing, version, "thing.seen", Seen(version)),))
            )
        with pytest.raises(Conflict):
            await journal.record(Change(ids(), facts=(Fact(thing, 3, "thing.seen", Seen(9)),)))


class TestTwoFactsOfOneAggregateInOneBatch:
    async def test_both_count(self, journal: Journal, database: Database, ids: Ids) -> None:
        tally = ids()
        await asyncio.gather(
            *(journal.record(Change(ids(), facts=(notch(tally, v, 10**v),))) for v in (1, 2, 3))
        )
        row = await database.fetchrow("SELECT notches, version FROM tallies WHERE id = $1", tally)
        assert row is not None
        assert tuple(row) == (1110, 3)
        assert await database.fetchval("SELECT count(*) FROM journal_batches") == 1

    async def test_of_the_same_version_one_conflicts(self, journal: Journal, ids: Ids) -> None:
        tally = ids()
        results = await asyncio.gather(
            *(journal.record(Change(ids(), facts=(notch(tally, 1, n),))) for n in (1, 2)),
            return_exceptions=True,
        )
        assert [type(result).__name__ for result in results] == ["Recorded", "Conflict"]


class TestAClaim:
    asked = Asked("mer:transfer", "key-1", b'{"amount":100}')

    async def _record(self, journal: Journal, ids: Ids, tally: UUID, asked: Asked) -> None:
        claim = asked.claim(tally)
        await journal.record(Change(ids(), facts=(notch(tally, 1),), claim=claim))

    async def test_stands_for_one_effect_in_a_batch_and_later(
        self, journal: Journal, database: Database, ids: Ids
    ) -> None:
        results = await asyncio.gather(
            *(self._record(journal, ids, ids(), self.asked) for _ in range(64)),
            return_exceptions=True,
        )
        assert sum(isinstance(result, Repeated) for result in results) == 63
        with pytest.raises(Repeated) as repeat:
            await self._record(journal, ids, ids(), self.asked)
        assert await database.fetchval("SELECT count(*) FROM tallies") == 1
        claim = await journal.answer(repeat.value, patience_s=0)
        assert await database.fetchval("SELECT id FROM tallies") == claim.subject_id

    async def test_for_another_body_is_refused(self, journal: Journal, ids: Ids) -> None:
        await self._record(journal, ids, ids(), self.asked)
        other = Asked(self.asked.scope, self.asked.key, b'{"amount":101}')
        with pytest.raises(Repeated) as repeat:
            await self._record(journal, ids, ids(), other)
        with pytest.raises(KeyReused):
            await journal.answer(repeat.value, patience_s=0)

    async def test_remembers_a_refusal_and_nothing_else(self, journal: Journal, ids: Ids) -> None:
        source, target = await open_pair(journal, ids, limit=0)
        change = Change(ids(), transfers=(post(source, target),), claim=self.asked.claim(ids()))
        with pytest.raises(Refused):
            await journal.record(change)
        with pytest.raises(Repeated) as repeat:
            await journal.record(change)
        with pytest.raises(Refused, match="cannot cover") as again:
            await journal.answer(repeat.value, patience_s=0)
        assert again.value.code == "insufficient_funds"

    async def test_of_a_conflict_is_not_remembered(self, journal: Journal, ids: Ids) -> None:
        tally = ids()
        change = Change(ids(), facts=(notch(tally, 2),), claim=self.asked.claim(tally))
        with pytest.raises(Conflict):
            await journal.record(change)
        await journal.record(Change(ids(), facts=(notch(tally, 1),)))
        await journal.record(change)

    async def test_that_runs_is_waited_for_and_answers_as_the_verb_closed(
        self, journal: Journal, ids: Ids
    ) -> None:
        tally = ids()
        claim = self.asked.claim(tally, running=True)
        await journal.record(Change(ids(), facts=(notch(tally, 1),), claim=claim))
        with pytest.raises(Repeated) as repeat:
            await journal.record(Change(ids(), claim=claim))
        with pytest.raises(StillRunning):
            await journal.answer(repeat.value, patience_s=0.02)
        waiting = asyncio.create_task(journal.answer(repeat.value, patience_s=5))
        close = CloseClaim(claim.id, subject_version=2)
        await journal.record(Change(ids(), facts=(notch(tally, 2),), close=close))
        await journal.record(Change(ids(), facts=(notch(tally, 3),)))
        closed = await waiting
        row = await journal.row_as_of(TALLY, closed.subject_id, closed.subject_version)
        assert (row.version, row.notches) == (2, 2)

    async def test_is_closed_only_once(self, journal: Journal, ids: Ids) -> None:
        claim = self.asked.claim(ids(), running=True)
        await journal.record(Change(ids(), claim=claim, facts=(notch(ids(), 1),)))
        await journal.record(Change(ids(), close=CloseClaim(claim.id)))
        with pytest.raises(Conflict):
            await journal.record(Change(ids(), close=CloseClaim(claim.id)))


class TestSealedText:
    async def test_opens_until_its_subject_is_erased(
        self, journal: Journal, owner: Connection, ids: Ids
    ) -> None:
        subject = ids()
        sealed = await journal.seal(subject, {"name": "Asha"})
        assert "Asha" not in sealed
        assert await journal.unseal(subject, sealed) == {"name": "Asha"}
        await journal.erase(subject)
        assert await journal.unseal(subject, sealed) is None

    async def test_of_many_new_subjects_at_once_keeps_each_apart(
        self, journal: Journal, ids: Ids
    ) -> None:
        subjects = [ids() for _ in range(50)]
        sealed = await asyncio.gather(*(journal.seal(s, {"of": str(s)}) for s in subjects))
        for subject, text in zip(subjects, sealed, strict=True):
            assert await journal.unseal(subject, text) == {"of": str(subject)}

    async def test_by_two_processes_at_once_ends_under_one_key(
        self, open_journal: OpenJournal, ids: Ids
    ) -> None:
        async with open_journal() as one, open_journal() as two:
            for _ in range(10):
                subject = ids()
                first, second = await asyncio.gather(
                    one.seal(subject, {"n": 1}), two.seal(subject, {"n": 2})
                )
                assert await one.unseal(subject, second) == {"n": 2}
                assert await two.unseal(subject, first) == {"n": 1}


class TestAFoldThatFails:
    async def test_is_heard_of_by_its_own_caller_only(
        self, open_journal: OpenJournal, ids: Ids
    ) -> None:
        class BrokenFold(RuntimeError):
            pass

        def refuse_thirteen(row: TallyRow | None, fact: Told) -> TallyRow:
            if fact.data.notches == 13:
                raise BrokenFold
            return fold(row, fact)

        broken = structs.replace(TALLY, fold=refuse_thirteen)
        async with open_journal(projections=(broken,)) as journal:
            changes = [Change(ids(), facts=(notch(ids(), 1, n),)) for n in range(1, 30)]
            results = await asyncio.gather(*map(journal.record, changes), return_exceptions=True)
        failed = [n for n, result in enumerate(results, 1) if isinstance(result, Exception)]
        assert failed == [13]
        assert isinstance(results[12], BrokenFold)


class TestForgettingClaims:
    async def test_takes_the_old_ones_within_a_sweep_and_leaves_the_others(
        self, journal: Journal, database: Database, clock: HandClock, ids: Ids
    ) -> None:
        async def claim(name: str, *, running: bool = False) -> None:
            tally = ids()
            asked = Asked("mer:notch", name, b"{}").claim(tally, running=running)
            await journal.record(Change(ids(), facts=(notch(tally, 1),), claim=asked))

        for number in range(20):
            await claim(f"old {number}")
        await claim("old but still running", running=True)
        clock.advance(timedelta(days=91))
        for number in range(5):
            await claim(f"young {number}")
        now = clock.now()
        forgotten = [
            await journal.forget_claims(now + timedelta(minutes=turn)) for turn in range(256)
        ]
        assert sum(forgotten) == 20
        assert await database.fetchval("SELECT count(*) FROM journal_claims") == 6
