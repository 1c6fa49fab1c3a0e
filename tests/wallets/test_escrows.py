"""Escrows: what is held moves only as agreed, nothing is lost, and the account ends at zero."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallystick.journal import Change, Refused
from tallystick.ledger import Freeze
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id
from tallystick.platform.postgres.pools import Database
from tallystick.wallets.escrows import EscrowWish, Payee
from tallystick.wallets.escrows.errors import (
    EscrowNotPossible,
    InvalidEscrow,
)
from tallystick.wallets.model import LimitExceeded, WalletNotFound, record_id_of
from tests.wallets.escrowing import (
    FUNDS,
    Chamber,
    ends,
    furnish,
    milestones,
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


class TestFunding:
    async def test_opening_moves_nothing(self, chamber: Chamber) -> None:
        row = await chamber.opened()

        assert (row.status, row.held_minor) == ("open", 0)
        assert await chamber.balance(row.buyer_wallet_id) == FUNDS
        assert await chamber.balance(row.account_id) == 0

    async def test_takes_the_whole_amount_or_parts_of_it(self, chamber: Chamber) -> None:
        row = await chamber.opened(1_000)

        first = (await chamber.escrows.fund(row.id, 400)).row
        last = (await chamber.escrows.fund(row.id)).row

        assert (first.status, first.held_minor) == ("open", 400)
        assert (last.status, last.held_minor) == ("funded", 1_000)
        assert await chamber.balance(row.account_id) == 1_000
        assert await chamber.balance(row.buyer_wallet_id) == FUNDS - 1_000

    async def test_never_takes_more_than_agreed(self, chamber: Chamber) -> None:
        row = await chamber.opened(1_000)
        await chamber.escrows.fund(row.id, 400)

        with pytest.raises(EscrowNotPossible) as refused:
            await chamber.escrows.fund(row.id, 601)

        assert refused.value.code == "escrow_exceeded"

    async def test_more_than_the_buyer_has_is_refused(self, chamber: Chamber) -> None:
        row = await chamber.opened(FUNDS + 1)

        with pytest.raises(Refused) as refused:
            await chamber.escrows.fund(row.id)

        assert refused.value.code == "insufficient_funds"
        assert (await chamber.look(row)).status == "open"

    async def test_counts_against_the_buyers_limits_until_it_comes_back(
        self, chamber: Chamber
    ) -> None:
        tier = await chamber.limit(daily_minor=1_000)
        buyer = await chamber.wallet("buyer", 5_000, tier)
        seller = Payee(await chamber.wallet("seller"))
        one = await chamber.funded(800, buyer_wallet_id=buyer, payees=(seller,))
        other = await chamber.opened(800, buyer_wallet_id=buyer, payees=(seller,))
        with pytest.raises(LimitExceeded):
            await chamber.escrows.fund(other.id)

        await chamber.escrows.give_back(one.id)

        assert (await chamber.escrows.fund(other.id)).row.status == "funded"

    async def test_what_comes_back_frees_the_day_on_which_it_left(
        self, chamber: Chamber, clock: HandClock
    ) -> None:
        row = await chamber.opened(1_000)
        await chamber.escrows.fund(row.id, 600)
        clock.advance(DAY)
        await chamber.escrows.fund(row.id)

        await chamber.escrows.give_back(row.id, 500)

        facts = await chamber.journal.facts_of(record_id_of(row.buyer_wallet_id))
        freed = [(f.data.day, f.data.amount_minor) for f in facts if f.kind == "wallet.returned"]
        today = clock.now().date()
        assert freed == [(today, 400), (today - DAY, 100)]


class TestReleasing:
    async def test_pays_the_recipient_and_ends_it(self, chamber: Chamber) -> None:
        row = await chamber.funded(1_000)

        ended = (await chamber.escrows.release(row.id)).row

        assert (ended.status, ended.released_minor, ended.held_minor) == ("completed", 1_000, 0)
        assert await chamber.balance(row.terms.recipients[0].account_id) == 1_000
        assert await chamber.is_closed(row)

    async def test_in_parts_splits_exactly_and_takes_the_fee_once(self, chamber: Chamber) -> None:
        merchant = await chamber.payable("shop")
        payees = (
            Payee(await chamber.wallet("seller"), share=2),
            Payee(merchant_id=merchant, share=1),
        )
        row = await chamber.funded(1_000, payees=payees, fee_percent_bp=250, fee_fixed_minor=10)

        for amount_minor in (333, 333, None):
            row = (await chamber.escrows.release(row.id, amount_minor)).row

        assert row.status == "completed"
        assert row.fee_minor == 25 + 10 == await chamber.fees()
        paid = [await chamber.balance(one.account_id) for one in row.terms.recipients]
        assert sum(paid) == 1_000 - 35
        assert tuple(paid) == row.progress.paid_minor
        assert await chamber.is_closed(row)

    async def test_of_milestones_goes_by_their_names(self, chamber: Chamber) -> None:
        row = await chamber.funded(1_000, parts=milestones(design=300, build=700))

        row = (await chamber.escrows.release(row.id, part="design")).row
        assert (row.held_minor, row.progress.released_parts) == (700, ("design",))

        for part, amount_minor, code in (
            ("design", None, "escrow_part_released"),
            ("paint", None, "escrow_part_unknown"),
            (None, 100, "invalid_escrow_terms"),
            ("build", 100, "invalid_escrow_terms"),
        ):
            with pytest.raises((EscrowNotPossible, InvalidEscrow)) as refused:
                await chamber.escrows.release(row.id, amount_minor, part=part)
            assert refused.value.code == code

        assert (await chamber.escrows.release(row.id, part="build")).row.status == "completed"

    async def test_never_exceeds_what_is_held(self, chamber: Chamber) -> None:
        row = await chamber.funded(1_000)
        await chamber.escrows.release(row.id, 600)

        with pytest.raises(EscrowNotPossible) as refused:
            await chamber.escrows.release(row.id, 401)

        assert refused.value.code == "escrow_exceeded"

    async def test_is_possible_only_once_all_is_there(self, chamber: Chamber) -> None:
        row = await chamber.opened(1_000)
        await chamber.escrows.fund(row.id, 999)

        with pytest.raises(EscrowNotPossible) as refused:
            await chamber.escrows.release(row.id, 1)

        assert refused.value.code == "escrow_not_funded"

    async def test_that_one_recipient_cannot_take_moves_nothing_at_all(
        self, chamber: Chamber
    ) -> None:
        tier = await chamber.limit(balance_minor=100)
        payees = (
            Payee(await chamber.wallet("seller")),
            Payee(await chamber.wallet("small", tier=tier)),
        )
        row = await chamber.funded(1_000, payees=payees)

        with pytest.raises(LimitExceeded):
            await chamber.escrows.release(row.id)

        assert (await chamber.look(row)).version == row.version
        assert await chamber.balance(row.account_id) == 1_000
        assert [await chamber.balance(one.account_id) for one in row.terms.recipients] == [0, 0]

    async def test_is_one_change_with_all_its_legs(self, chamber: Chamber) -> None:
        payees = (Payee(await chamber.wallet("seller")), Payee(await chamber.wallet("maker")))
        row = await chamber.funded(1_000, payees=payees, fee_percent_bp=100)

        await chamber.escrows.release(row.id)

        told = (await chamber.escrows.list_facts(row.id))[-1]
        legs = await chamber.ledger.list_entries_back(row.account_id, None, 10)
        posted = [leg.code for leg in legs if leg.transaction_id == told.data.posting_id]
        assert sorted(posted) == ["escrow_fee", "escrow_release", "escrow_release"]

    async def test_that_the_ledger_refuses_in_one_leg_leaves_no_trace(
        self, chamber: Chamber
    ) -> None:
        merchant = await chamber.payable("shop")
        payees = (Payee(await chamber.wallet("seller")), Payee(merchant_id=merchant))
        row = await chamber.funded(1_000, payees=payees, fee_percent_bp=100)
        _, shop = row.terms.recipients
        frozen = Change(new_id(chamber.clock.now(), 0), accounts=(Freeze(shop.account_id, "all"),))
        await chamber.journal.record(frozen)

        with pytest.raises(Refused) as refused:
            await chamber.escrows.release(row.id)

        assert refused.value.code == "account_frozen"
        assert await chamber.kinds(row) == ["opened", "funded"]
        assert await chamber.balance(row.account_id) == 1_000
        assert await chamber.balance(row.terms.recipients[0].account_id) == 0
        assert await chamber.fees() == 0


class TestGivingBack:
    async def test_returns_a_part_or_the_rest_to_the_buyer(self, chamber: Chamber) -> None:
        row = await chamber.funded(1_000, fee_percent_bp=1_000)
        await chamber.escrows.release(row.id, 300)

        part = (await chamber.escrows.give_back(row.id, 200)).row
        ended = (await chamber.escrows.give_back(row.id)).row

        assert (part.status, part.held_minor) == ("funded", 500)
        assert (ended.status, ended.returned_minor, ended.fee_minor) == ("completed", 700, 30)
        assert await chamber.balance(row.buyer_wallet_id) == FUNDS - 300
        assert await chamber.is_closed(row)

    async def test_cancelling_before_it_is_funded_returns_what_came_in(
        self, chamber: Chamber
    ) -> None:
        row = await chamber.opened(1_000)
        await chamber.escrows.fund(row.id, 400)

        ended = (await chamber.escrows.cancel(row.id)).row

        assert (ended.status, ended.returned_minor) == ("cancelled", 400)
        assert await chamber.balance(row.buyer_wallet_id) == FUNDS
        assert await chamber.is_closed(row)

    async def test_what_is_funded_is_not_cancelled(self, chamber: Chamber) -> None:
        row = await chamber.funded()

        with pytest.raises(EscrowNotPossible) as refused:
            await chamber.escrows.cancel(row.id)

        assert refused.value.code == "escrow_already_funded"


class TestTerms:
    @pytest.mark.parametrize(
        ("terms", "field"),
        [
            ({"amount_minor": 0}, "amount"),
            ({"amount_minor": 10**15 + 1}, "amount"),
            ({"parts": milestones(a=400, b=599)}, "parts"),
            ({"parts": milestones(a=1_100, b=-100)}, "parts"),
            ({"parts": (*milestones(a=500), *milestones(a=500))}, "parts"),
            ({"fee_percent_bp": 10_001}, "fee.basis_points"),
            ({"fee_fixed_minor": 1_001}, "fee.fixed_amount"),
            ({"times_out_at": TOMORROW}, "timeout"),
            (ends(TOMORROW, "keep"), "timeout.then"),
            (ends(TOMORROW - DAY, "return"), "timeout.at"),
            ({"payees": ()}, "recipients"),
        ],
    )
    async def test_that_cannot_be_are_refused_by_field(
        self, chamber: Chamber, terms: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(InvalidEscrow) as refused:
            await chamber.opened(**terms)

        assert refused.value.field == field

    async def test_need_parties_of_their_own(self, chamber: Chamber) -> None:
        buyer, seller = await chamber.wallet("buyer", FUNDS), await chamber.wallet("seller")
        nobody = chamber.owner("nobody")

        async def open_(error: type[Exception], *payees: Payee, **more: Any) -> None:
            wish = EscrowWish(
                buyer_wallet_id=buyer,
                payees=payees,
                amount_minor=1,
                currency="INR",
                **more,
            )
            with pytest.raises(error):
                await chamber.escrows.open(wish)

        await open_(InvalidEscrow, Payee(buyer))
        await open_(InvalidEscrow, Payee(seller), Payee(seller))
        await open_(InvalidEscrow, Payee(seller), arbiter_id=chamber.owner("buyer"))
        await open_(InvalidEscrow, Payee(merchant_id=nobody))
        await open_(WalletNotFound, Payee(nobody))
