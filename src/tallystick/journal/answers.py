"""Answering repeats: what a claim stands for, and waiting while its first call still runs."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from tallystick.journal import store
from tallystick.journal.model import (
    KeyReused,
    Refused,
    Repeated,
    StandingClaim,
    StillRunning,
)
from tallystick.platform.postgres.pools import Database

POLL_PAUSES_S = (0.01, 0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True, slots=True)
class Answers:
    """Reads claims as the table holds them; any process may have written them."""

    database: Database

    async def find(self, claim_id: UUID) -> StandingClaim | None:
        row = await self.database.fetchrow(store.CLAIMS, [claim_id])
        return StandingClaim(*row) if row else None

    async def answer(self, repeat: Repeated, *, patience_s: float) -> StandingClaim:
        """The done claim behind a repeat. Raises KeyReused, StillRunning or Refused."""
        if not repeat.same:
            raise KeyReused("this idempotency key was used before with another request body")
        claim = await self._closed(repeat.claim, patience_s)
        if claim.state == "running":
            raise StillRunning("the first request with this idempotency key is still at work")
        if claim.state == "refused":
            code, _, detail = (claim.outcome or "").partition(": ")
            raise Refused(code, detail)
        return claim

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
