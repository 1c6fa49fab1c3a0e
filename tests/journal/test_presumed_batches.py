"""Presumed to be accepted or heard one by one: a batch leaves and says the same."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from tallystick.journal import Asked, Change, CloseClaim, Journal
from tallystick.journal.lane import DOUBTFUL_BATCHES
from tallystick.journal.model import Recorded
from tallystick.ledger import Freeze, Open
from tallystick.platform.ids import derived_id
from tallystick.platform.postgres.pools import Database
from tests.journal.conftest import notch, post

pytestmark = pytest.mark.anyio

LEFT = (
    "SELECT aggregate_id, version, kind, data::text FROM journal_facts ORDER BY position",
    "SELECT id, subject_id, subject_version, state, outcome FROM journal_claims",
    "SELECT debit, credit, amount, debit_balance, credit_balance FROM ledger_transfers",
    "SELECT id, credits_posted, debits_posted, version FROM ledger_accounts",
    "SELECT id, version, notches, label FROM tallies",
)


class World:
    """Accounts, tallies and keys of its own; `names` makes two worlds comparable."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.names: dict[UUID, str] = {}
        self.accounts = [self.id(f"account {n}") for n in range(5)]
        self.tallies = [self.id(f"tally {n}") for n in range(4)]

    def id(self, name: str) -> UUID:
        made = derived_id(UUID(int=0), f"{self.name} {name}")
        self.names[made] = name
        return made

    def furnish(self) -> Change:
        """The last account may not be overdrawn; the one before it is frozen."""
        opens = [
            Open(account, f"{self.name}:{n}", "INR", "credit", 0 if n == 4 else None)
            for n, account in enumerate(self.accounts)
        ]
        frozen = Freeze(self.accounts[3], "all")
        return Change(self.id("opening"), accounts=(*opens, frozen))

    def wishes(self, seed: int, count: int) -> list[Change]:
        """Mostly what is accepted; in some worlds also repeats, stale facts, refusals."""
        dice = random.Random(seed)
        trouble = dice.choice((0.0, 0.05, 0.4))
        versions = dict.fromkeys(self.tallies, 0)
        made = []
        for number in range(count):
            tally = dice.choice(self.tallies)
            versions[tally] += 1
            stale = dice.random() < trouble / 4
            label = f"{self.name} {number % 3}" if dice.random() < trouble / 4 else None
            fact = notch(tally, versions[tally] + stale, dice.randint(1, 9), label)
            key = dice.randrange(number + 1) if dice.random() < trouble / 2 else number
            claim = Asked(self.name, str(key), b"body").claim(
                tally, version=versions[tally], running=number % 3 == 0
            )
            self.names[claim.id] = f"claim {key}"
            payer, payee = dice.sample(self.accounts[: 5 if dice.random() < trouble else 3], 2)
            transfer = post(payer, payee, dice.randint(1, 50))
            made.append(Change(self.id(f"change {number}"), (fact,), (transfer,), claim=claim))
            if number % 6 == 0:
                close = CloseClaim(claim.id, versions[tally])
                made.append(Change(self.id(f"closing {number}"), close=close))
        return made

    async def told(self, journal: Journal, changes: Sequence[Change]) -> list[Any]:
        """What each caller hears; all wait at once, so that they share batches."""
        ends = await asyncio.gather(*map(journal.record, changes), return_exceptions=True)
        return [
            [(row.debit_balance, row.credit_balance) for row in end.transfers]
            if isinstance(end, Recorded)
            else (type(end), self._named(str(end)))
            for end in ends
        ]

    async def left(self, database: Database) -> list[list[str]]:
        """Every row of this world: facts in their order, the others sorted."""
        mine = []
        for statement in LEFT:
            rows = [self._named(repr(tuple(row))) for row in await self._fetch(database, statement)]
            mine.append(rows if statement is LEFT[0] else sorted(rows))
        return mine

    async def _fetch(self, database: Database, statement: str) -> list[Any]:
        async with database.reading() as connection:
            rows = await connection.fetch(statement)
        return [row for row in rows if row[0] in self.names]

    def _named(self, text: str) -> str:
        for key, name in self.names.items():
            text = text.replace(str(key), name)
        return text.replace(self.name, "the world")


@pytest.mark.parametrize("seed", range(8))
async def test_a_presumed_history_is_the_history_that_was_heard(
    seed: int, journal: Journal, database: Database
) -> None:
    histories = []
    for name, doubt in (("presumed", 0), ("heard", DOUBTFUL_BATCHES)):
        world = World(name)
        await journal.record(world.furnish())
        changes = world.wishes(seed, 120)
        told: list[Any] = []
        for start in range(0, len(changes), 40):
            journal._lane._doubt = doubt
            told += await world.told(journal, changes[start : start + 40])
        histories.append([told, *await world.left(database)])

    presumed, heard = histories
    for one, other in zip(presumed, heard, strict=True):
        assert one == other
    assert any(isinstance(end, list) for end in heard[0])  # something was accepted
