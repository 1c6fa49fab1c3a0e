"""The pages on disputes are computed: states from the table, postings from the decisions."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest
from msgspec import Struct

from tallystick.books import PLATFORM, account_id, chart
from tallystick.journal import Origin, Told
from tallystick.payments.disputes.decisions import (
    Steps,
    conclude,
    decide_acceptance,
    decide_opening,
)
from tallystick.payments.disputes.folds import DisputeRow, dispute_id_of, fold_dispute
from tallystick.payments.disputes.states import DISPUTE_KIND_OF, DISPUTE_KINDS, DISPUTE_TABLE
from tallystick.payments.errors import IllegalTransition
from tallystick.payments.model import Limits, PaymentRow
from tallystick.payments.states import mermaid, next_state
from tallystick.payments.steps import Moment
from tallystick.rails import disputes as bank
from tallystick.sandbox.dispute_magic import DISPUTE_MAGIC
from tests.payments.story import MERCHANT, Story

DOCUMENTS = Path(__file__).parents[3] / "docs"
PAGE = DOCUMENTS / "explanation" / "disputes.md"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CHANGE = UUID("01900000-0000-7002-8000-000000000002")
FEE = 1_500
PAYABLE = account_id(MERCHANT, chart.payable_code(MERCHANT, "INR"))
NAMES = {
    PAYABLE: "merchant payable",
    account_id(PLATFORM, chart.disputes_code("INR")): "disputes held",
    account_id(PLATFORM, chart.fees_code("INR")): "platform fees",
    account_id(PLATFORM, chart.clearing_code("hdfc_bank", "INR")): "rail clearing",
    account_id(PLATFORM, chart.suspense_code("INR")): "suspense",
}
HAD = {"merchant payable": -50_000, "platform fees": 0, "rail clearing": 50_000}


class Ending(NamedTuple):
    """What the bank says at the end, and how things stand by then."""

    status: str  # the bank's word
    told: str  # the fact
    late: bool = False
    accepted: bool = False
    poor: bool = False  # the merchant has INR 60.00 and no more


ENDINGS = {
    "Won": Ending("won", "won"),
    "Lost": Ending("lost", "lost"),
    "Accepted": Ending("lost", "accepted", accepted=True),
    "Expired": Ending("lost", "expired", late=True),
    "Won by a merchant who had not got it": Ending("won", "won", poor=True),
    "Lost by a merchant who has not got it": Ending("lost", "lost", poor=True),
}

ALIKE = ("Accepted", "Expired")  # as lost; the page says so in words


def payment() -> PaymentRow:
    """INR 100.00, captured."""
    story = Story()
    for line in ("pay 10000", "bank approved"):
        story.step(line)
    row = story.case.the_payment()
    assert row.captured_minor == 10_000
    return row


def seen(row: PaymentRow, status: str) -> bank.Dispute:
    return bank.Dispute(
        dispute_id="hdfc_dp_1",
        place=1,
        reference=row.tried[-1].reference,
        amount_minor=10_000,
        currency="INR",
        reason="fraudulent",
        status=status,
        opened_at=NOW,
        evidence_due_by=NOW + timedelta(days=7),
    )


def fold(row: DisputeRow | None, dispute_id: UUID, told: tuple[Struct, ...]) -> DisputeRow:
    for data in told:
        version = row.version + 1 if row else 1
        kind = DISPUTE_KIND_OF[type(data)]
        row = fold_dispute(row, Told(0, 0, dispute_id, version, kind, 1, data, Origin(), NOW))
    assert row is not None
    return row


def steps_of(ending: Ending) -> Iterator[tuple[str, Steps]]:
    """What each step tells and moves, by the code that decides."""
    paid, moment = payment(), Moment(NOW, CHANGE, Limits())
    dispute_id = dispute_id_of(paid.id, "hdfc_bank", "hdfc_dp_1")
    opened = decide_opening(
        paid,
        seen(paid, "needs_response"),
        "hdfc_bank",
        moment,
        fee_minor=FEE,
        suspense_minor=4_000 if ending.poor else 0,
    )
    assert isinstance(opened, Steps)
    yield "opened", opened
    row = fold(None, dispute_id, opened.dispute)
    if ending.accepted:
        row = fold(row, dispute_id, decide_acceptance(row, None, moment).dispute)
    if ending.late:
        moment = Moment(row.evidence_due_by, CHANGE, Limits())
    closed = conclude(row, seen(paid, ending.status), moment)
    assert fold(row, dispute_id, closed.dispute).status == ending.told
    yield ending.told, closed


def section(title: str) -> str:
    """The postings of an ending, and each account as a T."""
    lines = ["| what happened | debit | credit | INR | code |", "|---|---|---|---:|---|"]
    had = HAD | ({"merchant payable": -6_000, "suspense": 0} if ENDINGS[title].poor else {})
    books: dict[str, tuple[list[int], list[int]]] = {}
    for name, minor in had.items():
        books[name] = ([minor], []) if minor > 0 else ([], [-minor] if minor else [])
    for what, steps in steps_of(ENDINGS[title]):
        for post in steps.transfers:
            debit, credit = NAMES[post.debit], NAMES[post.credit]
            figure = rupees(post.amount_minor)
            lines.append(f"| {what} | {debit} | {credit} | {figure} | `{post.code}` |")
            books.setdefault(debit, ([], []))[0].append(post.amount_minor)
            books.setdefault(credit, ([], []))[1].append(post.amount_minor)
    drawn = [t_account(name, *side) for name, side in books.items() if any(side)]
    accounts = "\n\n".join(drawn)
    return "\n".join([f"### {title}", "", *lines, "", "```text", accounts, "```"])


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


@pytest.mark.parametrize("title", [title for title in ENDINGS if title not in ALIKE])
def test_the_page_shows_what_is_moved(title: str) -> None:
    assert section(title) in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("title", ALIKE)
def test_whoever_does_not_contest_it_loses_alike(title: str) -> None:
    moved = [steps.transfers for _, steps in steps_of(ENDINGS[title])]

    assert moved == [steps.transfers for _, steps in steps_of(ENDINGS["Lost"])]


def test_the_states_are_drawn_from_the_table() -> None:
    drawn = f"```mermaid\n{mermaid(DISPUTE_TABLE)}\n```"

    assert drawn in PAGE.read_text(encoding="utf-8")


def test_the_table_leads_only_to_states_it_knows_and_knows_every_fact() -> None:
    reached = {after for following in DISPUTE_TABLE.values() for after in following.values()}
    listed = {kind for following in DISPUTE_TABLE.values() for kind in following}

    assert reached == {state for state in DISPUTE_TABLE if state}
    assert listed == set(DISPUTE_KINDS)


def test_what_the_table_does_not_list_is_refused() -> None:
    for state, following in DISPUTE_TABLE.items():
        for kind in set(DISPUTE_KINDS) - set(following):
            with pytest.raises(IllegalTransition):
                next_state(DISPUTE_TABLE, state, kind)


def test_every_magic_token_is_in_the_sandboxs_page() -> None:
    text = (DOCUMENTS / "reference" / "sandbox.md").read_text(encoding="utf-8")
    names = {f"| `{name}` | {4_500 + digits} |" for digits, name, _ in DISPUTE_MAGIC}

    assert {name for name in names if name not in text} == set()
