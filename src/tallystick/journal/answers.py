"""Answering repeats: what a claim stands for, waiting while its first call runs, and forgetting.

Claims are kept for 90 days. Their ids are hashes, so a range of ids is a fair sample of all of
them, and a claim's age is that of its subject's id: neither an index nor a column is spent on
retention. Each round forgets the old ones of one range in 256.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from tallystick.journal import store
from tallystick.journal.model import (
    Asked,
    KeyReused,
    Refused,
    Repeated,
    StandingClaim,
    StillRunning,
)
from tallystick.platform.ids import earliest_id
from tallystick.platform.postgres.pools import Database

KEPT_FOR = timedelta(days=90)
FORGET_EVERY_S = 60
RANGES = 256
POLL_PAUSES_S = (0.01, 0.02, 0.05, 0.1, 0.2)
NO_SUBJECT = UUID(int=0)  # a claim's id does not depend on its subject


@dataclass(frozen=True, slots=True)
class Answers:
    """Reads claims as the table holds them; any process may have written them."""

    database: Database

    async def find(self, claim_id: UUID) -> StandingClaim | None:
        row = await self.database.fetchrow(store.CLAIMS, [claim_id])
        return StandingClaim(*row) if row else None

    async def find_repeat(self, asked: Asked) -> Repeated | None:
        """What stands under this key, and whether it stands for the same wish."""
        claim = asked.claim(NO_SUBJECT)
        standing = await self.find(claim.id)
        return Repeated(standing, standing.fingerprint == claim.fingerprint) if standing else None

    async def find_many(self, claim_ids: Collection[UUID]) -> list[StandingClaim]:
        rows = await self.database.fetch(store.CLAIMS, list(claim_ids))
        return [StandingClaim(*row) for row in rows]

    async def answer(self, repeat: Repeated, *, patience_s: float) -> StandingClaim:
        """The done claim behind a repeat. Raises KeyReused, StillRunning or Refused."""
        if not repeat.same:
            raise KeyReused("this idempotency key was used before with another request body")
        claim = await self._closed(repeat.claim, patience_s)
        if claim.state == "running":
            raise StillRunning("the first request with this idempotency key is still at work")
        if claim.state == "refused":
            code, _, detail = (claim.outcome or "").partition(": ")
            raise Refused(code, detail, remembered=True)
        return claim

    async def forget(self, now: datetime) -> int:
        """Forget the claims older than 90 days in the range whose turn it is; how many."""
        turn = int(now.timestamp() // FORGET_EVERY_S) % RANGES
        first, beyond = _edge(turn), _edge(turn + 1)
        cut = earliest_id(now - KEPT_FOR)
        connection = await self.database.open_writer("journal claims")
        try:
            done = await connection.execute(store.FORGET_CLAIMS, first, beyond, cut)
        finally:
            await connection.close()
        return int(done.rpartition(" ")[2])

    async def _closed(self, claim: StandingClaim, patience_s: float) -> StandingClaim:
        """The claim once it is closed, or as it is when the patience is over."""
        waited_s = 0.0
        looks = 0
        while claim.state == "running" and waited_s < patience_s:
            pause_s = POLL_PAUSES_S[min(looks, len(POLL_PAUSES_S) - 1)]
            await asyncio.sleep(pause_s)
            waited_s += pause_s
            looks += 1
            claim = await self.find(claim.id) or claim
        return claim


def _edge(turn: int) -> UUID:
    """The first id of a range; the last range ends with the last id there is."""
    return UUID(int=min(turn << 120, 2**128 - 1))
