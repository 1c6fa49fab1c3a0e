"""What every provider that pays out promises, whoever it speaks to."""

import itertools
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tallystick.platform.clock import HandClock
from tallystick.rails import Approved, Declined, NotFound, Pending, Rails, Unanswered, payouts
from tallystick.rails.model import Outcome
from tallystick.sandbox import BankBook, Sandbox

pytestmark = pytest.mark.anyio

_numbers = itertools.count(1)
REFUSALS = [
    ("account_closed", "payee_account_closed"),
    ("no_such_account", "payee_account_invalid"),
    ("other_name", "payee_name_mismatch"),
    ("over_limit", "payee_limit_exceeded"),
]


@dataclass(frozen=True)
class PayoutCounter:
    """Pays out by one route, to a payee of the sandbox's table."""

    rails: Rails
    route: str
    book: BankBook

    def fresh(self) -> str:
        return f"pot_{next(_numbers)}"

    async def pay_out(
        self, reference: str, name: str = "asha", amount_minor: int = 1_000
    ) -> Outcome:
        order = payouts.PayOutOrder(
            route=self.route,
            reference=reference,
            amount_minor=amount_minor,
            currency="INR",
            destination=payouts.UpiId(f"{name}@sandbox", "Asha"),
        )
        return await self.rails.pay_out(order)

    async def find(self, reference: str) -> Outcome | payouts.Returned:
        return await self.rails.find_payout(self.route, reference)

    async def times_paid(self, reference: str) -> int:
        return [payout.reference for payout in await self.book.payouts()].count(reference)


@pytest.fixture(params=["hdfc_bank", "icici_bank"])
def payer(request: pytest.FixtureRequest, rails: Rails, sandbox: Sandbox) -> PayoutCounter:
    return PayoutCounter(rails, str(request.param), sandbox.books[str(request.param)])


@pytest.fixture
def hasty_payer(payer: PayoutCounter, hasty_rails: Rails) -> PayoutCounter:
    return PayoutCounter(hasty_rails, payer.route, payer.book)


async def test_a_payout_is_made_once_and_found_by_its_reference(payer: PayoutCounter) -> None:
    reference = payer.fresh()

    first = await payer.pay_out(reference)

    assert isinstance(first, Approved)
    assert await payer.pay_out(reference) == first == await payer.find(reference)
    assert await payer.times_paid(reference) == 1


async def test_an_account_is_paid_as_a_upi_id_is(payer: PayoutCounter) -> None:
    order = payouts.PayOutOrder(
        route=payer.route,
        reference=payer.fresh(),
        amount_minor=1_000,
        currency="INR",
        destination=payouts.BankAccount("50100012345678", "Asha", "HDFC0000123"),
    )

    assert isinstance(await payer.rails.pay_out(order), Approved)


@pytest.mark.parametrize(("name", "code"), REFUSALS)
async def test_a_refusal_is_final_and_says_why(payer: PayoutCounter, name: str, code: str) -> None:
    reference = payer.fresh()

    outcome = await payer.pay_out(reference, name)

    assert isinstance(outcome, Declined)
    assert (outcome.code, outcome.retryable) == (code, False)
    assert await payer.find(reference) == outcome


async def test_what_came_back_is_found_returned_with_its_reason(
    payer: PayoutCounter, bank_clock: HandClock
) -> None:
    reference = payer.fresh()
    paid = await payer.pay_out(reference, "returned_closed")
    bank_clock.advance(timedelta(seconds=2))

    found = await payer.find(reference)

    assert isinstance(paid, Approved)
    assert found == payouts.Returned(
        paid.provider_reference, "payee_account_closed", "account_closed"
    )


async def test_a_decision_that_takes_a_moment_is_pending_and_then_found(
    payer: PayoutCounter, bank_clock: HandClock
) -> None:
    reference = payer.fresh()

    assert isinstance(await payer.pay_out(reference, "pending_then_refused"), Pending)
    bank_clock.advance(timedelta(milliseconds=500))

    assert isinstance(await payer.find(reference), Declined)


@pytest.mark.parametrize("name", ["slow", "pay_then_drop", "wrong_schema", "pay_then_500"])
async def test_a_payout_that_was_badly_answered_is_unanswered_and_found_paid(
    hasty_payer: PayoutCounter, name: str
) -> None:
    reference = hasty_payer.fresh()

    assert isinstance(await hasty_payer.pay_out(reference, name), Unanswered)
    assert isinstance(await hasty_payer.find(reference), Approved)


@pytest.mark.parametrize("name", ["drop_before", "500", "html", "429"])
async def test_a_payout_that_never_happened_is_unanswered_not_found_and_asked_for_again(
    payer: PayoutCounter, name: str
) -> None:
    reference = payer.fresh()

    assert isinstance(await payer.pay_out(reference, name), Unanswered)
    assert await payer.find(reference) == NotFound()
    assert isinstance(await payer.pay_out(reference, name), Approved)
    assert await payer.times_paid(reference) == 1


async def test_another_order_under_a_used_reference_is_no_answer(payer: PayoutCounter) -> None:
    reference = payer.fresh()
    await payer.pay_out(reference)

    assert await payer.pay_out(reference, amount_minor=1_001) == Unanswered("status: 409")


async def test_only_routes_whose_provider_pays_out_are_chosen(payer: PayoutCounter) -> None:
    def names(method: str, amount_minor: int = 1_000, currency: str = "INR") -> list[str]:
        routes = payer.rails.choose_for_payout(amount_minor, currency, method)
        return [route.name for route in routes]

    assert names("upi") == names("bank_account") == ["hdfc_bank", "icici_bank"]
    assert names("cash") == names("upi", 10**12) == names("upi", currency="CHF") == []
