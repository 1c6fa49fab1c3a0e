"""The whole ledger on a real PostgreSQL, driven at random, beside the naive ledger.

Every verb goes through the journal and is answered from what is on disk. The naive ledger hears
the same and must agree, about each answer, about each refusal, and at the end about every account.
Hypothesis chooses the steps and, when one fails, finds a short way there.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from anyio import from_thread, to_thread
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tallystick.books import Answer
from tallystick.books.proof import prove
from tallystick.journal import Journal
from tallystick.ledger import Close, Freeze, Limit
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tests.books.furnished import Books, wired
from tests.laws.ledger_world import Asking, World
from tests.laws.test_ledger_laws import EVERY_REFUSAL

pytestmark = pytest.mark.anyio

NAMES = ("bank", "till", "alice", "bob", "carol", "tourist", "new", "newer")
OPEN_AT_FIRST = (
    ("bank", "INR", "debit", None),
    ("till", "INR", "debit", 0),
    ("alice", "INR", "credit", 0),
    ("bob", "INR", "credit", 0),
    ("carol", "INR", "credit", 500),
    ("tourist", "USD", "credit", None),
)

names = st.sampled_from((*NAMES[:5] * 3, *NAMES))
plain = st.integers(1, 400)
amounts = st.one_of(plain, plain, plain, plain, st.sampled_from((0, -1, 10**15, 10**15 + 1)))
often = st.sampled_from((False, False, False, True))
spans = st.none() | st.integers(-1, 300)
posts = st.tuples(st.just("post"), names, names, amounts, often, spans)
reserves = st.tuples(st.just("reserve"), names, names, amounts, often, spans)
settles = st.tuples(st.just("settle"), st.integers(0, 40), st.none() | amounts, st.booleans())
endings = st.tuples(st.sampled_from(("void", "expire")), st.integers(0, 40))
orders = st.one_of(posts, posts, reserves, settles, endings)


class LedgerMachine(RuleBasedStateMachine):
    """The rules by which Hypothesis drives a world; each runs in the loop of the journal."""

    def __init__(self, books: Books, outcomes: Counter[str]) -> None:
        super().__init__()
        self.world = World(books, outcomes)

    @initialize()
    def furnish(self) -> None:
        for words in OPEN_AT_FIRST:
            from_thread.run(self.world.alter, self.world.opening(*words))
        funds = [
            self.world.order("post", debit, credit, 1_000, False, None)
            for debit, credit in (("bank", "alice"), ("bank", "bob"), ("till", "carol"))
        ]
        hold = self.world.order("reserve", "alice", "bob", 300, False, 200)
        from_thread.run(partial(self.world.move, [*funds, hold], atomic=False))

    @rule(words=orders)
    def move_one(self, words: Any) -> None:
        from_thread.run(partial(self.world.move, [self.world.order(*words)], atomic=False))

    @rule(many=st.lists(orders, min_size=2, max_size=5), atomic=st.booleans())
    def move_many(self, many: Any, atomic: bool) -> None:
        listed = [self.world.order(*words) for words in many]
        from_thread.run(partial(self.world.move, listed, atomic=atomic))

    @rule(name=names, behind=st.sampled_from((0, 0, 1)), words=posts)
    def move_if_nothing_moved(self, name: str, behind: int, words: Any) -> None:
        from_thread.run(self.world.require, name, behind, self.world.order(*words))

    @precondition(lambda self: self.world.asked)
    @rule(which=st.integers(0, 40))
    def ask_again(self, which: int) -> None:
        from_thread.run(self.world.again, self.world.asked[which % len(self.world.asked)])

    @precondition(lambda self: self.done())
    @rule(which=st.integers(0, 40))
    def reverse(self, which: int) -> None:
        done = self.done()
        from_thread.run(self.world.reverse, done[which % len(done)])

    @rule(
        name=st.sampled_from(("new", "newer", "alice")),
        side=st.sampled_from(("debit", "credit")),
        limit=st.sampled_from((0, 300, None)),
    )
    def open(self, name: str, side: str, limit: int | None) -> None:
        from_thread.run(self.world.alter, self.world.opening(name, "INR", side, limit))

    @rule(name=names, frozen=st.sampled_from(("no", "no", "outflow", "all")))
    def freeze(self, name: str, frozen: str) -> None:
        from_thread.run(self.world.alter, Freeze(self.world.account(name), frozen))

    @rule(name=names, limit=st.sampled_from((0, 500, None)))
    def limit(self, name: str, limit: int | None) -> None:
        from_thread.run(self.world.alter, Limit(self.world.account(name), limit))

    @rule(name=names)
    def close(self, name: str) -> None:
        from_thread.run(self.world.alter, Close(self.world.account(name)))

    @rule(seconds=st.sampled_from((1, 30, 300)))
    def wait(self, seconds: int) -> None:
        self.world.books.clock.advance(timedelta(seconds=seconds))

    def done(self) -> list[Asking]:
        return [
            asking
            for asking in self.world.asked
            if any(isinstance(one, Answer) for one in asking.answers)
        ]

    def teardown(self) -> None:
        from_thread.run(self.world.agree)


@pytest.fixture
async def books(database: Database, clock: HandClock) -> AsyncIterator[Books]:
    async with Journal.open(database, clock, master_key=bytes(32)) as journal:
        yield wired(database, journal, clock)


async def drive(
    books: Books, *, examples: int, steps: int, phases: Sequence[Phase]
) -> Counter[str]:
    """So many examples of so many steps; then the books must prove. How often which outcome."""
    outcomes = Counter[str]()
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=phases,
    )
    # Anything that makes a machine will do; the annotation asks for less than it takes.
    machine = cast("type[RuleBasedStateMachine]", partial(LedgerMachine, books, outcomes))
    await to_thread.run_sync(partial(run_state_machine_as_test, machine, settings=chosen))
    proof = await prove(books.database, books.journal, books.clock)
    assert [check.name for check in proof.checks if not check.green] == []
    return outcomes


async def test_the_ledger_agrees_with_the_naive_one_whatever_is_asked(books: Books) -> None:
    outcomes = await drive(books, examples=25, steps=40, phases=(Phase.generate,))

    assert outcomes["ok"] > 300, outcomes
    assert len(outcomes) > 15, outcomes


@pytest.mark.slow
async def test_nor_in_the_long_run(books: Books) -> None:
    outcomes = await drive(books, examples=300, steps=60, phases=tuple(Phase))

    assert set(outcomes) == EVERY_REFUSAL | {"ok"}
