"""What a payment moves, verb by verb, as the documentation shows it."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest

from tallystick.books import PLATFORM, account_id, chart
from tallystick.ledger import Post, Reserve, Settle, Void
from tallystick.payments.fees.terms import FeeTerms
from tests.payments.story import MERCHANT, Story

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "postings.md"
CLEARING = "rail clearing"
ACCOUNTS = {
    account_id(PLATFORM, chart.clearing_code("hdfc_bank", "INR")): CLEARING,
    account_id(MERCHANT, chart.payable_code(MERCHANT, "INR")): "merchant payable",
    account_id(MERCHANT, chart.reserve_code(MERCHANT, "INR")): "merchant reserve",
    account_id(MERCHANT, chart.advance_code(MERCHANT, "INR")): "merchant advance",
    account_id(PLATFORM, chart.fees_code("INR")): "platform fees",
    account_id(PLATFORM, chart.tax_code("INR")): "platform tax",
    account_id(PLATFORM, chart.suspense_code("INR")): "suspense",
}
SIMPLE = FeeTerms(300, 100)
FULL = FeeTerms(200, 300, tax_bp=1_800, reserve_bp=1_000, reserve_days=7, on_refund="returned")


class Example(NamedTuple):
    """The steps of a story, and what the page calls what they move; nothing moves where no name."""

    fees: FeeTerms
    steps: dict[str, str]


EXAMPLES = {
    "authorize": Example(SIMPLE, {"pay 10000 manual": "", "bank approved": ""}),
    "cancel": Example(
        SIMPLE,
        {"pay 10000 manual": "", "bank approved": "", "cancel": "", "bank  approved": ""},
    ),
    "captures": Example(
        SIMPLE,
        {
            "pay 10000 manual": "",
            "bank approved": "",
            "capture 6000": "",
            "bank  approved": "first capture",
            "capture": "",
            "bank   approved": "second capture",
        },
    ),
    "declined capture": Example(
        SIMPLE,
        {"pay 10000 manual": "", "bank approved": "", "capture": "", "bank  declined": ""},
    ),
    "refunds": Example(
        SIMPLE,
        {
            "pay 10000": "",
            "bank approved": "captured",
            "refund r1 2500": "refund asked",
            "bank r1 approved": "refund done",
            "refund r2 1000": "refund asked",
            "bank r2 declined": "refund refused",
        },
    ),
    "called off": Example(
        SIMPLE,
        {
            "pay 10000": "",
            "bank approved": "captured",
            "refund r1 2500": "refund asked",
            "call_off r1": "called off",
            "look r1 approved": "paid after all",
        },
    ),
    "after a payout": Example(
        SIMPLE,
        {
            "pay 10000": "",
            "bank approved": "captured",
            "refund r1 4000 1500": "refund asked",
            "bank r1 approved": "refund done",
        },
    ),
    "tax and reserve": Example(
        FULL,
        {
            "pay 10000": "",
            "bank approved": "captured",
            "refund r1 4000": "refund asked",
            "bank r1 approved": "refund done",
            "release": "7 days later",
        },
    ),
    "late approval": Example(
        SIMPLE,
        {
            "pay 10000": "",
            "bank silent": "",
            "cancel": "",
            "bank approved": "late approval",
            "bank late approved": "given back",
        },
    ),
    "late failure": Example(
        FULL, {"pay 10000": "", "bank approved": "captured", "fail 5000": "failed late"}
    ),
    "late void": Example(
        SIMPLE,
        {
            "pay 10000 manual": "",
            "bank silent": "",
            "cancel": "",
            "bank approved": "",
            "bank  approved": "",
        },
    ),
}


def moves(example: Example) -> Iterator[tuple[str, str, Post | Reserve]]:
    """What happened, the kind of transfer, and the accounts and amount it moves or promises."""
    story = Story(fees=example.fees)
    for line in example.steps:
        story.step(line)
    held: dict[UUID, Reserve] = {}
    for line, transfer_id, order in story.moved:
        what = example.steps[line]
        match order:
            case Post():
                yield what, "post", order
            case Reserve():
                held[transfer_id] = order
                yield what, "reserve", order
            case Settle() | Void():
                reserved = held[order.reservation_id]
                assert order.code == reserved.code
                yield what, type(order).__name__.lower(), reserved


def postings(example: Example) -> str:
    """The moves as a table."""
    lines = ["| what happened | kind | debit | credit | INR | code |", "|---|---|---|---|---:|---|"]
    for what, kind, order in moves(example):
        debit, credit = ACCOUNTS[order.debit], ACCOUNTS[order.credit]
        figure = rupees(order.amount_minor)
        lines.append(f"| {what} | {kind} | {debit} | {credit} | {figure} | `{order.code}` |")
    return "\n".join(lines)


def t_accounts(example: Example) -> str:
    """The accounts that were moved, each as a bookkeeper draws it: debits left, credits right."""
    sides: dict[str, tuple[list[int], list[int]]] = {n: ([], []) for n in ACCOUNTS.values()}
    for _, kind, order in moves(example):
        if kind in ("post", "settle"):
            sides[ACCOUNTS[order.debit]][0].append(order.amount_minor)
            sides[ACCOUNTS[order.credit]][1].append(order.amount_minor)
    drawn = [t_account(name, *side) for name, side in sides.items() if any(side)]
    return "\n\n".join(drawn)


def t_account(name: str, debits: list[int], credits_: list[int]) -> str:
    rule = "-" * 13 + "+" + "-" * 13
    rows = max(len(debits), len(credits_))
    left, right = (
        [f"{rupees(minor):>12}" for minor in side] + [" " * 12] * (rows - len(side))
        for side in (debits, credits_)
    )
    lines = [f"{one} | {other}".rstrip() for one, other in zip(left, right, strict=True)]
    balance = sum(debits) - sum(credits_)
    left_over = f"{rupees(balance):>12} |" if balance > 0 else f"{'':>12} | {rupees(-balance):>12}"
    return "\n".join([name, rule, *lines, rule, left_over])


def rupees(amount_minor: int) -> str:
    return f"{amount_minor / 100:,.2f}"


def shown(example: Example) -> str:
    return f"{postings(example)}\n\n```text\n{t_accounts(example)}\n```"


@pytest.mark.parametrize("name", [name for name, one in EXAMPLES.items() if list(moves(one))])
def test_the_documentation_shows_what_is_moved(name: str) -> None:
    assert shown(EXAMPLES[name]) in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["authorize", "cancel", "declined capture", "late void"])
def test_these_move_nothing(name: str) -> None:
    assert list(moves(EXAMPLES[name])) == []


@pytest.mark.parametrize(
    ("name", "left_minor"),
    [
        ("captures", 10_000),
        ("refunds", 7_500),
        ("after a payout", 6_000),
        ("tax and reserve", 6_000),
        ("late approval", 0),
        ("late failure", 0),
    ],
)
def test_the_bank_owes_what_was_captured_and_not_given_back(name: str, left_minor: int) -> None:
    owed = 0
    for _, kind, order in moves(EXAMPLES[name]):
        if kind in ("post", "settle"):
            owed += order.amount_minor * (ACCOUNTS[order.debit] == CLEARING)
            owed -= order.amount_minor * (ACCOUNTS[order.credit] == CLEARING)

    assert owed == left_minor
