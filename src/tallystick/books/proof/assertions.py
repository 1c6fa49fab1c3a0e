"""Dated balance assertions: "account X stood at N on date D", kept, and checked by every proof.

An assertion is what somebody knows from elsewhere: a bank's statement, a counted till, a closed
month. It is never adjusted to the books: where they disagree the proof is red, until the books are
corrected by new transfers or the assertion is withdrawn.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books.model import NOBODY, BooksError
from tallystick.books.proof import slice_store as store
from tallystick.books.proof.facts import AssertionMade, AssertionRow, AssertionWithdrawn
from tallystick.journal import Asked, Change, Conflict, Fact, Journal, Origin, Repeated
from tallystick.ledger import Ledger
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.pools import Database

BASES: Final = ("recorded", "effective")


class InvalidAssertion(BooksError):
    """No account can be asserted to have stood like this."""

    code = "invalid_assertion"


class AssertionNotFound(BooksError):
    """There is no such assertion."""

    code = "assertion_not_found"


class UnknownAccount(BooksError):
    """The account that is asserted about does not exist."""

    code = "unknown_account"


class Assertion(Struct, frozen=True):
    """An assertion and the books beside it.

    `balance_minor` is where the account stood then, None while the date is still to come; `holds`
    says whether that is within the limits.
    """

    row: AssertionRow
    balance_minor: int | None
    replayed: bool = False

    @property
    def holds(self) -> bool | None:
        """None while the date is still to come, or once it is withdrawn."""
        if self.balance_minor is None or self.row.withdrawn_at is not None:
            return None
        low, high = self.row.low_minor, self.row.high_minor
        return (low is None or self.balance_minor >= low) and (
            high is None or self.balance_minor <= high
        )


@dataclass(frozen=True, slots=True)
class Assertions:
    """Making, withdrawing and reading assertions."""

    journal: Journal
    database: Database
    ledger: Ledger
    clock: Clock

    async def assert_balance(
        self, wish: AssertionMade, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> Assertion:
        """Keep an assertion, whether it holds or not; it says so, and every proof checks it.

        Raises InvalidAssertion, UnknownAccount, KeyReused, and what the journal says.
        """
        _require_possible(wish)
        account = await self.ledger.find_account(wish.account_id)
        if account is None:
            raise UnknownAccount("no such account")
        if account.currency != wish.currency:
            raise InvalidAssertion(f"the account is in {account.currency}")
        assertion_id = new_id(self.clock.now(), bucket_of(wish.account_id))
        change = Change(
            assertion_id,
            (Fact(assertion_id, 1, "assertion.made", wish),),
            claim=asked.claim(assertion_id) if asked else None,
            origin=origin,
        )
        try:
            await self.journal.record(change)
        except Repeated as repeat:
            done = await self.journal.answer(repeat, patience_s=0)
            return await self._beside_books(await self._get(done.subject_id), replayed=True)
        return await self.get_assertion(assertion_id)

    async def withdraw(
        self, assertion_id: UUID, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> Assertion:
        """Check it no more; it stays in the log. Withdrawing twice is withdrawing once.

        Raises AssertionNotFound, KeyReused.
        """
        row = await self._get(assertion_id)
        if row.withdrawn_at is not None:
            return await self._beside_books(row)
        version = row.version + 1
        fact = Fact(assertion_id, version, "assertion.withdrawn", AssertionWithdrawn())
        claim = asked.claim(assertion_id, version=version) if asked else None
        change_id = new_id(self.clock.now(), bucket_of(assertion_id))
        try:
            await self.journal.record(Change(change_id, (fact,), claim=claim, origin=origin))
        except Repeated as repeat:
            await self.journal.answer(repeat, patience_s=0)
        except Conflict:
            pass  # somebody else withdrew it: nothing else can follow
        return await self.get_assertion(assertion_id)

    async def get_assertion(self, assertion_id: UUID) -> Assertion:
        """The assertion beside the books. Raises AssertionNotFound."""
        return await self._beside_books(await self._get(assertion_id))

    async def list_assertions(
        self, account_id: UUID | None, after: tuple[datetime, UUID] | None, limit: int
    ) -> list[Assertion]:
        """The newest first, of one account or of all; `after` is where the last page ended."""
        rows = await store.list_assertions(self.database, account_id, after, limit)
        return [await self._beside_books(row) for row in rows]

    async def _get(self, assertion_id: UUID) -> AssertionRow:
        row = await store.find_assertion(self.database, assertion_id)
        if row is None:
            raise AssertionNotFound("no such assertion")
        return row

    async def _beside_books(self, row: AssertionRow, *, replayed: bool = False) -> Assertion:
        if row.stood_at > self.clock.now():
            return Assertion(row, None, replayed)
        account = await self.ledger.find_account(row.account_id)
        if account is None:
            return Assertion(row, None, replayed)
        history = self.ledger.history
        if row.basis == "recorded":
            stood = await history.balance_at(account, row.stood_at)
        else:
            stood = await history.balance_by_value(account, row.stood_at)
        return Assertion(row, stood.posted_minor, replayed)


def _require_possible(wish: AssertionMade) -> None:
    low, high = wish.low_minor, wish.high_minor
    if wish.basis not in BASES:
        raise InvalidAssertion(f"`basis` is one of {', '.join(BASES)}")
    if low is None and high is None:
        raise InvalidAssertion("an assertion needs a balance, or a limit on one side")
    if low is not None and high is not None and low > high:
        raise InvalidAssertion("the lower limit lies above the upper one")
