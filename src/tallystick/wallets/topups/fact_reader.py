"""Reads the journal in its order and lets every fact of a kind have its effect exactly once.

Any number of processes may read at once: whoever moves the cursor first wins, the others find it
moved and go on from there.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tallystick.journal import Conflict, Fact, Journal, Told
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.topups import store as topup_store
from tallystick.wallets.topups.cursor_folds import CursorRow, cursor_id, moved_to

BATCH: Final = 500
LANE: Final = 0  # everything online; bulk loaders have lanes of their own

Effect = Callable[[Told, Fact], Awaitable[bool]]
"""Does what follows from a fact, if anything does, in one change together with the cursor's fact;
whether it did. Raises Conflict when another reader was faster."""


@dataclass(frozen=True)
class FactReader:
    """One reader: its name, the kinds it looks for, and what follows from them."""

    journal: Journal
    database: Database
    name: str
    kinds: frozenset[str]
    effect: Effect
    skip: Callable[[Fact], Awaitable[None]]

    async def run_once(self) -> int:
        """Read the next facts, at most `BATCH`; how many were read."""
        cursor = await self._cursor()
        position = cursor.position if cursor else 0
        facts = await self.journal.facts_after(LANE, position, BATCH)
        for fact in facts:
            if fact.kind not in self.kinds:
                continue
            moved = moved_to(fact.position, cursor, self.name, LANE)
            try:
                if await self.effect(fact, moved):
                    cursor = await self._cursor()
            except Conflict:
                return BATCH  # somebody else is at it: go on from where he has come
        await self._pass_over(facts, cursor)
        return len(facts)

    async def _pass_over(self, facts: list[Told], cursor: CursorRow | None) -> None:
        """Remember a long way without effects, so that nobody walks it twice.

        A short one is walked again: to note every step would itself be a fact to walk past.
        """
        if len(facts) < BATCH or (cursor and cursor.position >= facts[-1].position):
            return
        try:
            await self.skip(moved_to(facts[-1].position, cursor, self.name, LANE))
        except Conflict:
            return

    async def _cursor(self) -> CursorRow | None:
        return await topup_store.find_cursor(self.database, cursor_id(self.name, LANE))
