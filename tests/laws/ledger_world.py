"""One ledger twice: the real one on PostgreSQL, and the naive one that hears what it answered."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from tallystick.books import Answer
from tallystick.books.model import AccountOrder, BooksError, Order
from tallystick.journal import Asked, Change, JournalError
from tallystick.ledger import (
    Close,
    Expire,
    Freeze,
    Limit,
    Open,
    Post,
    Require,
    Reserve,
    Settle,
    Void,
)
from tallystick.platform.ids import derived_id, new_id
from tests.books.furnished import Books
from tests.laws.naive_ledger import Move, NaiveLedger, No


@dataclass
class Asking:
    """What was asked under a key, and what was answered: to be asked again."""

    key: str
    orders: list[Order]
    atomic: bool
    answers: list[Answer | str]  # or the refusal's code


@dataclass
class World:
    """One ledger, real and naive. Each example has accounts of its own in the same database."""

    books: Books
    outcomes: Counter[str]
    naive: NaiveLedger = field(default_factory=NaiveLedger)
    asked: list[Asking] = field(default_factory=list)
    promises: list[UUID] = field(default_factory=list)
    reversed: set[UUID] = field(default_factory=set)
    owner: UUID = field(init=False)

    def __post_init__(self) -> None:
        self.owner = new_id(self.books.clock.now(), 7)

    def account(self, name: str) -> UUID:
        return derived_id(self.owner, name)

    def opening(self, name: str, currency: str, side: str, limit: int | None) -> Open:
        return Open(self.account(name), f"{name}-{self.owner}", currency, side, limit)

    def order(self, kind: str, *words: Any) -> Order:
        if kind in ("post", "reserve"):
            debit, credit, amount, up_to, span = words
            at = None if span is None else self.books.clock.now() + timedelta(seconds=span)
            if kind == "post" and at is not None:
                at -= timedelta(seconds=2 * span)  # earlier, and once in a while later
            make = Post if kind == "post" else Reserve
            accounts = self.account(debit), self.account(credit)
            return make(*accounts, amount, "INR", "code", at, up_to)
        # Mostly one that stands, sometimes any that ever was.
        known = list(self.naive.promises) if words[0] % 5 else self.promises
        chosen = known[words[0] % len(known)] if known else self.account("no promise")
        if kind == "settle":
            return Settle(chosen, "code", *words[1:])
        return Void(chosen, "code") if kind == "void" else Expire(chosen)

    # Asking -------------------------------------------------------------------------------------

    async def submit(self, asking: Asking, body: str) -> list[Answer | str]:
        wish = Asked(f"machine:{self.owner}", asking.key, body.encode())
        try:
            outcomes = await self.books.transfers.many(asking.orders, wish, atomic=asking.atomic)
        except JournalError as refused:
            return [refused.code]
        return [one if isinstance(one, Answer) else one.code for one in outcomes]

    async def move(self, orders: list[Order], *, atomic: bool) -> None:
        """Both ledgers hear the orders; each change of theirs must come out alike."""
        asking = Asking(f"key {len(self.asked)}", orders, atomic, [])
        asking.answers = await self.submit(asking, repr(orders))
        self.asked.append(asking)
        if atomic:
            self.hold(_whole(asking.answers), orders)
            return
        for answer, order in zip(asking.answers, orders, strict=True):
            self.hold(answer, [order])

    def hold(self, answer: Answer | str, orders: list[Order], *verbs: Any) -> None:
        """Let the naive ledger hear what was answered."""
        change_id = answer.change_id if isinstance(answer, Answer) else self.owner
        moves = self.hear(change_id, orders, *verbs)
        if isinstance(moves, set):
            assert answer in moves, (answer, moves)
            self.outcomes[str(answer)] += 1
            return
        assert isinstance(answer, Answer), answer
        self.outcomes["ok"] += 1
        assert [as_move(row) for row in answer.transfers] == moves
        self.promises += [move_id for kind, *_, move_id in moves if kind == "reserve" and move_id]

    def hear(self, change_id: UUID, orders: list[Order], *verbs: Any) -> list[Move] | set[str]:
        """What the naive ledger moves, or all that it has against it."""
        try:
            return self.naive.hear(change_id, list(orders), list(verbs), self.books.clock.now())
        except No as no:
            return no.reasons

    async def again(self, asking: Asking) -> None:
        """The same wish moves nothing and is answered alike."""
        before = await self.totals()
        answers = await self.submit(asking, repr(asking.orders))
        assert [_unreplayed(one) for one in answers] == [_unreplayed(one) for one in asking.answers]
        assert all(one.replayed for one in answers if isinstance(one, Answer))
        assert await self.submit(asking, "another body") == ["idempotency_key_reused"]
        assert await self.totals() == before

    async def alter(self, verb: AccountOrder) -> None:
        accounts = self.books.accounts
        verbs: dict[type, Any] = {
            Open: accounts.open,
            Freeze: accounts.freeze,
            Limit: accounts.limit,
            Close: accounts.close,
        }
        told = "ok"
        try:
            await verbs[type(verb)](verb)
        except JournalError as refused:
            told = refused.code
        heard = self.hear(self.owner, [], verb)
        assert told in heard if isinstance(heard, set) else told == "ok", (told, heard)
        self.outcomes[told] += 1

    async def require(self, name: str, behind: int, order: Order) -> None:
        """A change that insists on the version its caller has seen, or on one before it."""
        account = self.account(name)
        verb = Require(account, self.naive.lines.get(account, 0) - behind)
        change_id = new_id(self.books.clock.now(), 7)
        change = Change(change_id, transfers=(order,), accounts=(verb,))
        try:
            recorded = await self.books.journal.record(change)
        except JournalError as refused:
            self.hold(refused.code, [order], verb)
        else:
            self.hold(Answer(change_id, recorded.at, recorded.transfers), [order], verb)

    async def reverse(self, asking: Asking) -> None:
        """Move one of its transfers back, or hear why not."""
        answer = next(one for one in asking.answers if isinstance(one, Answer))
        row = answer.transfers[0]
        try:
            told: Answer | str = await self.books.transfers.reverse(row.id)
        except (JournalError, BooksError) as refused:
            told = refused.code
        if told == "not_reversible":
            assert row.kind in ("reserve", "void", "expire")
        elif told == "already_reversed":
            assert row.id in self.reversed
        else:
            assert row.id not in self.reversed
            self.hold(told, [Post(row.credit, row.debit, row.amount, row.currency, "reversal")])
            self.reversed |= {row.id} if isinstance(told, Answer) else set()

    # Looking ------------------------------------------------------------------------------------

    async def totals(self) -> list[tuple[int, int, int]]:
        found = [await self.books.ledger.find_account(account) for account in self.naive.sides]
        return [(a.posted_minor, a.pending_out_minor, a.version) for a in found if a]

    async def agree(self) -> None:
        naive = self.naive
        assert await self.totals() == [
            (naive.balance(account), naive.leaving(account), naive.lines[account])
            for account in naive.sides
        ]
        for promise_id in self.promises:
            found = await self.books.ledger.find_reservation(promise_id)
            assert found is not None
            standing = naive.promises.get(promise_id)
            assert found.remaining_minor == (standing.rest if standing else 0)
            assert (found.state == "open") == (standing is not None)


def as_move(row: Any) -> Move:
    return str(row.kind), row.debit, row.credit, row.amount, row.reservation_id


def _whole(answers: list[Answer | str]) -> Answer | str:
    """The answers to orders that stand or fall together, as that of their change."""
    first = answers[0]
    if isinstance(first, str):
        return first
    rows = [row for one in answers if isinstance(one, Answer) for row in one.transfers]
    return replace(first, transfers=tuple(rows))


def _unreplayed(one: Answer | str) -> Any:
    return one if isinstance(one, str) else (one.change_id, one.at, one.transfers)
