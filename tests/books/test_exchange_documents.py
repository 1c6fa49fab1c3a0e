"""What the page on exchange shows is computed: amounts by the rate, postings by the rule."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from tallystick.books import PLATFORM, account_id, chart
from tallystick.books.exchange.decisions import (
    QuoteWish,
    decide_quote,
    exchange_account,
    transfers_for,
)
from tallystick.books.exchange.folds import QUOTE_GIVEN, RateRow, fold_quote
from tallystick.books.exchange.store import CHECKS
from tallystick.journal import Origin, Told
from tallystick.ledger import Post
from tallystick.platform.ids import derived_id

DOCUMENT = Path(__file__).parents[2] / "docs" / "explanation" / "exchange.md"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ALICE_USD, ALICE_INR = derived_id(PLATFORM, "alice:USD"), derived_id(PLATFORM, "alice:INR")
NAMES = {
    ALICE_USD: "Alice's USD",
    exchange_account("USD"): "exchange USD",
    exchange_account("INR"): "exchange INR",
    ALICE_INR: "Alice's INR",
    account_id(PLATFORM, chart.rounding_code("INR")): "rounding INR",
}
RATE = RateRow(derived_id(PLATFORM, "rate"), 1, "USD", "INR", "83.1245", NOW, None, None, NOW)


def posted(wish: QuoteWish) -> tuple[Post, ...]:
    """What moves when Alice exchanges as she wishes."""
    given = decide_quote(wish, RATE, PLATFORM, NOW + timedelta(seconds=60))
    quote_id = derived_id(PLATFORM, "quote")
    quote = fold_quote(None, Told(0, 0, quote_id, 1, QUOTE_GIVEN, 1, given, Origin(), NOW))
    accounts = {"USD": ALICE_USD, "INR": ALICE_INR}
    return transfers_for(quote, accounts[wish.from_currency], accounts[wish.to_currency])


EXAMPLE = (
    ("she gives USD 99.99", posted(QuoteWish("USD", "INR", "source", 9_999))),
    ("she gets USD 50.00", posted(QuoteWish("INR", "USD", "target", 5_000))),
)


def postings() -> str:
    lines = ["| what | debit | credit | amount | code |", "|---|---|---|---:|---|"]
    for what, posts in EXAMPLE:
        lines += [
            f"| {what} | {NAMES[post.debit]} | {NAMES[post.credit]} |"
            f" {post.currency} {post.amount_minor / 100:,.2f} | `{post.code}` |"
            for post in posts
        ]
    return "\n".join(lines)


def t_accounts() -> str:
    ledger: dict[UUID, tuple[list[int], list[int]]] = {account: ([], []) for account in NAMES}
    for _, posts in EXAMPLE:
        for post in posts:
            ledger[post.debit][0].append(post.amount_minor)
            ledger[post.credit][1].append(post.amount_minor)
    return "\n\n".join(t_account(NAMES[account], *sides) for account, sides in ledger.items())


def t_account(name: str, debits: list[int], credits_: list[int]) -> str:
    """An account that grows on the right, as a bookkeeper draws it."""
    rule = "-" * 13 + "+" + "-" * 13
    rows = max(len(debits), len(credits_))
    left, right = (
        [f"{minor / 100:>12.2f}" for minor in side] + [" " * 12] * (rows - len(side))
        for side in (debits, credits_)
    )
    lines = [f"{one} | {other}".rstrip() for one, other in zip(left, right, strict=True)]
    moved = (sum(credits_) - sum(debits)) / 100
    return "\n".join([name, rule, *lines, rule, f"{'moved':>12} | {moved:>12.2f}"])


def test_the_postings_are_those_of_the_decisions() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert postings() in text
    assert f"```text\n{t_accounts()}\n```" in text


def test_every_currency_balances_by_itself() -> None:
    moved: dict[str, int] = {}
    for _, posts in EXAMPLE:
        for post in posts:
            if post.debit == exchange_account(post.currency):
                moved[post.currency] = moved.get(post.currency, 0) - post.amount_minor
            if post.credit == exchange_account(post.currency):
                moved[post.currency] = moved.get(post.currency, 0) + post.amount_minor

    # USD 49.99 at 83.1245 is INR 4,155.393755: what the page says of the open position.
    assert moved == {"USD": 4_999, "INR": -415_540}


def test_the_page_names_every_check() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert len(CHECKS) == 4
    assert [check.name for check in CHECKS if f"`{check.name}`" not in text] == []
