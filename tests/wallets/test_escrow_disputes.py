"""Escrows in dispute, and at the end of their time: nothing moves, or exactly the rule does."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.escrows import Payee
from tallystick.wallets.escrows.decisions import Ruling
from tallystick.wallets.escrows.errors import (
    EscrowNotPossible,
    InvalidEscrow,
)
from tests.wallets.escrowing import (
    FUNDS,
    Chamber,
    ends,
    furnish,
    open_chamber,
)

pytestmark = pytest.mark.anyio

TOMORROW = datetime(2026, 3, 3, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def chamber(database: Database, clock: HandClock) -> AsyncIterator[Chamber]:
    async with open_chamber(database, clock) as chamber:
        await furnish(chamber)
        yield chamber
        assert await chamber.prove() == {}


class TestDisputes:
    async def test_let_nothing_move(self, chamber: Chamber, clock: HandClock) -> None:
        row = await chamber.funded(1_000, **ends(TOMORROW, "release"))
        await chamber.escrows.dispute(row.id, "It arrived broken")

        clock.advance(2 * DAY)
        assert await chamber.escrows.time_out_due() == 0
        for step in (chamber.escrows.release, chamber.escrows.give_back, chamber.escrows.dispute):
            with pytest.raises(EscrowNotPossible) as refused:
                await step(row.id)
            assert refused.value.code == "escrow_disputed"

        account = await chamber.ledger.find_account(row.account_id)
        assert account is not None
        assert (account.posted_minor, account.frozen) == (1_000, "all")

    async def test_end_with_a_division_that_loses_nothing(self, chamber: Chamber) -> None:
        payees = (Payee(await chamber.wallet("seller")), Payee(await chamber.wallet("maker")))
        row = await chamber.funded(1_000, payees=payees, fee_percent_bp=100)
        await chamber.escrows.dispute(row.id)

        ended = (await chamber.escrows.resolve(row.id, Ruling(600, (1, 3)), "Half done")).row

        assert ended.status == "completed"
        assert (ended.released_minor, ended.fee_minor, ended.returned_minor) == (600, 6, 400)
        assert ended.progress.paid_minor == (149, 445)
        assert await chamber.balance(row.buyer_wallet_id) == FUNDS - 600
        assert await chamber.is_closed(row)

    @pytest.mark.parametrize("released_minor", [0, 1_000])
    async def test_may_end_wholly_for_one_side(self, chamber: Chamber, released_minor: int) -> None:
        row = await chamber.funded(1_000)
        await chamber.escrows.dispute(row.id)

        ended = (await chamber.escrows.resolve(row.id, Ruling(released_minor))).row

        assert (ended.released_minor, ended.returned_minor) == (
            released_minor,
            1_000 - released_minor,
        )
        assert await chamber.is_closed(row)

    async def test_withdrawn_let_all_go_on(self, chamber: Chamber, clock: HandClock) -> None:
        row = await chamber.funded(1_000, **ends(TOMORROW, "return"))
        await chamber.escrows.dispute(row.id)
        await chamber.escrows.withdraw_dispute(row.id)
        await chamber.escrows.release(row.id, 400)

        clock.advance(DAY)
        await chamber.escrows.time_out_due()

        ended = await chamber.look(row)
        assert (ended.status, ended.released_minor, ended.returned_minor) == ("completed", 400, 600)

    async def test_are_decided_within_what_is_held(self, chamber: Chamber) -> None:
        row = await chamber.funded(1_000)
        with pytest.raises(EscrowNotPossible) as refused:
            await chamber.escrows.resolve(row.id, Ruling(1_000))
        assert refused.value.code == "escrow_not_disputed"
        await chamber.escrows.dispute(row.id)

        with pytest.raises(EscrowNotPossible) as refused:
            await chamber.escrows.resolve(row.id, Ruling(1_001))

        assert refused.value.code == "escrow_exceeded"
        with pytest.raises(InvalidEscrow):
            await chamber.escrows.resolve(row.id, Ruling(1_000, (1, 1)))

    async def test_texts_are_sealed_and_can_be_erased(self, chamber: Chamber) -> None:
        row = await chamber.funded(description="A chair for Asha")
        shown = await chamber.escrows.dispute(row.id, "It arrived broken")
        assert (shown.description, shown.dispute_reason) == (
            "A chair for Asha",
            "It arrived broken",
        )
        facts = str([fact.data for fact in await chamber.escrows.list_facts(row.id)])
        assert "Asha" not in facts
        assert "broken" not in facts

        await chamber.journal.erase(row.buyer_id)

        shown = await chamber.escrows.get(row.id)
        assert (shown.description, shown.dispute_reason) == (None, None)


class TestTheEndOfTime:
    @pytest.mark.parametrize(
        ("rule", "released_minor", "returned_minor"), [("release", 1_000, 0), ("return", 0, 1_000)]
    )
    async def test_carries_out_the_rule(
        self,
        chamber: Chamber,
        clock: HandClock,
        rule: str,
        released_minor: int,
        returned_minor: int,
    ) -> None:
        row = await chamber.funded(1_000, **ends(TOMORROW, rule))
        assert await chamber.escrows.time_out_due() == 0

        clock.advance(DAY)
        assert await chamber.escrows.time_out_due() == 1

        ended = await chamber.look(row)
        assert ended.status == "completed"
        assert (ended.released_minor, ended.returned_minor) == (released_minor, returned_minor)
        assert await chamber.is_closed(row)

    async def test_returns_what_was_never_wholly_funded(
        self, chamber: Chamber, clock: HandClock
    ) -> None:
        row = await chamber.opened(1_000, **ends(TOMORROW, "release"))
        await chamber.escrows.fund(row.id, 300)

        clock.advance(DAY)
        await chamber.escrows.time_out_due()

        assert (await chamber.look(row)).status == "cancelled"
        assert await chamber.balance(row.buyer_wallet_id) == FUNDS
        assert await chamber.is_closed(row)

    async def test_leaves_nothing_but_the_rule_even_before_the_job_ran(
        self, chamber: Chamber, clock: HandClock
    ) -> None:
        row = await chamber.funded(1_000, **ends(TOMORROW, "return"))
        clock.advance(DAY)

        for step in (chamber.escrows.release, chamber.escrows.give_back):
            with pytest.raises(EscrowNotPossible) as refused:
                await step(row.id)
            assert refused.value.code == "escrow_timed_out"

    async def test_is_recorded_once_by_however_many_workers(
        self, chamber: Chamber, database: Database, clock: HandClock
    ) -> None:
        buyer = await chamber.wallet("buyer", FUNDS)
        seller = Payee(await chamber.wallet("seller"))
        terms = {"buyer_wallet_id": buyer, "payees": (seller,), **ends(TOMORROW, "release")}
        rows = [await chamber.funded(100, **terms) for _ in range(10)]
        clock.advance(DAY)

        async with (
            open_chamber(database, clock) as second,
            open_chamber(database, clock) as third,
        ):
            for _ in range(3):
                await asyncio.gather(*(c.escrows.time_out_due() for c in (chamber, second, third)))

        assert await chamber.balance(rows[0].terms.recipients[0].account_id) == 1_000
        for row in rows:
            assert await chamber.kinds(row) == ["opened", "funded", "timed_out"]

    async def test_that_a_recipient_cannot_take_waits_longer_each_time(
        self, chamber: Chamber, clock: HandClock
    ) -> None:
        tier = await chamber.limit(balance_minor=999)
        small = Payee(await chamber.wallet("small", tier=tier))
        row = await chamber.funded(1_000, payees=(small,), **ends(TOMORROW, "release"))
        clock.advance(DAY)

        await chamber.escrows.time_out_due()
        first = await chamber.look(row)
        clock.advance(timedelta(minutes=1))
        await chamber.escrows.time_out_due()
        second = await chamber.look(row)

        assert (first.status, first.delays, first.due_at) == (
            "funded",
            1,
            TOMORROW + timedelta(minutes=1),
        )
        assert (second.delays, second.due_at) == (2, TOMORROW + timedelta(minutes=3))
        await chamber.limit(balance_minor=1_000)
        clock.advance(timedelta(minutes=2))
        await chamber.escrows.time_out_due()
        assert (await chamber.look(row)).status == "completed"
