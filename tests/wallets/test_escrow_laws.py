"""Escrows as laws: any walk through the table keeps money, account and state of one mind. Pure."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.books import PLATFORM
from tallystick.platform.ids import derived_id
from tallystick.wallets.escrows import decisions
from tallystick.wallets.escrows.errors import EscrowNotPossible, InvalidEscrow
from tallystick.wallets.escrows.folds import Spending, taken_back
from tallystick.wallets.escrows.states import ENDED, ESCROW_KINDS, ESCROW_TABLE, next_state
from tallystick.wallets.escrows.terms import (
    EscrowTerms,
    Part,
    Recipient,
    divide,
    escrow_account_id,
    fee_until,
)
from tallystick.wallets.model import IllegalTransition
from tests.wallets.escrow_walk import ESCROW, HOUR, NOW, Bank, Walk, agreement, steps

amounts = st.integers(1, 10**15)
terms_of_fees = st.builds(
    lambda shares, bp, fixed: EscrowTerms(
        recipients=tuple(
            Recipient(derived_id(PLATFORM, f"payee {n}"), derived_id(PLATFORM, f"owner {n}"), share)
            for n, share in enumerate(shares)
        ),
        fee_percent_bp=bp,
        fee_fixed_minor=fixed,
    ),
    st.lists(st.integers(1, 1_000_000), min_size=1, max_size=20),
    st.integers(0, 10_000),
    st.integers(0, 10**15),
)


VERBS = ("fund", "release", "return", "cancel", "dispute", "withdraw", "resolve", "time out")
wishes = st.tuples(
    st.sampled_from((*VERBS, "release", "release", "return", "wait")),
    st.none() | st.integers(1, 400) | st.sampled_from(("all", "one too many")),
    st.sampled_from((None, None, "design", "build", "paint")),
)
PARTS = (Part("design", 333), Part("build", 667))


def amount_of(wish: int | str | None, walk: Walk) -> int | None:
    """The amount that is wished for: at and just beyond the edge as often as anywhere."""
    if not isinstance(wish, str):
        return wish
    row = walk.escrow
    edge_minor = row.amount_minor - row.funded_minor if row.status == "open" else row.held_minor
    return edge_minor + (wish == "one too many") or None


class TestAnyWalk:
    @settings(max_examples=400, deadline=None)
    @given(
        funded_at_once=st.booleans(),
        wishes=st.lists(wishes, min_size=4, max_size=25),
        fee=st.tuples(st.integers(0, 10_000), st.integers(0, 1_000)),
        parts=st.sampled_from(((), PARTS)),
        rule=st.sampled_from((None, "release", "return")),
    )
    def test_keeps_state_account_and_money_of_one_mind(
        self,
        *,
        funded_at_once: bool,
        wishes: list[Any],
        fee: tuple[int, int],
        parts: tuple[Part, ...],
        rule: str | None,
    ) -> None:
        bp, fixed = fee
        at = NOW + 3 * HOUR if rule else None
        agreed = agreement(bp=bp, fixed=fixed, parts=parts, times_out_at=at, on_timeout=rule)
        walk = Walk(Bank())
        walk.take(decisions.decide_opening(ESCROW, agreed, None, NOW))
        walk.require_of_one_mind()

        for verb, wish, part in [*[("fund", None, None)] * funded_at_once, *wishes]:
            walk.now += HOUR if verb == "wait" else timedelta()
            before, amount_minor = walk.row, amount_of(wish, walk)
            try:
                step = None if verb == "wait" else steps(walk, verb, amount_minor, part)
            except (EscrowNotPossible, InvalidEscrow):
                assert walk.row is before
                continue
            if step is not None:
                walk.take(step)
            walk.require_of_one_mind()

    @pytest.mark.parametrize("rule", ["release", "return"])
    def test_ends_by_its_rule(self, rule: str) -> None:
        walk = Walk(Bank())
        agreed = agreement(times_out_at=NOW + HOUR, on_timeout=rule)
        walk.take(decisions.decide_opening(ESCROW, agreed, None, NOW))
        walk.take(steps(walk, "fund", None, None))
        walk.take(steps(walk, "release", 400, None))
        walk.now += HOUR

        walk.take(steps(walk, "time out", None, None))

        released_minor = 1_000 if rule == "release" else 400
        assert walk.escrow.released_minor == released_minor
        assert walk.escrow.returned_minor == 1_000 - released_minor

    @pytest.mark.parametrize("verb", VERBS)
    @pytest.mark.parametrize("end", ["release", "return", "cancel"])
    def test_has_no_way_on_from_its_end(self, end: str, verb: str) -> None:
        walk = Walk(Bank())
        walk.take(decisions.decide_opening(ESCROW, agreement(), None, NOW))
        for step in ("fund", end) if end != "cancel" else (end,):
            walk.take(steps(walk, step, None, None))
        assert walk.escrow.status in ENDED

        with pytest.raises(EscrowNotPossible) as refused:
            steps(walk, verb, None, None)

        assert refused.value.code == "escrow_ended"


class TestDivisions:
    @given(terms=terms_of_fees, parts=st.lists(st.integers(1, 10**14), min_size=1, max_size=8))
    def test_lose_nothing_and_cost_what_a_single_release_costs(
        self, terms: EscrowTerms, parts: list[int]
    ) -> None:
        before_minor = fee_minor = 0
        for part_minor in parts:
            divided = divide(part_minor, before_minor, terms)
            assert sum(divided.paid_minor) + divided.fee_minor == part_minor
            assert divided.fee_minor >= 0
            assert min(divided.paid_minor) >= 0
            before_minor += part_minor
            fee_minor += divided.fee_minor

        assert fee_minor == fee_until(sum(parts), terms)

    @given(amount_minor=amounts, terms=terms_of_fees)
    def test_pay_each_within_one_unit_of_his_share(
        self, amount_minor: int, terms: EscrowTerms
    ) -> None:
        divided = divide(amount_minor, 0, terms)
        rest_minor = amount_minor - divided.fee_minor
        whole = sum(one.share for one in terms.recipients)

        for one, paid_minor in zip(terms.recipients, divided.paid_minor, strict=True):
            assert abs(paid_minor * whole - rest_minor * one.share) < whole


class TestTheTable:
    def test_knows_every_kind_and_no_other(self) -> None:
        assert {kind for following in ESCROW_TABLE.values() for kind in following} == set(
            ESCROW_KINDS
        )

    def test_leads_nowhere_that_it_does_not_know(self) -> None:
        assert {after for following in ESCROW_TABLE.values() for after in following.values()} == {
            state for state in ESCROW_TABLE if state
        }

    @pytest.mark.parametrize("state", list(ESCROW_TABLE))
    def test_lets_nothing_else_follow(self, state: str | None) -> None:
        for kind in set(ESCROW_KINDS) - set(ESCROW_TABLE[state]):
            with pytest.raises(IllegalTransition):
                next_state(state, kind)


def test_what_comes_back_is_taken_from_the_latest_day_first() -> None:
    day = NOW.date()
    spendings = (Spending(day, 600), Spending(day + timedelta(days=1), 400))

    freed, kept = taken_back(spendings, 500)

    assert freed == (Spending(day + timedelta(days=1), 400), Spending(day, 100))
    assert kept == (Spending(day, 500),)


def test_the_account_is_the_escrows_own() -> None:
    assert escrow_account_id(ESCROW) != escrow_account_id(derived_id(PLATFORM, "another"))
