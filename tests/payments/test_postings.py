"""What a payment moves, as the documentation shows it, and what it costs."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from tallystick.books import PLATFORM, account_id, chart
from tallystick.ledger import Post, Reserve, Settle, Void
from tallystick.payments.postings import capture_posts, fee_minor
from tests.payments.story import MERCHANT, Story

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "postings.md"
CLEARING = "rail clearing"
ACCOUNTS = {
    account_id(PLATFORM, chart.clearing_code("hdfc_bank", "INR")): CLEARING,
    account_id(MERCHANT, chart.payable_code(MERCHANT, "INR")): "merchant payable",
    account_id(PLATFORM, chart.fees_code("INR")): "platform fees",
    account_id(PLATFORM, chart.suspense_code("INR")): "suspense",
}
EXAMPLE = {
    "pay 10000 manual": "",
    "bank approved": "authorized",
    "capture 6000": "",
    "bank  approved": "first capture",
    "capture": "",
    "bank   approved": "second capture",
    "refund r1 2500": "refund asked",
    "bank r1 approved": "refund done",
    "refund r2 1000": "refund asked",
    "bank r2 declined": "refund refused",
}
LATE = {
    "pay 10000": "",
    "bank silent": "",
    "cancel": "",
    "bank approved": "late approval",
    "bank late approved": "given back",
}


def moves(steps: dict[str, str]) -> Iterator[tuple[str, str, Post | Reserve]]:
    """What happened, the kind of transfer, and the accounts and amount it moves or promises."""
    story = Story()
    for line in steps:
        story.step(line)
    held: dict[UUID, Reserve] = {}
    for line, transfer_id, order in story.moved:
        match order:
            case Post():
                yield steps[line], "post", order
            case Reserve():
                held[transfer_id] = order
                yield steps[line], "reserve", order
            case Settle() | Void():
                kind = type(order).__name__.lower()
                yield steps[line], kind, held[order.reservation_id]


def page(steps: dict[str, str]) -> str:
    """The moves as a table, and the balances they leave, each on its account's normal side."""
    lines = ["| what happened | kind | debit | credit | INR | code |", "|---|---|---|---|---:|---|"]
    balances = dict.fromkeys(ACCOUNTS.values(), 0)
    for what, kind, order in moves(steps):
        debit, credit = ACCOUNTS[order.debit], ACCOUNTS[order.credit]
        if kind in ("post", "settle"):
            balances[debit] += order.amount_minor * (1 if debit == CLEARING else -1)
            balances[credit] += order.amount_minor * (-1 if credit == CLEARING else 1)
        figure = rupees(order.amount_minor)
        lines.append(f"| {what} | {kind} | {debit} | {credit} | {figure} | `{order.code}` |")
    lines += ["", "| account | balance, INR |", "|---|---:|"]
    lines += [f"| {name} | {rupees(left)} |" for name, left in balances.items()]
    return "\n".join(lines)


def rupees(amount_minor: int) -> str:
    return f"{amount_minor / 100:,.2f}"


@pytest.mark.parametrize("steps", [EXAMPLE, LATE], ids=["usual", "late"])
def test_the_documentation_shows_what_is_moved(steps: dict[str, str]) -> None:
    assert page(steps) in DOCUMENT.read_text(encoding="utf-8")


@given(
    parts=st.lists(st.integers(1, 10**12), min_size=1, max_size=8),
    percent_bp=st.integers(0, 10_000),
    fixed_minor=st.integers(0, 10**6),
)
def test_parts_cost_what_the_whole_costs_and_never_more_than_they_bring(
    parts: list[int], percent_bp: int, fixed_minor: int
) -> None:
    story = Story()
    story.step(f"pay {sum(parts)} manual")
    plan = {"fee_percent_bp": percent_bp, "fee_fixed_minor": fixed_minor}
    row = structs.replace(story.case.the_payment(), **plan)
    whole = fee_minor(row, sum(parts))
    for part in parts:
        fee = fee_minor(row, part)
        assert 0 <= fee <= part
        posts = capture_posts(row, part, fee)
        assert sum(post.amount_minor for post in posts) == part
        assert all(post.amount_minor > 0 for post in posts)
        row = structs.replace(
            row, captured_minor=row.captured_minor + part, fee_minor=row.fee_minor + fee
        )

    assert row.fee_minor == whole
