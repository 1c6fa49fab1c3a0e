"""The rule of fees: what every plan and every row of captures must give, to the minor unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.payments.fees.terms import (
    Charge,
    FeeBack,
    FeeTerms,
    charge_on,
    fee_and_tax,
    fee_back_on,
)

LARGEST = 10**15
amounts = st.one_of(st.integers(1, 200), st.integers(1, LARGEST))
basis_points = st.one_of(
    st.sampled_from([0, 1, 150, 300, 1_800, 9_999, 10_000]), st.integers(0, 10_000)
)
small_or_large = st.one_of(st.integers(0, 200), st.integers(0, LARGEST))


@st.composite
def all_terms(draw: st.DrawFn, *, percent_bp_max: int = 10_000) -> FeeTerms:
    minimum = draw(small_or_large)
    return FeeTerms(
        percent_bp=min(draw(basis_points), percent_bp_max),
        fixed_minor=draw(small_or_large),
        minimum_minor=minimum,
        cap_minor=draw(st.one_of(st.none(), st.integers(minimum, LARGEST))),
        tax_bp=draw(basis_points),
        reserve_bp=draw(basis_points),
        reserve_days=7,
    )


@pytest.mark.parametrize(
    ("terms", "amount_minor", "fee_minor", "tax_minor", "reserve_minor"),
    [
        (FeeTerms(), 10_000, 0, 0, 0),
        (FeeTerms(300, 100), 10_000, 400, 0, 0),
        (FeeTerms(250), 10_001, 250, 0, 0),  # 250.025
        (FeeTerms(250), 10_020, 251, 0, 0),  # 250.5: half a unit is rounded up
        (FeeTerms(300, minimum_minor=500), 10_000, 500, 0, 0),
        (FeeTerms(300, minimum_minor=500), 20_000, 600, 0, 0),
        (FeeTerms(300, cap_minor=250), 10_000, 250, 0, 0),
        (FeeTerms(300, 100, cap_minor=0), 10_000, 0, 0, 0),
        (FeeTerms(200, tax_bp=1_800), 10_000, 200, 36, 0),
        (FeeTerms(200, tax_bp=1_800, reserve_bp=500), 10_000, 200, 36, 500),
        (FeeTerms(10_000), 10_000, 10_000, 0, 0),
        (FeeTerms(10_000, tax_bp=2_500), 10_000, 8_000, 2_000, 0),  # shared 4 to 1
        (FeeTerms(fixed_minor=500, tax_bp=1_800), 118, 100, 18, 0),
        (FeeTerms(fixed_minor=500), 3, 3, 0, 0),
        (FeeTerms(reserve_bp=10_000), 10_000, 0, 0, 10_000),
        (FeeTerms(300, reserve_bp=10_000), 10_000, 300, 0, 9_700),  # the fee goes before it
    ],
)
def test_an_example(
    terms: FeeTerms, amount_minor: int, fee_minor: int, tax_minor: int, reserve_minor: int
) -> None:
    charge = charge_on(amount_minor, 0, Charge(), terms)

    assert charge == Charge(fee_minor, tax_minor, reserve_minor)


@given(terms=all_terms(), parts=st.lists(amounts, min_size=1, max_size=8))
def test_the_parts_are_the_whole_and_none_is_negative(terms: FeeTerms, parts: list[int]) -> None:
    captured, kept = 0, Charge()
    for amount in parts:
        charge = charge_on(amount, captured, kept, terms)
        payable = amount - charge.total_minor
        assert min(payable, charge.fee_minor, charge.tax_minor, charge.reserve_minor) >= 0
        captured += amount
        kept = kept_with(kept, charge)
        fee_due, tax_due = fee_and_tax(captured, terms)
        assert kept.fee_minor <= fee_due
        assert kept.tax_minor <= tax_due


@given(terms=all_terms(), one=amounts, other=amounts)
def test_more_captured_never_costs_less(terms: FeeTerms, one: int, other: int) -> None:
    less, more = sorted((one, other))
    fee_of_less, tax_of_less = fee_and_tax(less, terms)
    fee_of_more, tax_of_more = fee_and_tax(more, terms)

    assert fee_of_less <= fee_of_more
    assert tax_of_less <= tax_of_more


@given(terms=all_terms(), amount=amounts)
def test_the_fee_keeps_to_its_cap_and_its_minimum(terms: FeeTerms, amount: int) -> None:
    fee, tax = fee_and_tax(amount, terms)

    assert fee + tax <= amount
    assert terms.cap_minor is None or fee <= terms.cap_minor
    at_least = min(max(terms.fixed_minor, terms.minimum_minor), terms.cap_minor or LARGEST)
    assert fee >= at_least or fee + tax == amount or terms.cap_minor == 0


@given(terms=all_terms(percent_bp_max=2_500), parts=st.lists(st.integers(8, 10**9), max_size=8))
def test_parts_cost_what_the_whole_costs(terms: FeeTerms, parts: list[int]) -> None:
    captured, kept = 0, Charge()
    for amount in parts:
        kept = kept_with(kept, charge_on(amount, captured, kept, terms))
        captured += amount

    assert (kept.fee_minor, kept.tax_minor) == fee_and_tax(captured, terms)


@given(terms=all_terms(), parts=st.lists(st.integers(1, 50), min_size=1, max_size=8))
def test_what_a_small_capture_could_not_carry_the_next_one_takes(
    terms: FeeTerms, parts: list[int]
) -> None:
    captured, kept = 0, Charge()
    for amount in (*parts, 10**10):
        kept = kept_with(kept, charge_on(amount, captured, kept, terms))
        captured += amount

    assert kept == charge_on(captured, 0, Charge(), terms)


@given(
    captured=amounts,
    kept=st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)),
    shares=st.lists(st.integers(1, 10**6), min_size=1, max_size=6),
)
def test_when_all_is_refunded_all_of_the_fee_has_come_back(
    captured: int, kept: tuple[int, int], shares: list[int]
) -> None:
    fee, tax = (captured * part // 20_000 for part in kept)
    refunded, back = 0, FeeBack()
    for share in (*shares, captured):
        amount = min(share, captured - refunded)
        if not amount:
            break
        now = fee_back_on(amount, refunded, captured, kept=Charge(fee, tax), before=back)
        assert 0 <= now.fee_minor + now.tax_minor <= amount
        refunded += amount
        back = FeeBack(back.fee_minor + now.fee_minor, back.tax_minor + now.tax_minor)

    assert back == FeeBack(fee, tax)


def test_only_what_is_more_than_a_percentage_and_a_fixed_part_is_kept_beside_them() -> None:
    assert FeeTerms(300, 100).recorded is None
    assert FeeTerms(300, 100, tax_bp=1).recorded == FeeTerms(300, 100, tax_bp=1)


def kept_with(kept: Charge, charge: Charge) -> Charge:
    return Charge(
        kept.fee_minor + charge.fee_minor,
        kept.tax_minor + charge.tax_minor,
        kept.reserve_minor + charge.reserve_minor,
    )
