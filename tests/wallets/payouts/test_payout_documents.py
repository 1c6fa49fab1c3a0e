"""The page on payouts is computed: its states from the table, its postings from the decisions."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from tallystick.books import PLATFORM, account_id, chart
from tallystick.ledger import Post, Reserve, Settle, Void
from tallystick.payments.states import mermaid
from tallystick.platform.ids import derived_id
from tallystick.rails import Approved, Declined, payouts
from tallystick.sandbox.payout_magic import PAYOUT_MAGIC
from tallystick.wallets.payouts import decisions
from tallystick.wallets.payouts.decisions import (
    Found,
    Moment,
    PayoutTerms,
    PayoutTimes,
    Source,
    Transfers,
)
from tallystick.wallets.payouts.folds import PayoutRow
from tallystick.wallets.payouts.states import PAYOUT_TABLE

DOCUMENTS = Path(__file__).parents[3] / "docs"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WALLET, PAYOUT = derived_id(PLATFORM, "wallet"), derived_id(PLATFORM, "payout")
RAIL = decisions.clearing_id("hdfc_bank", "INR")
SUSPENSE = account_id(PLATFORM, chart.suspense_code("INR"))
NAMES = {WALLET: "wallet", RAIL: "payouts:hdfc_bank", SUSPENSE: "suspense"}
HAD, AMOUNT = 50_000, 10_000

PAID = Approved("hdfc_1")
REFUSED = Declined("payee_account_closed", retryable=False, provider_code="account_closed")
BACK = payouts.Returned("hdfc_1", "payee_account_closed", "account_closed")
# what is told of the payout after it was made, and whether the wallet takes no money
STORIES: dict[str, tuple[tuple[tuple[str, Found | None], ...], bool]] = {
    "Paid": ((("paid", PAID),), False),
    "Refused by the bank": ((("failed", REFUSED),), False),
    "Paid, and sent back by the payee's bank": ((("paid", PAID), ("returned", BACK)), False),
    "Paid, while the wallet was frozen": ((("paid", PAID),), True),
    "Called off, and paid after all": ((("cancelled", None), ("paid", PAID)), False),
}


def told(
    found: tuple[tuple[str, Found | None], ...], *, frozen: bool
) -> Iterator[tuple[str, Transfers]]:
    """What each step moves, by the code that decides; without an outcome, its owner's wish."""
    moment = Moment(NOW, PAYOUT, PayoutTimes())
    source = Source("wallet", derived_id(PLATFORM, "asha"), WALLET, "INR")
    terms = PayoutTerms(source, AMOUNT, "upi", "hdfc_bank", "sealed")
    steps = decisions.decide_payout(PAYOUT, terms, None, moment)
    row: PayoutRow = decisions.row_after(None, steps.facts(PAYOUT, 0), NOW)
    yield "created", steps.transfers
    for what, outcome in found:
        if outcome is None:
            steps = decisions.decide_cancelling(row, moment)
        else:
            decide = decisions.conclude if row.is_open else decisions.conclude_watch
            steps = decide(row, outcome, moment, to_suspense=frozen)
        row = decisions.row_after(row, steps.facts(PAYOUT, row.version), NOW)
        assert row.status == what
        yield what, steps.transfers


def page(title: str) -> str:
    """The postings of a story, and each account as a T."""
    found, frozen = STORIES[title]
    lines = [f"### {title}", ""]
    lines += [
        "| what happened | kind | debit | credit | INR | code |",
        "|---|---|---|---|---:|---|",
    ]
    books: dict[UUID, tuple[list[int], list[int]]] = {WALLET: ([], [HAD]), RAIL: ([], [])}
    for what, transfers in told(found, frozen=frozen):
        for order in transfers:
            debit, credit = sides(order)
            lines.append(
                f"| {what} | {type(order).__name__.lower()} | {NAMES[debit]} | {NAMES[credit]} |"
                f" {AMOUNT / 100:.2f} | `{order.code}` |"
            )
            if isinstance(order, Post | Settle):
                books.setdefault(debit, ([], []))[0].append(AMOUNT)
                books.setdefault(credit, ([], []))[1].append(AMOUNT)
    blocks = ["\n".join(t_account(NAMES[account], *legs)) for account, legs in books.items()]
    return "\n".join([*lines, "", "```text", "\n\n".join(blocks), "```"])


def sides(order: Reserve | Settle | Void | Post) -> tuple[UUID, UUID]:
    """Debit and credit; a reservation's end has the sides of its beginning."""
    if isinstance(order, Settle | Void):
        return WALLET, RAIL
    return order.debit, order.credit


def t_account(name: str, debits: list[int], credits_: list[int]) -> list[str]:
    """An account as a bookkeeper draws it; of the wallet, with what was in it."""
    rows = max(len(debits), len(credits_))
    left = [f"{minor / 100:>12.2f}" for minor in debits] + [" " * 12] * (rows - len(debits))
    right = [f"{minor / 100:>12.2f}" for minor in credits_] + [" " * 12] * (rows - len(credits_))
    rule = "-" * 13 + "+" + "-" * 13
    lines = [f"{one} | {other}".rstrip() for one, other in zip(left, right, strict=True)]
    balance = f"{(sum(credits_) - sum(debits)) / 100:>12.2f}"
    return [name, rule, *lines, rule, f"{'balance':>12} | {balance}"]


def test_the_states_are_drawn_from_the_table() -> None:
    drawn = f"```mermaid\n{mermaid(PAYOUT_TABLE)}\n```"

    assert drawn in (DOCUMENTS / "explanation" / "payouts.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("title", STORIES)
def test_the_postings_are_those_of_the_decisions(title: str) -> None:
    assert page(title) in (DOCUMENTS / "explanation" / "payouts.md").read_text(encoding="utf-8")


def test_every_magic_destination_is_in_the_sandboxs_page() -> None:
    text = (DOCUMENTS / "reference" / "sandbox.md").read_text(encoding="utf-8")
    missing = [
        name
        for digits, name, _ in PAYOUT_MAGIC
        if f"| {digits:02} | `{name}@sandbox` |" not in text
    ]

    assert missing == []
