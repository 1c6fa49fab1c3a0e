"""Fee plans on real books: which one holds, what a payment keeps of it, what moves by it."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from tallystick import books
from tallystick.books import PLATFORM, account_id, chart
from tallystick.journal import Refused, Told
from tallystick.journal.model import KeyReused
from tallystick.ledger import Freeze
from tallystick.money import UnknownCurrency
from tallystick.payments.errors import Invalid, NotFound, PaymentsError
from tallystick.payments.facts import Captured
from tallystick.payments.fees import FeePlanRow, FeePlanSet, FeeTerms
from tallystick.payments.fees.plans import FeePlans
from tallystick.payments.model import PaymentRow
from tallystick.payments.top_ups import find_top_ups
from tallystick.platform.timetable import run_due
from tests.payments.desk import Desk, a_key

pytestmark = pytest.mark.anyio
FULL = {"tax_bp": 1_800, "reserve_bp": 1_000, "reserve_days": 7, "on_refund": "returned"}


@pytest.fixture
def plans(desk: Desk) -> FeePlans:
    return desk.operations.fee_plans


async def set_plan(desk: Desk, percent_bp: int, **more: Any) -> FeePlanRow:
    """A plan of the desk's merchant in INR for any method, unless told otherwise."""
    plan = FeePlanSet(
        merchant_id=more.pop("merchant_id", desk.merchant.id),
        currency=more.pop("currency", "INR"),
        method=more.pop("method", "any"),
        percent_bp=percent_bp,
        fixed_minor=more.pop("fixed_minor", 0),
        valid_from=desk.clock.now() + more.pop("after", timedelta()),
        **more,
    )
    return (await desk.operations.fee_plans.set(plan)).row


async def fee_of(desk: Desk) -> int:
    return (await desk.pay(10_000)).fee_minor


async def balance(desk: Desk, code: str) -> int:
    owner = desk.merchant.id if code.startswith("merchant:") else PLATFORM
    return (await desk.balance(owner, code))[0]


async def reserved(desk: Desk) -> int:
    return await balance(desk, chart.reserve_code(desk.merchant.id, "INR"))


