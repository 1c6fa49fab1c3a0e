"""What the page on escrow shows is computed: states from the table, postings from a walk."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from tallystick.payments.states import mermaid
from tallystick.wallets.escrows import decisions
from tallystick.wallets.escrows.states import ESCROW_TABLE
from tallystick.wallets.escrows.terms import escrow_account_id
from tests.wallets.escrow_walk import (
    BUYER,
    ESCROW,
    FEES,
    NOW,
    SELLER,
    SHOP,
    Bank,
    Walk,
    agreement,
    steps,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "explanation" / "escrow.md"
NAMES = {
    BUYER.id: "buyer's wallet",
    escrow_account_id(ESCROW): "escrow",
    SELLER.id: "carpenter's wallet",
    SHOP: "shop's payable",
    FEES: "platform fees",
}
EXAMPLE = (
    ("fund", 40_000, "funded in part"),
    ("fund", None, "funded"),
    ("release", 30_000, "released in part"),
    ("return", 10_000, "returned in part"),
    ("dispute", None, "disputed"),
    ("resolve", 45_001, "resolved"),
)


def walked() -> Iterator[tuple[str, Walk]]:
    """The example of the page, step by step; the bank keeps the legs."""
    walk = Walk(Bank({BUYER.id: 100_000}))
    agreed = agreement(amount_minor=100_000, bp=250)
    walk.take(decisions.decide_opening(ESCROW, agreed, None, NOW))
    for verb, amount_minor, what in EXAMPLE:
        walk.take(steps(walk, verb, amount_minor, None))
        yield what, walk


def page() -> str:
    """Every posting, and each account as a T."""
    lines = ["| what happened | debit | credit | INR | code |", "|---|---|---|---:|---|"]
    ledger: dict[UUID, tuple[list[int], list[int]]] = {account: ([], []) for account in NAMES}
    shown = 0
    for what, walk in walked():
        posts, shown = walk.bank.posted[shown:], len(walk.bank.posted)
        lines += [
            f"| {what} | {NAMES[post.debit]} | {NAMES[post.credit]} |"
            f" {post.amount_minor / 100:.2f} | `{post.code}` |"
            for post in posts
        ] or [f"| {what} | | | | |"]
        for post in posts:
            ledger[post.debit][0].append(post.amount_minor)
            ledger[post.credit][1].append(post.amount_minor)
    blocks = ["\n".join(t_account(NAMES[account], *sides)) for account, sides in ledger.items()]
    return "\n".join([*lines, "", "```text", "\n\n".join(blocks), "```"])


def t_account(name: str, debits: list[int], credits_: list[int]) -> list[str]:
    """An account that grows on the right, as a bookkeeper draws it."""
    rows = max(len(debits), len(credits_))
    left = [f"{minor / 100:>12.2f}" for minor in debits] + [" " * 12] * (rows - len(debits))
    right = [f"{minor / 100:>12.2f}" for minor in credits_] + [" " * 12] * (rows - len(credits_))
    lines = [name, "-" * 13 + "+" + "-" * 13]
    lines += [f"{one} | {other}".rstrip() for one, other in zip(left, right, strict=True)]
    balance = f"{(sum(credits_) - sum(debits)) / 100:>12.2f}"
    return [*lines, "-" * 13 + "+" + "-" * 13, f"{'moved':>12} | {balance}"]


def test_the_states_are_drawn_from_the_table() -> None:
    drawn = f"```mermaid\n{mermaid(ESCROW_TABLE)}\n```"

    assert drawn in DOCUMENT.read_text(encoding="utf-8")


def test_the_postings_are_those_of_the_decisions() -> None:
    assert page() in DOCUMENT.read_text(encoding="utf-8")


def test_the_example_ends_with_an_empty_escrow() -> None:
    *_, (_, walk) = walked()

    assert walk.escrow.status == "completed"
    assert walk.bank.balances[walk.escrow.account_id] == 0
    assert sum(walk.bank.balances.values()) == 100_000
