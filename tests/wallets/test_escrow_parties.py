"""Escrows and those who pull at them: all at once, out of turn, or past the journal."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tallystick.journal.model import KeyReused
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Database, connect
from tallystick.wallets.escrows import EscrowsWanted, Payee
from tallystick.wallets.escrows.decisions import Ruling
from tallystick.wallets.escrows.errors import (
    EscrowNotFound,
    EscrowNotYours,
)
from tallystick.wallets.requests import Call
from tests.wallets.escrowing import (
    Chamber,
    furnish,
    key,
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


class TestSeveralAtOnce:
    async def test_releases_never_exceed_what_is_held(
        self, chamber: Chamber, database: Database, clock: HandClock
    ) -> None:
        row = await chamber.funded(1_000)

        async with open_chamber(database, clock) as second:
            tries = [
                c.escrows.release(row.id, 300, call=Call(asked=key()))
                for c in (chamber, second)
                for _ in range(4)
            ]
            ends_ = await asyncio.gather(*tries, return_exceptions=True)

        refused = [end for end in ends_ if isinstance(end, BaseException)]
        assert len(refused) == 5
        assert {getattr(end, "code", end) for end in refused} == {"escrow_exceeded"}
        assert await chamber.balance(row.account_id) == 100

    async def test_a_release_and_a_return_do_not_both_get_the_rest(
        self, chamber: Chamber, database: Database, clock: HandClock
    ) -> None:
        row = await chamber.funded(1_000)

        async with open_chamber(database, clock) as second:
            ends_ = await asyncio.gather(
                chamber.escrows.release(row.id),
                second.escrows.give_back(row.id),
                return_exceptions=True,
            )

        codes = [getattr(end, "code", None) for end in ends_]
        assert sorted(codes, key=str) == [None, "escrow_ended"]
        assert await chamber.is_closed(row)

    async def test_a_key_that_comes_again_is_answered_as_it_was(self, chamber: Chamber) -> None:
        row = await chamber.funded(1_000)
        call = Call(asked=key("once"))

        first = await chamber.escrows.release(row.id, 300, call=call)
        await chamber.escrows.release(row.id)
        again = await chamber.escrows.release(row.id, 300, call=call)

        assert (first.replayed, again.replayed) == (False, True)
        assert first.row == again.row
        with pytest.raises(KeyReused):
            await chamber.escrows.release(row.id, call=Call(asked=key("once", "other")))


class TestParties:
    async def test_each_step_is_for_whom_it_costs(self, chamber: Chamber) -> None:
        row = await chamber.funded(1_000, arbiter_id=chamber.owner("arbiter"))
        escrows = chamber.escrows

        for step, name in (
            (escrows.release, "seller"),
            (escrows.release, "arbiter"),
            (escrows.give_back, "buyer"),
            (escrows.give_back, "arbiter"),
            (escrows.fund, "seller"),
            (escrows.withdraw_dispute, "buyer"),
        ):
            with pytest.raises(EscrowNotYours):
                await step(row.id, call=chamber.by(name))
        await escrows.release(row.id, 100, call=chamber.by("buyer"))
        await escrows.give_back(row.id, 100, call=chamber.by("seller"))
        await escrows.dispute(row.id, call=chamber.by("seller"))
        with pytest.raises(EscrowNotYours):
            await escrows.resolve(row.id, Ruling(0), call=chamber.by("buyer"))

        ended = await escrows.resolve(row.id, Ruling(0), call=chamber.by("arbiter"))

        assert ended.row.status == "completed"

    async def test_one_of_several_recipients_cannot_return_for_all(self, chamber: Chamber) -> None:
        payees = (Payee(await chamber.wallet("seller")), Payee(await chamber.wallet("maker")))
        row = await chamber.funded(1_000, payees=payees)

        with pytest.raises(EscrowNotYours):
            await chamber.escrows.give_back(row.id, call=chamber.by("seller"))

    async def test_strangers_see_nothing(self, chamber: Chamber) -> None:
        row = await chamber.funded(1_000)
        stranger = chamber.by("stranger")

        for step in (chamber.escrows.release, chamber.escrows.fund, chamber.escrows.dispute):
            with pytest.raises(EscrowNotFound):
                await step(row.id, call=stranger)
        with pytest.raises(EscrowNotFound):
            await chamber.escrows.get(row.id, merchant_id=stranger.merchant_id)
        wanted = EscrowsWanted(party_id=stranger.merchant_id)
        assert await chamber.escrows.list_escrows(wanted) == ()
        own = EscrowsWanted(party_id=chamber.owner("seller"))
        assert [one.row.id for one in await chamber.escrows.list_escrows(own)] == [row.id]


@pytest.mark.parametrize(
    ("tampering", "check"),
    [
        ("UPDATE escrows SET funded_minor = 401", "escrows_hold_what_they_say"),
        ("UPDATE escrows SET account_id = buyer_wallet_id", "escrows_stand_as_accounts"),
        ("UPDATE escrows SET account_id = buyer_wallet_id", "escrow_accounts_have_escrows"),
        ("UPDATE escrows SET status = 'cancelled', funded_minor = 0", "escrow_transitions"),
        (
            """UPDATE escrows SET progress_json = progress_json || '{"paid_minor": [1]}'""",
            "escrows_paid_whom_they_say",
        ),
    ],
)
async def test_a_row_that_was_tampered_with_is_found(
    database: Database, clock: HandClock, owner_address: Address, tampering: str, check: str
) -> None:
    async with open_chamber(database, clock) as chamber:
        await furnish(chamber)
        row = await chamber.opened(1_000)
        await chamber.escrows.fund(row.id, 400)
        assert await chamber.prove() == {}

        owner = await connect(owner_address, server_settings={"search_path": owner_address.schema})
        await owner.execute(tampering)
        await owner.close()

        assert check in await chamber.prove()