@pytest.mark.usefixtures("proven")
class TestWhichHolds:
    async def test_without_any_plan_the_merchants_first_terms(self, desk: Desk) -> None:
        assert await fee_of(desk) == 400

    async def test_its_own_goes_before_them(self, desk: Desk) -> None:
        await set_plan(desk, 200)
        assert await fee_of(desk) == 200

    async def test_the_methods_own_goes_before_any(self, desk: Desk) -> None:
        await set_plan(desk, 100, method="card")
        await set_plan(desk, 200)
        await set_plan(desk, 300, method="upi")
        assert await fee_of(desk) == 100

    async def test_the_platforms_is_for_who_has_no_terms(self, desk: Desk, plans: FeePlans) -> None:
        await set_plan(desk, 200, merchant_id=None)
        assert await fee_of(desk) == 400

        free = structs.replace(desk.merchant, fee_percent_bp=0, fee_fixed_minor=0)
        plans._recent.clear()
        assert (await plans.preview(free, 10_000, "INR", "card")).charge.fee_minor == 200
        assert (await plans.preview(free, 10_000, "JPY", "card")).terms == FeeTerms()

    async def test_one_of_another_currency_does_not_count(self, desk: Desk) -> None:
        await set_plan(desk, 200, currency="JPY")
        assert await fee_of(desk) == 400

    async def test_the_last_one_set_holds_of_two_from_one_instant(self, desk: Desk) -> None:
        await set_plan(desk, 200, after=timedelta(seconds=60))
        desk.clock.advance(timedelta(seconds=1))
        await set_plan(desk, 250, after=timedelta(seconds=59))
        desk.clock.advance(timedelta(seconds=60))
        assert await fee_of(desk) == 250

    async def test_one_to_come_holds_from_its_instant(self, desk: Desk) -> None:
        await set_plan(desk, 200, after=timedelta(hours=1))
        assert await fee_of(desk) == 400

        desk.clock.advance(timedelta(hours=1))
        assert await fee_of(desk) == 200

    async def test_one_from_yesterday_holds_from_now(self, desk: Desk) -> None:
        row = await set_plan(desk, 200, after=timedelta(days=-1))
        assert row.valid_from == desk.clock.now()

    async def test_a_top_up_of_a_users_wallet_is_free(self, desk: Desk) -> None:
        await set_plan(desk, 200, **FULL)
        row = await desk.pay(10_000, wallet_id=await desk.open_wallet())
        assert (row.fee_minor, row.fee_terms, row.charges) == (0, None, None)

    async def test_a_top_up_of_a_merchants_wallet_costs_what_any_payment_does(
        self, desk: Desk
    ) -> None:
        await set_plan(desk, 200, **FULL)
        usual = await desk.pay(10_000)
        row = await desk.pay(10_000, wallet_id=await desk.open_wallet("merchant"))
        assert (row.fee_minor, row.charges) == (usual.fee_minor, usual.charges)
        captured = await capture_of(desk, row)
        (top_up,) = await find_top_ups([captured], desk.operations.database)
        assert top_up is not None
        assert top_up.amount_minor == 10_000 - row.kept.total_minor

    async def test_what_the_fee_eats_whole_tops_up_nothing(self, desk: Desk) -> None:
        await set_plan(desk, 0, fixed_minor=300)
        row = await desk.pay(100, wallet_id=await desk.open_wallet("merchant"))
        assert row.fee_minor == 100
        captured = await capture_of(desk, row)
        assert await find_top_ups([captured], desk.operations.database) == (None,)

    async def test_a_wallet_that_is_not_there_saves_nobody_the_fee(self, desk: Desk) -> None:
        wallet, asked = await desk.open_wallet(), a_key()
        row = await desk.pay(10_000, wallet_id=wallet, asked=asked)

        for wrong, currency, code in (
            (row.id, "INR", "wallet_not_found"),
            (wallet, "JPY", "currency_mismatch"),
        ):
            with pytest.raises(PaymentsError) as refused:
                await desk.pay(10_000, wallet_id=wrong, currency=currency)
            assert refused.value.code == code
        assert (await desk.pay(10_000, wallet_id=wallet, asked=asked)).id == row.id


@pytest.mark.usefixtures("proven")
class TestWhatIsKept:
    async def test_a_later_plan_changes_no_payment_that_was_made(self, desk: Desk) -> None:
        await set_plan(desk, 200, fixed_minor=100, tax_bp=1_800)
        held = await desk.hold(10_000)
        await set_plan(desk, 1_000, tax_bp=0)

        first = await desk.capture(held, amount_minor=4_000)
        rest = await desk.capture(held)

        assert (first.fee_minor, first.charged.tax_minor) == (180, 32)
        assert (rest.fee_minor, rest.charged.tax_minor) == (300, 54)

    async def test_an_intent_is_charged_by_the_plan_of_its_confirmation(self, desk: Desk) -> None:
        wish = await desk.intents.create(desk.merchant, amount_minor=10_000, currency="INR")
        await set_plan(desk, 200)
        done = await desk.intents.confirm(desk.merchant, wish.row.id, payment_method="tok_visa")

        assert done.row.payment_id is not None
        assert (await desk.payments.get(done.row.payment_id)).row.fee_minor == 200

    async def test_fee_tax_and_reserve_go_to_their_accounts(self, desk: Desk) -> None:
        await set_plan(desk, 200, fixed_minor=300, **FULL)
        await desk.pay(10_000)

        assert (await desk.fees(), await balance(desk, chart.tax_code("INR"))) == (500, 90)
        assert (await reserved(desk), await desk.payable()) == (1_000, 8_410)
        assert await desk.clearing() == 10_000

    async def test_a_fee_that_takes_all_leaves_nothing_to_post_to_the_merchant(
        self, desk: Desk
    ) -> None:
        await set_plan(desk, 0, minimum_minor=50_000, **FULL)
        row = await desk.pay(11_800)

        assert (row.fee_minor, row.charged.tax_minor) == (10_000, 1_800)
        assert (await desk.payable(), await reserved(desk)) == (0, 0)


