"""Money that leaves: reserved first, asked for once, and its end learned from the bank itself."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from tallystick.journal import JournalError, Refused
from tallystick.rails import Outcome, Rails, Unanswered
from tallystick.rails import payouts as ways
from tallystick.wallets.model import LimitExceeded, WalletNotFound
from tallystick.wallets.payouts import Payouts, PayoutTimes
from tallystick.wallets.payouts.errors import (
    InvalidDestination,
    PayoutError,
    PayoutNotFound,
    PayoutRouteMissing,
)
from tests.wallets.payouts.desk import ACCOUNT, PayoutDesk, a_key, upi

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("payouts_proven")]

DAY = timedelta(days=1)


@dataclass(frozen=True)
class DeafRails(Rails):
    """No bank answers, and four have asked before anybody knows that."""

    everybody: asyncio.Barrier = field(default_factory=lambda: asyncio.Barrier(4))

    async def find_payout(self, route: str, reference: str) -> Outcome:
        await self.everybody.wait()
        return Unanswered("line_down")


class TestPaid:
    @pytest.mark.parametrize("to", [ACCOUNT, upi()], ids=["account", "upi"])
    async def test_money_leaves_the_wallet_for_the_rail(
        self, payout_desk: PayoutDesk, to: ways.Destination
    ) -> None:
        shown = await payout_desk.pay_out(10_000, to)

        assert shown.row.status == "paid"
        assert await payout_desk.holds() == (490_000, 0)
        assert await payout_desk.clearing() == 10_000
        assert await payout_desk.bank_paid(shown.row) == ["paid"]

    async def test_money_leaves_what_is_owed_to_a_merchant(self, payout_desk: PayoutDesk) -> None:
        merchant = payout_desk.merchant.id

        shown = await payout_desk.pay_out(40_000, merchant_id=merchant, currency="INR")

        assert (shown.row.status, shown.row.source) == ("paid", "merchant")
        assert await payout_desk.holds(payout_desk.payable()) == (460_000, 0)

    async def test_only_the_end_of_the_destination_is_shown(self, payout_desk: PayoutDesk) -> None:
        account, by_upi = await payout_desk.pay_out(), await payout_desk.pay_out(to=upi())

        assert (account.mask, by_upi.mask) == ("...5678", "...a@sandbox")
        for fact in await payout_desk.journal.facts_of(account.row.id):
            assert "50100012345678" not in repr(fact)
            assert "Asha" not in repr(fact)

    async def test_the_destination_is_gone_with_its_owners_key(
        self, payout_desk: PayoutDesk
    ) -> None:
        shown = await payout_desk.pay_out()
        await payout_desk.journal.erase(shown.row.owner_id)

        again = await payout_desk.payouts.get(shown.row.id)

        assert (again.row.status, again.mask, again.name) == ("paid", None, None)


class TestRefused:
    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("account_closed", "payee_account_closed"),
            ("other_name", "payee_name_mismatch"),
            ("pending_then_refused", "payee_account_closed"),
        ],
    )
    async def test_by_the_bank_gives_the_money_back(
        self, payout_desk: PayoutDesk, name: str, code: str
    ) -> None:
        shown = await payout_desk.pay_out(to=upi(name))
        await payout_desk.recover()

        row = await payout_desk.look(shown)
        assert (row.status, row.failure_code, row.due_at) == ("failed", code, None)
        assert await payout_desk.holds() == (500_000, 0)
        assert await payout_desk.clearing() == 0

    async def test_it_does_not_count_as_spent(self, payout_desk: PayoutDesk) -> None:
        for _ in range(3):
            await payout_desk.pay_out(400_000, upi("account_closed"))

        assert (await payout_desk.pay_out(400_000)).row.status == "paid"

    async def test_for_want_of_money_nothing_is_asked(self, payout_desk: PayoutDesk) -> None:
        with pytest.raises(Refused) as refused:
            await payout_desk.pay_out(500_001)

        assert refused.value.code == "insufficient_funds"
        assert await payout_desk.payouts.list_payouts(None) == []

    async def test_beyond_the_wallets_limit_nothing_is_asked(self, payout_desk: PayoutDesk) -> None:
        await payout_desk.fund(payout_desk.wallet, 900_000)
        await payout_desk.pay_out(900_000)

        with pytest.raises(LimitExceeded) as refused:
            await payout_desk.pay_out(100_001)
        assert refused.value.code == "daily_limit_exceeded"

    async def test_at_once_the_limit_still_holds(self, payout_desk: PayoutDesk) -> None:
        await payout_desk.fund(payout_desk.wallet, 5_000_000)

        ends = await asyncio.gather(
            *[payout_desk.pay_out(300_000) for _ in range(6)], return_exceptions=True
        )

        assert sum(isinstance(end, LimitExceeded) for end in ends) == 3
        assert (await payout_desk.holds())[0] == 5_500_000 - 900_000

    async def test_another_owners_wallet_is_not_there(self, payout_desk: PayoutDesk) -> None:
        with pytest.raises(WalletNotFound):
            await payout_desk.pay_out(
                wallet_id=payout_desk.wallet, owner_id=payout_desk.merchant.id
            )
        shown = await payout_desk.pay_out()
        with pytest.raises(PayoutNotFound):
            await payout_desk.payouts.get(shown.row.id, owner_id=payout_desk.merchant.id)

    async def test_where_no_route_pays_so_much_nothing_is_asked(
        self, payout_desk: PayoutDesk
    ) -> None:
        with pytest.raises(PayoutRouteMissing):
            await payout_desk.pay_out(10**9, merchant_id=payout_desk.merchant.id, currency="INR")

    @pytest.mark.parametrize(
        ("to", "field"),
        [
            (ways.BankAccount("50100012345678", "Asha", "HDFC1000123"), "ifsc"),
            (ways.BankAccount("5010001234567A", "Asha", "HDFC0000123"), "account_number"),
            (ways.BankAccount("501000", "Asha"), "account_number"),
            (ways.BankAccount("DE89370400440532013001", "Asha"), "account_number"),
            (ways.UpiId("asha", "Asha"), "upi_id"),
            (ways.UpiId("asha@ok bank", "Asha"), "upi_id"),
            (ways.UpiId("asha@okbank", " "), "name"),
            (ways.UpiId("asha@okbank", "As\nha"), "name"),
        ],
        ids=str,
    )
    async def test_a_destination_that_cannot_be_is_named(
        self, payout_desk: PayoutDesk, to: ways.Destination, field: str
    ) -> None:
        with pytest.raises(InvalidDestination) as refused:
            await payout_desk.pay_out(to=to)
        assert refused.value.field == field

    async def test_a_good_iban_is_an_account(self, payout_desk: PayoutDesk) -> None:
        to = ways.BankAccount("DE89370400440532013000", "Asha")

        assert (await payout_desk.pay_out(to=to)).row.status == "paid"


class TestReturned:
    async def test_money_comes_home_once_with_its_reason(self, payout_desk: PayoutDesk) -> None:
        shown = await payout_desk.pay_out(10_000, upi("returned_closed"))
        assert shown.row.status == "paid"

        await payout_desk.recover()
        for _ in range(3):
            await payout_desk.recover(DAY)

        row = await payout_desk.look(shown)
        assert (row.status, row.failure_code) == ("returned", "payee_account_closed")
        assert await payout_desk.holds() == (500_000, 0)
        assert await payout_desk.clearing() == 0
        kinds = [fact.kind for fact in await payout_desk.journal.facts_of(row.id)]
        assert kinds.count("payout.returned") == 1

    async def test_before_anybody_knew_it_was_paid_tells_both(
        self, payout_desk: PayoutDesk
    ) -> None:
        shown = await payout_desk.pay_out(10_000, upi("pending_then_returned"))
        assert shown.row.status == "sent"

        await payout_desk.recover()

        kinds = [fact.kind for fact in await payout_desk.journal.facts_of(shown.row.id)]
        assert kinds == ["payout.created", "payout.sent", "payout.paid", "payout.returned"]
        assert await payout_desk.holds() == (500_000, 0)

    async def test_to_a_wallet_that_takes_nothing_it_waits_in_suspense(
        self, payout_desk: PayoutDesk
    ) -> None:
        shown = await payout_desk.pay_out(10_000, upi("returned_closed"))
        await payout_desk.wallets.freeze(payout_desk.wallet, "all")

        await payout_desk.recover()

        row = await payout_desk.look(shown)
        assert (row.status, row.booked_to) == ("returned", "suspense")
        assert (await payout_desk.suspense(), await payout_desk.clearing()) == (10_000, 0)

    async def test_by_many_lookers_at_once_it_is_reversed_once(
        self, payout_desk: PayoutDesk
    ) -> None:
        shown = await payout_desk.pay_out(10_000, upi("returned_closed"))
        payout_desk.clock.advance(timedelta(seconds=61))
        await asyncio.sleep(0.02)

        await asyncio.gather(*[payout_desk.payouts.look(shown.row.id) for _ in range(6)])

        assert (await payout_desk.look(shown)).status == "returned"
        assert await payout_desk.holds() == (500_000, 0)

    async def test_a_look_without_an_answer_does_not_end_the_watch(
        self, payout_desk: PayoutDesk
    ) -> None:
        shown = await payout_desk.pay_out(10_000)
        beats = payout_desk.payouts.beats
        async with Rails.open([], timeout_ms=100) as nobody:
            deaf = Payouts(replace(beats, rails=nobody))
            payout_desk.clock.advance(timedelta(days=6))
            await deaf.look(shown.row.id)

        row = await payout_desk.look(shown)
        assert (row.status, row.due_at is None) == ("paid", False)
        await payout_desk.recover(timedelta(days=1))
        assert (await payout_desk.look(shown)).due_at is None

    async def test_a_payout_that_stays_paid_is_watched_for_five_days_and_then_let_go(
        self, payout_desk: PayoutDesk
    ) -> None:
        shown = await payout_desk.pay_out()
        for _ in range(8):
            await payout_desk.recover(DAY)

        row = await payout_desk.look(shown)
        assert (row.status, row.due_at) == ("paid", None)
        assert row.checks < 10


class TestUnanswered:
    @pytest.mark.parametrize("name", ["slow", "pay_then_drop", "pay_then_500", "wrong_schema"])
    async def test_what_was_paid_is_found_by_our_reference(
        self, payout_desk: PayoutDesk, name: str
    ) -> None:
        shown = await payout_desk.pay_out(10_000, upi(name))
        assert (shown.row.status, shown.row.unknown) == ("pending", True)
        assert await payout_desk.holds() == (500_000, 10_000)

        await payout_desk.recover()

        assert (await payout_desk.look(shown)).status == "paid"
        assert await payout_desk.holds() == (490_000, 0)
        assert await payout_desk.bank_paid(shown.row) == ["paid"]

    @pytest.mark.parametrize("name", ["drop_before", "500", "429", "html"])
    async def test_what_never_arrived_is_asked_again_under_the_same_reference(
        self, payout_desk: PayoutDesk, name: str
    ) -> None:
        shown = await payout_desk.pay_out(10_000, upi(name))
        assert await payout_desk.bank_paid(shown.row) == []

        await payout_desk.recover()

        assert (await payout_desk.look(shown)).status == "paid"
        assert await payout_desk.bank_paid(shown.row) == ["paid"]

    async def test_not_found_is_not_believed_before_its_time(self, payout_desk: PayoutDesk) -> None:
        times = PayoutTimes(provider_settle_ms=300_000)
        beats = replace(payout_desk.payouts.beats, times=times)
        patient = replace(payout_desk, payouts=Payouts(beats))
        shown = await patient.pay_out(10_000, upi("drop_before"))

        await patient.recover()

        row = await payout_desk.look(shown)
        assert (row.status, row.unknown) == ("pending", True)
        assert await payout_desk.bank_paid(row) == []

    async def test_several_workers_who_look_at_once_are_one_look(
        self, payout_desk: PayoutDesk
    ) -> None:
        shown = await payout_desk.pay_out(10_000, upi("slow"))
        rails = payout_desk.payouts.beats.rails
        deaf = Payouts(
            replace(payout_desk.payouts.beats, rails=DeafRails(rails.routes, rails.providers))
        )
        payout_desk.clock.advance(timedelta(seconds=60))

        await asyncio.gather(*[deaf.look_at_due() for _ in range(4)])

        row = await payout_desk.look(shown)
        assert (row.checks, row.due_at) == (2, row.updated_at + timedelta(seconds=300))

    async def test_what_is_decided_later_is_sent_and_then_paid(
        self, payout_desk: PayoutDesk
    ) -> None:
        shown = await payout_desk.pay_out(10_000, upi("pending"))
        assert shown.row.status == "sent"

        await payout_desk.recover()

        assert (await payout_desk.look(shown)).status == "paid"

    async def test_paid_out_of_a_wallet_that_was_stopped_meanwhile_is_in_the_books(
        self, payout_desk: PayoutDesk
    ) -> None:
        shown = await payout_desk.pay_out(10_000, upi("pay_then_drop"))
        await payout_desk.wallets.freeze(payout_desk.wallet, "all")

        await payout_desk.recover()

        row = await payout_desk.look(shown)
        assert (row.status, row.booked_to) == ("paid", "suspense")
        assert (await payout_desk.suspense(), await payout_desk.clearing()) == (-10_000, 10_000)
        assert await payout_desk.holds() == (500_000, 0)


class TestRepeats:
    async def test_the_same_key_pays_once_and_answers_alike(self, payout_desk: PayoutDesk) -> None:
        key = a_key()

        first = await payout_desk.pay_out(asked=key)
        again = await payout_desk.pay_out(asked=key)

        assert (again.row, again.replayed) == (first.row, True)
        assert await payout_desk.holds() == (490_000, 0)

    async def test_at_once_they_are_one(self, payout_desk: PayoutDesk) -> None:
        key = a_key()

        said = await asyncio.gather(*[payout_desk.pay_out(asked=key) for _ in range(8)])

        assert len({shown.row.id for shown in said}) == 1
        assert await payout_desk.holds() == (490_000, 0)

    async def test_the_answer_stays_when_the_payout_goes_on(self, payout_desk: PayoutDesk) -> None:
        key = a_key()
        first = await payout_desk.pay_out(to=upi("returned_closed"), asked=key)
        await payout_desk.recover()

        again = await payout_desk.pay_out(to=upi("returned_closed"), asked=key)

        assert again.row == first.row
        assert (await payout_desk.look(first)).status == "returned"

    async def test_another_wish_under_the_key_is_refused(self, payout_desk: PayoutDesk) -> None:
        key = a_key("one")
        await payout_desk.pay_out(asked=key)

        with pytest.raises(JournalError) as refused:
            await payout_desk.pay_out(20_000, asked=a_key("one", b'{"amount":20000}'))
        assert refused.value.code == "idempotency_key_reused"

    async def test_a_refusal_is_remembered(self, payout_desk: PayoutDesk) -> None:
        key = a_key()
        with pytest.raises(Refused):
            await payout_desk.pay_out(500_001, asked=key)
        await payout_desk.fund(payout_desk.wallet, 100_000)

        with pytest.raises(Refused) as again:
            await payout_desk.pay_out(500_001, asked=key)
        assert again.value.code == "insufficient_funds"


async def test_errors_have_codes_of_their_own() -> None:
    assert {error.code for error in PayoutError.__subclasses__()} == {
        "payout_not_found",
        "invalid_destination",
        "route_unavailable",
        "payout_busy",
        "payout_in_doubt",
        "payout_not_cancellable",
        "illegal_transition",
    }
