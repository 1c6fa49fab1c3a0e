"""Wallet transfers: money moves once, within both wallets' limits, and the books say the same."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tallystick.journal import Refused
from tallystick.journal.model import KeyReused
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.model import LimitExceeded, NotPossible, WalletNotFound
from tallystick.wallets.transfers.errors import TransferDiffers, TransferNotFound
from tallystick.wallets.transfers.folds import WalletTransferRow
from tallystick.wallets.transfers.store import Wanted
from tests.wallets.sending import Office, asked, furnish, open_office, terms

pytestmark = pytest.mark.anyio


@pytest.fixture
async def office(database: Database, clock: HandClock) -> AsyncIterator[Office]:
    async with open_office(database, clock) as office:
        await furnish(office)
        yield office
        assert await office.prove() == {}


class TestSending:
    async def test_money_leaves_one_wallet_and_reaches_the_other(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")

        row = await office.send(alice, bob, 300)

        assert (row.status, row.amount_minor, row.credited_minor) == ("completed", 300, 300)
        assert row.created_at == office.clock.now()
        assert await office.balance(alice) == 700
        assert await office.balance(bob) == 300

    async def test_what_is_answered_is_what_is_on_record(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")

        row = await office.send(alice, bob, 300)

        assert await office.transfers.get(row.id) == row

    async def test_more_than_is_there_is_refused(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")

        with pytest.raises(Refused) as refused:
            await office.send(alice, bob, 1_001)

        assert refused.value.code == "insufficient_funds"
        assert await office.transfers.list_transfers(Wanted()) == ()

    async def test_what_was_refused_may_be_asked_again_by_another_key(self, office: Office) -> None:
        alice, bob = await office.wallet("alice"), await office.wallet("bob")
        with pytest.raises(Refused):
            await office.send(alice, bob, 300, asked=asked("first"))
        await office.fund(alice, 300)

        with pytest.raises(Refused):
            await office.send(alice, bob, 300, asked=asked("first"))
        row = await office.send(alice, bob, 300, asked=asked("second"))

        assert row.status == "completed"

    async def test_a_wallet_cannot_pay_itself(self, office: Office) -> None:
        alice = await office.wallet("alice", 1_000)

        with pytest.raises(Refused) as refused:
            await office.send(alice, alice, 1)

        assert refused.value.code == "same_account"

    async def test_the_currency_is_that_of_both_wallets(self, office: Office) -> None:
        alice = await office.wallet("alice", 1_000)
        bob = await office.wallet("bob", currency="USD")

        for payer, payee, currency in ((alice, bob, "INR"), (bob, alice, "INR")):
            wish = replace(terms(payer, payee, 1), currency=currency)
            with pytest.raises(Refused) as refused:
                await office.transfers.send(wish)
            assert refused.value.code == "currency_mismatch"

    async def test_a_wallet_that_is_not_there_neither_pays_nor_is_paid(
        self, office: Office
    ) -> None:
        alice = await office.wallet("alice", 1_000)
        nobody = office.owner("nobody")

        for payer, payee in ((alice, nobody), (nobody, alice)):
            with pytest.raises(WalletNotFound):
                await office.send(payer, payee, 1)


class TestTheSameTransferAgain:
    async def test_is_answered_as_before_and_moves_nothing(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")

        first = await office.transfers.send(terms(alice, bob, 300), asked=asked("one"))
        again = await office.transfers.send(terms(alice, bob, 300), asked=asked("two"))
        same_key = await office.transfers.send(terms(alice, bob, 300), asked=asked("one"))

        assert (first.replayed, again.replayed, same_key.replayed) == (False, True, True)
        assert first.row == again.row == same_key.row
        assert await office.balance(bob) == 300

    async def test_with_other_fields_is_told_which(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        carol = await office.wallet("carol")
        await office.send(alice, bob, 300)

        with pytest.raises(TransferDiffers) as differs:
            await office.send(alice, carol, 301)

        assert differs.value.fields == ("to_wallet_id", "amount_minor")
        assert differs.value.code == "idempotency_key_reused"

    async def test_a_key_that_stood_for_another_transfer_is_told_so(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        await office.send(alice, bob, 300, "rent", asked=asked("key", "rent"))

        with pytest.raises(TransferDiffers) as differs:
            await office.send(alice, bob, 300, "food", asked=asked("key", "food"))

        assert differs.value.fields == ("transfer_id",)

    async def test_a_key_that_was_refused_does_not_stand_for_another_transfer(
        self, office: Office
    ) -> None:
        alice, bob = await office.wallet("alice"), await office.wallet("bob")
        with pytest.raises(Refused):
            await office.send(alice, bob, 300, asked=asked("key", "rent"))

        with pytest.raises(KeyReused):
            await office.send(alice, bob, 200, asked=asked("key", "food"))

    async def test_is_known_by_its_key_for_as_long_as_keys_are_kept(self, office: Office) -> None:
        """Claims are forgotten by the age of their subject, a part of them each minute."""
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        await office.send(alice, bob, 300, "rent", asked=asked("key", "rent"))
        claim_id = asked("key").claim(alice).id
        minute = claim_id.bytes[0] - int(office.clock.now().timestamp() // 60)

        await office.journal.forget_claims(office.clock.now() + timedelta(minutes=minute % 256))

        assert await office.journal.find_claim(claim_id) is not None

    async def test_at_once_happens_once(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        wish = terms(alice, bob, 300)

        sent = await asyncio.gather(
            *(office.transfers.send(wish, asked=asked(f"key {n}")) for n in range(8))
        )

        assert len({one.row.id for one in sent}) == 1
        assert [one.replayed for one in sent].count(False) == 1
        assert await office.balance(bob) == 300

    async def test_two_requesters_may_use_the_same_name(self, office: Office) -> None:
        shop = office.owner("shop")
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        till = await office.wallet("shop", 1_000, owner_kind="merchant")

        one = await office.send(alice, bob, 300)
        other = await office.send(till, bob, 200, merchant_id=shop)

        assert one.id != other.id
        assert await office.balance(bob) == 500


class TestMerchants:
    async def test_pay_from_their_own_wallets_only(self, office: Office) -> None:
        shop = office.owner("shop")
        alice = await office.wallet("alice", 1_000)
        till = await office.wallet("shop", owner_kind="merchant")

        with pytest.raises(WalletNotFound):
            await office.send(alice, till, 300, merchant_id=shop)

    async def test_see_what_they_paid_and_were_paid_and_nothing_else(self, office: Office) -> None:
        shop = office.owner("shop")
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        till = await office.wallet("shop", 1_000, owner_kind="merchant")
        paid = await office.send(till, bob, 1, "paid", merchant_id=shop)
        was_paid = await office.send(alice, till, 2, "was paid")
        strange = await office.send(alice, bob, 3, "strange")

        seen = await office.transfers.list_transfers(Wanted(), merchant_id=shop)

        assert {row.id for row in seen} == {paid.id, was_paid.id}
        assert await office.transfers.get(was_paid.id, merchant_id=shop) == was_paid
        with pytest.raises(TransferNotFound):
            await office.transfers.get(strange.id, merchant_id=shop)
        named = Wanted(wallet_id=alice)
        assert await office.transfers.list_transfers(named, merchant_id=shop) == ()


class TestLimits:
    async def test_of_the_paying_wallet_hold(self, office: Office) -> None:
        tier = await office.limit(daily_minor=500)
        alice, bob = await office.wallet("alice", 1_000, tier=tier), await office.wallet("bob")
        await office.send(alice, bob, 400, "first")

        with pytest.raises(LimitExceeded) as refused:
            await office.send(alice, bob, 101, "second")
        await office.send(alice, bob, 100, "third")

        assert refused.value.code == "daily_limit_exceeded"

    async def test_of_the_paid_wallet_hold(self, office: Office) -> None:
        tier = await office.limit(balance_minor=500)
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob", tier=tier)
        await office.send(alice, bob, 400, "first")

        with pytest.raises(LimitExceeded) as refused:
            await office.send(alice, bob, 101, "second")
        await office.send(alice, bob, 100, "third")

        assert refused.value.code == "balance_limit_exceeded"

    async def test_hold_however_many_ask_at_once(self, office: Office) -> None:
        tier = await office.limit(daily_minor=500)
        alice, bob = await office.wallet("alice", 9_000, tier=tier), await office.wallet("bob")

        outcomes = await asyncio.gather(
            *(office.send(alice, bob, 100, f"part {n}") for n in range(9)),
            return_exceptions=True,
        )

        assert sum(isinstance(outcome, LimitExceeded) for outcome in outcomes) == 4
        assert await office.balance(bob) == 500

    async def test_a_frozen_wallet_pays_nobody(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        await office.wallets.freeze(alice, "outflow")

        with pytest.raises(NotPossible) as refused:
            await office.send(alice, bob, 1)

        assert refused.value.code == "wallet_frozen"
        await office.send(await office.wallet("carol", 10), alice, 1, "to the frozen one")


class TestPages:
    async def test_lead_through_everything_once_latest_first(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob", 1_000)
        sent = []
        for number in range(7):
            payer, payee = (alice, bob) if number % 2 else (bob, alice)
            sent.append(await office.send(payer, payee, 1, f"n{number}"))

        for merchant_id, wallet_id in ((None, None), (None, alice)):
            met: list[WalletTransferRow] = []
            after = None
            while page := await office.transfers.list_transfers(
                Wanted(wallet_id=wallet_id, after=after, limit=3), merchant_id=merchant_id
            ):
                met += page
                after = (page[-1].created_at, page[-1].id)
            assert sorted(met, key=lambda row: (row.created_at, row.id), reverse=True) == met
            assert {row.id for row in met} == {row.id for row in sent}
            assert len(met) == 7

    async def test_may_show_one_transfer_by_its_name(self, office: Office) -> None:
        alice, bob = await office.wallet("alice", 1_000), await office.wallet("bob")
        row = await office.send(alice, bob, 1, "rent")

        assert await office.transfers.list_transfers(Wanted(transfer_id="rent")) == (row,)
        assert await office.transfers.list_transfers(Wanted(transfer_id="food")) == ()


async def test_opposite_transfers_at_once_never_deadlock(
    office: Office, database: Database, clock: HandClock
) -> None:
    """Two processes, by their journals, move money both ways between the same wallets."""
    wallets = [await office.wallet(name, 10_000) for name in ("alice", "bob", "carol")]
    pairs = [(one, other) for one in wallets for other in wallets if one != other]

    async with open_office(database, clock) as second:
        outcomes = await asyncio.gather(
            *(
                place.send(payer, payee, 7, f"{name} {number} {index}")
                for name, place in (("first", office), ("second", second))
                for number in range(8)
                for index, (payer, payee) in enumerate(pairs)
            ),
            return_exceptions=True,
        )

    assert [one for one in outcomes if isinstance(one, BaseException)] == []
    assert [await office.balance(wallet) for wallet in wallets] == [10_000] * 3
    deadlocks = await database.fetchval(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    assert deadlocks == 0