@pytest.mark.usefixtures("proven")
class TestReserves:
    async def test_are_released_when_their_days_are_over(self, desk: Desk) -> None:
        await set_plan(desk, 200, **FULL)
        await desk.pay(10_000)
        await wait(desk, timedelta(days=7) - timedelta(seconds=1))
        assert await reserved(desk) == 1_000
        before = await desk.payable()

        await wait(desk, timedelta(seconds=1))
        await wait(desk)

        assert (await reserved(desk), await desk.payable()) == (0, before + 1_000)

    async def test_one_that_cannot_be_paid_waits_a_day_and_keeps_nobody(self, desk: Desk) -> None:
        await set_plan(desk, 200, **FULL)
        await desk.pay(10_000)
        payable = account_id(desk.merchant.id, chart.payable_code(desk.merchant.id, "INR"))
        await freeze(desk, payable)

        await wait(desk, timedelta(days=7))
        assert await reserved(desk) == 1_000

        await freeze(desk, payable, frozen=False)
        await wait(desk)
        assert await reserved(desk) == 1_000
        await wait(desk, timedelta(days=1))
        assert await reserved(desk) == 0

    async def test_a_capture_that_goes_to_suspense_holds_none(self, desk: Desk) -> None:
        await set_plan(desk, 200, **FULL)
        await desk.operations.fee_plans.book_of(desk.merchant)
        reserve = account_id(desk.merchant.id, chart.reserve_code(desk.merchant.id, "INR"))
        await freeze(desk, reserve)

        row = await desk.pay(10_000)

        assert (row.status, row.fee_minor, row.charges) == ("captured", 0, None)
        assert await desk.suspense() == 10_000


async def wait(desk: Desk, after: timedelta = timedelta(seconds=61)) -> None:
    """Turn the clock and let the worker do what is due."""
    desk.clock.advance(after)
    assert not any(done.failed for done in await run_due(desk.recovery.jobs(60.0)))


async def capture_of(desk: Desk, row: PaymentRow) -> Told:
    """The one fact that says what was captured of a payment."""
    facts = await desk.operations.journal.facts_of(row.id)
    (captured,) = [fact for fact in facts if isinstance(fact.data, Captured)]
    return captured


async def freeze(desk: Desk, account: Any, *, frozen: bool = True) -> None:
    accounts = books.Accounts(desk.operations.journal, desk.clock)
    await accounts.freeze(Freeze(account, "all" if frozen else "no"))


