"""The transition tables: complete, closed, and the source of their own pictures."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from tallystick.journal import Origin, Told
from tallystick.payments.case_facts import CASE_KINDS
from tallystick.payments.errors import IllegalTransition
from tallystick.payments.facts import (
    INTENT_KINDS,
    KIND_OF,
    PAYMENT_KINDS,
    Cancelled,
    Initiated,
)
from tallystick.payments.fees.reserves import RESERVE_KINDS
from tallystick.payments.payment_folds import fold_payment
from tallystick.payments.refund_facts import REFUND_KINDS
from tallystick.payments.states import (
    INTENT_TABLE,
    PAYMENT_TABLE,
    REFUND_TABLE,
    mermaid,
    next_state,
)
from tests.payments.story import Story, expected, read_cases

DOCUMENT = Path(__file__).parents[2] / "docs" / "explanation" / "payment-states.md"
TABLES = {"intent": INTENT_TABLE, "payment": PAYMENT_TABLE, "refund": REFUND_TABLE}
KINDS = {"intent": INTENT_KINDS, "payment": PAYMENT_KINDS, "refund": REFUND_KINDS}
AT = datetime(2026, 3, 2, tzinfo=UTC)
ID = UUID("01900000-0000-7001-8000-000000000001")


@pytest.mark.parametrize("noun", TABLES)
class TestTable:
    def test_leads_only_to_states_it_knows(self, noun: str) -> None:
        table = TABLES[noun]
        reached = {after for following in table.values() for after in following.values()}

        assert reached == {state for state in table if state}

    def test_knows_every_fact_that_can_be_told_and_no_other(self, noun: str) -> None:
        listed = {kind for following in TABLES[noun].values() for kind in following}

        assert listed == set(KINDS[noun])

    def test_refuses_everything_it_does_not_list(self, noun: str) -> None:
        table = TABLES[noun]
        for state in table:
            for kind in set(KINDS[noun]) - set(table[state]):
                with pytest.raises(IllegalTransition):
                    next_state(table, state, kind)

    def test_is_drawn_in_the_documentation(self, noun: str) -> None:
        drawn = f"```mermaid\n{mermaid(TABLES[noun])}\n```"

        assert drawn in DOCUMENT.read_text(encoding="utf-8")


def test_every_fact_has_one_name() -> None:
    assert len(KIND_OF) == sum(map(len, (*KINDS.values(), RESERVE_KINDS, CASE_KINDS)))


def test_a_fact_that_cannot_follow_changes_nothing() -> None:
    initiated = Initiated(ID, 1, "INR", "tok_visa", ("hdfc_bank",), 0, 0)
    row = fold_payment(None, told("payment.initiated", initiated, 1))

    with pytest.raises(IllegalTransition):
        fold_payment(row, told("payment.cancelled", Cancelled("abandoned"), 2))

    assert row.status == "initiated"


def test_the_stories_take_every_arrow() -> None:
    walked: set[tuple[str | None, str]] = set()
    for _, lines in read_cases(Path(__file__).parent / "cases"):
        story = Story()
        for line in lines:
            story.step(line if line.startswith("wait") else expected(line)[0])
        walked |= story.walked
    arrows = {
        (state, kind)
        for table in TABLES.values()
        for state, following in table.items()
        for kind in following
        if not kind.startswith("payment.dispute_")  # walked by the tests of disputes
    }

    assert arrows - walked == set()


def told(kind: str, data: object, version: int) -> Told:
    return Told(0, version, ID, version, kind, 1, data, Origin(), AT)
