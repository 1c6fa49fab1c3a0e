"""The continuous proof: what was recorded since the last look is proven, a slice at a time.

Its cursor is a fact like any other, so the log itself says up to which head of each lane somebody
had looked, and found nothing wrong. It never moves past a difference.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from msgspec import Raw, Struct, json, to_builtins

from tallystick.books.proof import slice_store as store
from tallystick.books.proof.facts import CURSOR_ID, PROVED, BooksProved, CursorRow
from tallystick.books.proof.lane_walk import SLICE_ROWS, Walked, lane_ends, walk_slice
from tallystick.books.proof.metrics import proof_metrics
from tallystick.books.proof.slices import Finding, Place
from tallystick.books.proof.store import allow_time
from tallystick.journal import Change, Conflict, Fact, Journal
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.pools import Connection, Database
from tallystick.platform.telemetry import get_logger

FINDINGS_KEPT: Final = 10
_SLICE_S: Final = 60.0  # one slice may have to look for its rows in the whole table
_RED_EVERY: Final = timedelta(minutes=1)

_log = get_logger("tallystick.books")


class Standing(Struct, frozen=True):
    """How far the books are proven without a break, and what stands in the way.

    `age_s` is how long the oldest change that is not proven yet has been waiting, 0 for none.
    """

    places: tuple[Place, ...]
    proved_at: datetime | None
    age_s: float
    differences: int
    findings: tuple[Finding, ...]


class IncrementalProof:
    """The worker's job; several at once do no harm, they only do the same work twice."""

    EVERY_S: ClassVar = 5.0
    ROUND_SLICES: ClassVar = 20

    def __init__(
        self,
        journal: Journal,
        database: Database,
        clock: Clock,
        *,
        slice_rows: int = SLICE_ROWS,
    ) -> None:
        self._journal = journal
        self._database = database
        self._clock = clock
        self._slice_rows = slice_rows
        self._red_until: datetime | None = None

    async def run_once(self) -> int:
        """Prove the next slices of every lane; how many. `ROUND_SLICES` means there are more.

        Raises Overloaded, and what the journal says when it cannot record.
        """
        if self._red_until and self._clock.now() < self._red_until:
            return 0
        cursor = await store.find_cursor(self._database)
        round_ = await self._prove_further(_places(cursor))
        if round_.is_news(cursor):
            await self._record(cursor, round_)
        self._red_until = self._clock.now() + _RED_EVERY if round_.findings else None
        await self.show_standing()
        return round_.slices

    async def standing(self) -> Standing:
        """How far the books are proven, whoever did it. Raises Overloaded."""
        cursor = await store.find_cursor(self._database)
        places = _places(cursor)
        oldest = await store.oldest_unproven(
            self._database,
            [place.lane for place in places],
            [place.batch for place in places],
            [place.position for place in places],
        )
        age = (self._clock.now() - oldest).total_seconds() if oldest else 0.0
        return Standing(
            tuple(places),
            cursor.proved_at if cursor else None,
            max(age, 0.0),
            cursor.differences if cursor else 0,
            tuple(json.decode(cursor.findings)) if cursor else (),
        )

    async def show_standing(self) -> Standing:
        """The standing, also put into this process's gauges."""
        standing = await self.standing()
        last_run = await store.find_last_run(self._database)
        proof_metrics().show(
            {place.lane: place.position for place in standing.places},
            standing.age_s,
            {
                "continuous": standing.differences,
                "reconciliation": last_run.differences or 0 if last_run else 0,
            },
        )
        return standing

    async def _prove_further(self, places: Sequence[Place]) -> "_Round":
        round_ = _Round({place.lane: place for place in places})
        for lane in await self._lanes(places):
            while round_.slices < self.ROUND_SLICES:
                async with self._database.reading() as connection:
                    await allow_time(connection, _SLICE_S)
                    place = round_.places.get(lane, Place(lane))
                    walked = await self._walk(connection, place)
                if walked is None:
                    break
                round_.add(walked)
                if walked.findings:
                    break
                await asyncio.sleep(0)
        return round_

    async def _walk(self, connection: Connection, place: Place) -> Walked | None:
        walked = await walk_slice(connection, place, rows=self._slice_rows)
        if walked is not None:
            return walked
        ends = await lane_ends(connection, [place])
        return Walked(place, 0, 0, frozenset(), tuple(ends), is_only_ours=False) if ends else None

    async def _lanes(self, places: Sequence[Place]) -> list[int]:
        used = {row["lane"] for row in await self._database.fetch(store.LANES)}
        return sorted(used | {place.lane for place in places})

    async def _record(self, cursor: CursorRow | None, round_: "_Round") -> None:
        if round_.findings:
            found = [dict(finding) for finding in round_.findings[:FINDINGS_KEPT]]
            _log.error("books_differ", differences=len(round_.findings), findings=found)
        data = BooksProved(
            Raw(json.encode(round_.kept_places)), len(round_.findings), Raw(round_.kept_findings)
        )
        version = cursor.version + 1 if cursor else 1
        change_id = new_id(self._clock.now(), bucket_of(CURSOR_ID))
        try:
            await self._journal.record(Change(change_id, (Fact(CURSOR_ID, version, PROVED, data),)))
        except Conflict:
            _log.info("proved_by_another_process")


class _Round:
    """What one round has proven so far."""

    def __init__(self, places: dict[int, Place]) -> None:
        self.places = dict(places)
        self.findings: list[Finding] = []
        self.slices = 0
        self._proved_others_work = False

    def add(self, walked: Walked) -> None:
        """Move on behind a slice, unless something was found in it."""
        self.slices += 1
        if walked.findings:
            self.findings += walked.findings
        else:
            self.places[walked.place.lane] = walked.place
            self._proved_others_work |= not walked.is_only_ours

    def is_news(self, cursor: CursorRow | None) -> bool:
        """Whether it is worth a fact: our own facts alone are not, or proving would never end."""
        before = cursor.findings if cursor else "[]"
        return self._proved_others_work or self.kept_findings.decode() != before

    @property
    def kept_places(self) -> list[Place]:
        return [self.places[lane] for lane in sorted(self.places)]

    @property
    def kept_findings(self) -> bytes:
        return json.encode(to_builtins(self.findings[:FINDINGS_KEPT], str_keys=True))


def _places(cursor: CursorRow | None) -> list[Place]:
    places: list[Any] = json.decode(cursor.lanes, type=list[Place]) if cursor else []
    return places