@pytest.mark.usefixtures("proven")
class TestRefunds:
    async def test_the_fee_is_kept_unless_the_plan_says_otherwise(self, desk: Desk) -> None:
        await set_plan(desk, 200, tax_bp=1_800)
        await desk.pay(10_000)
        paid = await desk.pay(10_000)
        await desk.refund(paid)

        assert await desk.fees() == 400

    async def test_a_whole_refund_needs_no_more_than_the_payment_brought(self, desk: Desk) -> None:
        await set_plan(desk, 200, tax_bp=1_800, on_refund="returned")
        paid = await desk.pay(10_000)
        refund = await desk.refund(paid)

        assert refund.status == "succeeded"
        assert (refund.fee_minor, refund.tax_minor) == (200, 36)
        assert (await desk.fees(), await balance(desk, chart.tax_code("INR"))) == (0, 0)
        assert (await desk.payable(), await desk.clearing()) == (0, 0)

    async def test_parts_give_the_fee_back_in_proportion(self, desk: Desk) -> None:
        await set_plan(desk, 0, fixed_minor=100, on_refund="returned")
        paid = await desk.pay(10_000)
        backs = [(await desk.refund(paid, amount_minor=3_333)).fee_minor for _ in range(3)]
        backs.append((await desk.refund(paid)).fee_minor)

        assert backs == [33, 34, 33, 0]
        assert await desk.fees() == 0

    async def test_a_refund_that_fails_takes_the_fee_again(self, desk: Desk) -> None:
        await set_plan(desk, 200, tax_bp=1_800, on_refund="returned")
        await desk.pay(10_000)
        paid = await desk.pay(10_000)
        refund = await desk.refund(paid, amount_minor=4_202)  # the bank declines this amount

        assert refund.status == "failed"
        assert (await desk.look(paid)).fee_back.fee_minor == 0
        assert (await desk.fees(), await desk.payable()) == (400, 19_528)

    async def test_what_is_in_reserve_is_not_there_for_refunds(self, desk: Desk) -> None:
        await set_plan(desk, 200, **FULL)
        paid = await desk.pay(10_000)

        with pytest.raises(Refused) as refused:
            await desk.refund(paid)
        assert refused.value.code == "refund_exceeds_balance"
        assert (await desk.refund(paid, amount_minor=8_900)).status == "succeeded"

    async def test_suspense_pays_all_when_the_merchants_account_will_not(self, desk: Desk) -> None:
        await set_plan(desk, 200, tax_bp=1_800, on_refund="returned")
        paid = await desk.pay(10_000)
        late = await desk.refund(paid, amount_minor=4_250)  # the bank answers too late
        assert late.status == "pending"
        payable = account_id(desk.merchant.id, chart.payable_code(desk.merchant.id, "INR"))
        await freeze(desk, payable)

        await desk.recover()

        assert (await desk.refunds.get(late.id)).row.status == "succeeded"
        assert (await desk.suspense(), await desk.fees()) == (-4_250, 200)


class TestPlans:
    async def test_are_listed_the_latest_first_and_each_seen_by_its_owner(
        self, desk: Desk, plans: FeePlans
    ) -> None:
        default = await set_plan(desk, 100, merchant_id=None)
        desk.clock.advance(timedelta(seconds=1))
        own = await set_plan(desk, 200)

        assert await plans.list_plans() == (own, default)
        assert await plans.list_plans(limit=1, after=(own.set_at, own.id)) == (default,)
        assert await plans.list_plans(desk.merchant.id) == (own,)
        assert await plans.get(own.id, merchant_id=desk.merchant.id) == own
        with pytest.raises(NotFound):
            await plans.get(default.id, merchant_id=desk.merchant.id)

    async def test_a_repeat_is_answered_with_the_first_plan(
        self, desk: Desk, plans: FeePlans
    ) -> None:
        plan = FeePlanSet("INR", "any", desk.clock.now(), 200, 0, desk.merchant.id)
        asked = a_key()
        first = await plans.set(plan, asked=asked)
        again = await plans.set(plan, asked=asked)

        assert (again.row, again.replayed) == (first.row, True)
        with pytest.raises(KeyReused):
            await plans.set(plan, asked=a_key(asked.scope, asked.key, b"other"))

    @pytest.mark.parametrize(
        "fault",
        [
            *({name: -1} for name in ("percent_bp", "tax_bp", "reserve_bp")),
            *({name: 10_001} for name in ("percent_bp", "tax_bp", "reserve_bp")),
            *({name: -1} for name in ("fixed_minor", "minimum_minor", "cap_minor")),
            *({name: 10**15 + 1} for name in ("fixed_minor", "minimum_minor", "cap_minor")),
            {"minimum_minor": 100, "cap_minor": 99},
            {"reserve_bp": 1},
            {"reserve_days": 1},
            {"reserve_bp": 1, "reserve_days": -1},
            {"reserve_bp": 1, "reserve_days": 3_651},
            {"method": "cash"},
            {"on_refund": "doubled"},
        ],
    )
    async def test_what_cannot_be_is_refused(self, desk: Desk, fault: dict[str, Any]) -> None:
        with pytest.raises(Invalid) as refused:
            await set_plan(desk, **{"percent_bp": 100} | fault)
        assert refused.value.code == "invalid_fee_plan"

    async def test_a_currency_nobody_knows_is_refused(self, desk: Desk) -> None:
        with pytest.raises(UnknownCurrency):
            await set_plan(desk, 100, currency="XXX")
