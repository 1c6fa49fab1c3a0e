"""Accounts: each verb answers with the terms it made, and a repeat with the same."""

import asyncio

import pytest
from msgspec.structs import replace

from tallystick.books.model import AccountDiffers, AccountKept, InvalidTerms
from tallystick.journal import Change, JournalError, Refused
from tallystick.ledger import Close, Freeze, Limit, Open
from tallystick.money import UnknownCurrency
from tests.books.furnished import Books, asked

pytestmark = pytest.mark.anyio


async def test_an_opened_account_stands_on_its_terms(books: Books) -> None:
    carol = books.account("carol")

    terms = await books.accounts.open(Open(carol, "carol", "JPY", "credit", 500))

    assert (terms.code, terms.currency, terms.overdraft_limit_minor) == ("carol", "JPY", 500)
    assert (terms.revision, terms.frozen, terms.closed_at) == (1, "no", None)
    assert await books.accounts.find_terms(carol) == terms
    standing = await books.ledger.find_account(carol)
    assert standing is not None
    assert (standing.currency, standing.available_minor) == ("JPY", 0)


async def test_each_verb_answers_with_what_it_changed(books: Books) -> None:
    bob = books.account("bob")

    frozen = await books.accounts.freeze(Freeze(bob, "outflow"))
    limited = await books.accounts.limit(Limit(bob, None))
    closed = await books.accounts.close(Close(bob))

    assert (frozen.revision, frozen.frozen) == (2, "outflow")
    assert (limited.revision, limited.overdraft_limit_minor, limited.frozen) == (3, None, "outflow")
    assert (closed.revision, closed.closed_at) == (4, books.clock.now())


async def test_a_repeat_answers_as_it_was_then(books: Books) -> None:
    bob = books.account("bob")
    first = await books.accounts.freeze(Freeze(bob, "all"), asked=asked("k1"))
    await books.accounts.freeze(Freeze(bob, "no"))

    again = await books.accounts.freeze(Freeze(bob, "all"), asked=asked("k1"))

    assert again == replace(first, replayed=True)
    terms = await books.accounts.find_terms(bob)
    assert terms is not None
    assert (terms.frozen, terms.revision) == ("no", 3)


async def test_a_repeated_open_opens_once(books: Books) -> None:
    order = Open(books.account("carol"), "carol", "INR", "credit")

    first = await books.accounts.open(order, asked=asked("k1"))
    again = await books.accounts.open(order, asked=asked("k1"))

    assert (first.replayed, again.replayed) == (False, True)
    assert again == replace(first, replayed=True)


async def test_a_key_that_stood_for_something_else_is_refused(books: Books) -> None:
    bob = books.account("bob")
    await books.accounts.freeze(Freeze(bob, "all"), asked=asked("k1", "all"))

    with pytest.raises(JournalError) as caught:
        await books.accounts.freeze(Freeze(bob, "no"), asked=asked("k1", "no"))

    assert caught.value.code == "idempotency_key_reused"


async def test_a_refusal_is_remembered_under_its_key(books: Books) -> None:
    close = Close(books.account("alice"))
    with pytest.raises(Refused, match="still holds money"):
        await books.accounts.close(close, asked=asked("k1"))
    await books.transfers.post_one(books.post("alice", "bob", 10_000))

    with pytest.raises(Refused) as caught:
        await books.accounts.close(close, asked=asked("k1"))

    assert caught.value.code == "account_not_empty"
    assert (await books.accounts.close(close, asked=asked("k2"))).closed_at


@pytest.mark.parametrize(
    ("code", "side", "limit"),
    [("", "credit", 0), ("two words", "credit", 0), ("till", "left", 0), ("till", "debit", -1)],
)
async def test_an_account_that_cannot_be_is_refused_before_the_journal(
    books: Books, code: str, side: str, limit: int
) -> None:
    with pytest.raises(InvalidTerms):
        await books.accounts.open(Open(books.account("x"), code, "INR", side, limit))


@pytest.mark.parametrize("code", ["wallet:usr_1:INR", "wallet:mer_1:INR", "escrow:esc_1"])
async def test_what_a_wallet_or_an_escrow_keeps_is_opened_and_altered_there_alone(
    books: Books, code: str
) -> None:
    order = Open(books.account(code), code, "INR", "credit")
    with pytest.raises(AccountKept):
        await books.accounts.open(order)
    await books.journal.record(Change(order.account_id, accounts=(order,)))

    with pytest.raises(AccountKept):
        await books.accounts.freeze(Freeze(order.account_id, "all"))
    with pytest.raises(AccountKept):
        await books.accounts.limit(Limit(order.account_id, None))
    with pytest.raises(AccountKept):
        await books.accounts.close(Close(order.account_id))


async def test_an_account_in_no_currency_is_refused(books: Books) -> None:
    with pytest.raises(UnknownCurrency):
        await books.accounts.open(Open(books.account("x"), "x", "XXX", "credit"))


async def test_a_freeze_of_nothing_known_is_refused(books: Books) -> None:
    with pytest.raises(InvalidTerms):
        await books.accounts.freeze(Freeze(books.account("bob"), "maybe"))
    with pytest.raises(Refused, match="no account"):
        await books.accounts.freeze(Freeze(books.account("nobody"), "all"))


async def test_ensuring_opens_what_is_missing_and_leaves_the_rest(books: Books) -> None:
    opens = [Open(books.account(n), n, "INR", "credit") for n in ("alice", "carol", "dave")]

    await books.accounts.ensure_open(opens)
    await books.accounts.ensure_open(opens)

    assert await books.balance("alice") == 10_000
    terms = await books.accounts.find_terms(books.account("dave"))
    assert terms is not None
    assert terms.revision == 1


async def test_many_may_ensure_the_same_accounts_at_once(books: Books) -> None:
    opens = [Open(books.account(f"till:{n}"), f"till:{n}", "INR", "debit") for n in range(5)]

    await asyncio.gather(*(books.accounts.ensure_open(opens[n % 3 :]) for n in range(6)))

    assert len(await books.ledger.list_accounts("till:")) == 5


async def test_ensuring_notices_an_account_on_other_terms(books: Books) -> None:
    with pytest.raises(AccountDiffers, match="credit account in INR"):
        await books.accounts.ensure_open([Open(books.account("bob"), "bob", "INR", "debit")])


async def test_a_code_belongs_to_one_account(books: Books) -> None:
    with pytest.raises(JournalError) as caught:
        await books.accounts.open(Open(books.account("carol"), "alice", "INR", "credit"))

    assert caught.value.code == "conflict"


async def test_verbs_at_once_are_each_answered_with_what_they_made(books: Books) -> None:
    bob = books.account("bob")
    limits = [books.accounts.limit(Limit(bob, n), asked=asked(f"k{n}", str(n))) for n in range(6)]

    made = await asyncio.gather(*limits)
    again = [
        await books.accounts.limit(Limit(bob, n), asked=asked(f"k{n}", str(n))) for n in range(6)
    ]

    assert [terms.overdraft_limit_minor for terms in made] == list(range(6))
    assert sorted(terms.revision for terms in made) == list(range(2, 8))
    assert again == [replace(terms, replayed=True) for terms in made]
