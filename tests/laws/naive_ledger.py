"""A second ledger, as plain as can be: what the judge is held against.

It shares no code with the judge and thinks differently: one signed balance an account (credits
positive), a dictionary of open promises that is summed up anew whenever somebody asks, and every
reason against an order instead of the first. A change works on copies of everything.
"""

from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

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
from tallystick.ledger.model import AccountVerb, Transfer
from tallystick.platform.ids import numbered_id

Move = tuple[str, UUID, UUID, int, UUID | None]  # kind, debit, credit, amount, reservation
LARGEST = 1_000_000_000_000_000


class No(Exception):
    """All the reasons why an order cannot be."""

    def __init__(self, reasons: set[str]) -> None:
        super().__init__(sorted(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Promise:
    debit: UUID
    credit: UUID
    rest: int
    expires_at: datetime | None


@dataclass
class NaiveLedger:
    """Every field but `begun` is copied before a change and put back if it is refused."""

    sides: dict[UUID, str] = field(default_factory=dict)
    currencies: dict[UUID, str] = field(default_factory=dict)
    limits: dict[UUID, int | None] = field(default_factory=dict)
    freezes: dict[UUID, str] = field(default_factory=dict)
    closed: set[UUID] = field(default_factory=set)
    balances: dict[UUID, int] = field(default_factory=dict)
    lines: dict[UUID, int] = field(default_factory=dict)
    promises: dict[UUID, Promise] = field(default_factory=dict)
    begun: set[UUID] = field(default_factory=set)  # every promise there ever was

    def hear(
        self, change_id: UUID, transfers: list[Transfer], verbs: list[AccountVerb], at: datetime
    ) -> list[Move]:
        """What the change moves. Raises No, and then nothing has happened."""
        before = {name: copy(value) for name, value in vars(self).items() if name != "begun"}
        moves: list[Move] = []
        try:
            for verb in verbs:
                if not isinstance(verb, Close):
                    self.alter(verb)
            for order in transfers:
                moves += self.move(order, numbered_id(change_id, len(moves)), at)
            for verb in verbs:
                if isinstance(verb, Close):
                    self.alter(verb)
        except No:
            vars(self).update(before)
            self.begun -= {move_id for kind, *_, move_id in moves if kind == "reserve" and move_id}
            raise
        return moves

    # Looking ------------------------------------------------------------------------------------

    def balance(self, account: UUID) -> int:
        return self.balances[account] * self.sign(account)

    def sign(self, account: UUID) -> int:
        return 1 if self.sides[account] == "credit" else -1

    def leaving(self, account: UUID) -> int:
        """All promises by which the account's balance would fall."""
        falls = "debit" if self.sides[account] == "credit" else "credit"
        return sum(p.rest for p in self.promises.values() if getattr(p, falls) == account)

    def spare(self, account: UUID) -> int:
        """What is there and promised to nobody."""
        return self.balance(account) - self.leaving(account)

    def overdrawn(self, account: UUID) -> bool:
        limit = self.limits[account]
        return limit is not None and self.spare(account) + limit < 0

    # Moving -------------------------------------------------------------------------------------

    def move(self, order: Transfer, move_id: UUID, at: datetime) -> list[Move]:
        if isinstance(order, Post | Reserve):
            moves = [self.begin(order, move_id, at)]
        else:
            moves = self.end(order, at)
        for _, debit, credit, _, _ in moves:
            self.lines[debit] += 1
            self.lines[credit] += 1
        return moves

    def begin(self, order: Post | Reserve, move_id: UUID, at: datetime) -> Move:
        debit, credit, amount = order.debit, order.credit, order.amount_minor
        reasons = self.against(debit, order, "credit") | self.against(credit, order, "debit")
        if amount < 1 or amount > LARGEST:
            reasons.add("invalid_amount")
        if debit == credit:
            reasons.add("same_account")
        if isinstance(order, Reserve) and order.expires_at and order.expires_at <= at:
            reasons.add("reservation_expired")
        if isinstance(order, Post) and order.effective_at and order.effective_at > at:
            reasons.add("not_back_dated")
        refuse_for(reasons)
        if order.up_to:
            amount = self.as_much_as_is_there(debit, credit, amount)
        if isinstance(order, Post):
            self.shift(debit, credit, amount)
        else:
            self.promises[move_id] = Promise(debit, credit, amount, order.expires_at)
        if self.overdrawn(debit) or self.overdrawn(credit):
            raise No({"insufficient_funds"})
        if isinstance(order, Post):
            return "post", debit, credit, amount, None
        self.begun.add(move_id)
        return "reserve", debit, credit, amount, move_id

    def as_much_as_is_there(self, debit: UUID, credit: UUID, most: int) -> int:
        falling = {debit: "credit", credit: "debit"}
        spares = [self.spare(a) for a, side in falling.items() if self.sides[a] == side]
        amount = min([most, *spares])
        if amount < 1:
            raise No({"nothing_to_move"})
        return amount

    def against(self, account: UUID, order: Post | Reserve, falls_if_it_grows_on: str) -> set[str]:
        """What the account itself has against taking part."""
        if account not in self.sides:
            return {"unknown_account"}
        reasons = set[str]()
        if account in self.closed:
            reasons.add("account_closed")
        if self.currencies[account] != order.currency:
            reasons.add("currency_mismatch")
        stopped = {"no": (), "outflow": (falls_if_it_grows_on,), "all": ("debit", "credit")}
        if self.sides[account] in stopped[self.freezes[account]]:
            reasons.add("account_frozen")
        return reasons

    def end(self, order: Settle | Void | Expire, at: datetime) -> list[Move]:
        promise = self.promises.get(order.reservation_id)
        if promise is None:
            known = order.reservation_id in self.begun
            raise No({"reservation_not_open" if known else "unknown_reservation"})
        over = promise.expires_at is not None and at >= promise.expires_at
        if isinstance(order, Settle):
            return self.keep(order, promise, over=over)
        if isinstance(order, Expire) and not over:
            raise No({"reservation_not_expired"})
        return [self.release(order.reservation_id, "void" if isinstance(order, Void) else "expire")]

    def keep(self, order: Settle, promise: Promise, *, over: bool) -> list[Move]:
        amount = promise.rest if order.amount_minor is None else order.amount_minor
        reasons = set[str]()
        if over:
            reasons.add("reservation_expired")
        if amount < 1 or amount > LARGEST:
            reasons.add("invalid_amount")
        if amount > promise.rest:
            reasons.add("reservation_exceeded")
        if "all" in (self.freezes[promise.debit], self.freezes[promise.credit]):
            reasons.add("account_frozen")
        refuse_for(reasons)
        self.shift(promise.debit, promise.credit, amount)
        rest = promise.rest - amount
        moves: list[Move] = [
            ("settle", promise.debit, promise.credit, amount, order.reservation_id)
        ]
        self.promises[order.reservation_id] = Promise(
            promise.debit, promise.credit, rest, promise.expires_at
        )
        if rest and order.final:
            moves.append(self.release(order.reservation_id, "void"))
        elif not rest:
            self.forget(order.reservation_id)
        return moves

    def release(self, reservation_id: UUID, kind: str) -> Move:
        promise = self.promises[reservation_id]
        self.forget(reservation_id)
        return kind, promise.debit, promise.credit, promise.rest, reservation_id

    def forget(self, reservation_id: UUID) -> None:
        del self.promises[reservation_id]

    def shift(self, debit: UUID, credit: UUID, amount: int) -> None:
        self.balances[debit] -= amount
        self.balances[credit] += amount

    # Accounts -----------------------------------------------------------------------------------

    def alter(self, verb: AccountVerb) -> None:
        account = verb.account_id
        if isinstance(verb, Open):
            self.open(verb)
            return
        if account not in self.sides:
            raise No({"unknown_account"})
        if account in self.closed:
            raise No({"account_closed"})
        if isinstance(verb, Freeze):
            self.freezes[account] = verb.frozen
        elif isinstance(verb, Limit):
            self.limits[account] = verb.overdraft_limit_minor
            if self.overdrawn(account):
                raise No({"insufficient_funds"})
        elif isinstance(verb, Require):
            if self.lines[account] != verb.version:
                raise No({"stale_version"})
        else:
            touched = any(account in (p.debit, p.credit) for p in self.promises.values())
            if self.balances[account] or touched:
                raise No({"account_not_empty"})
            self.closed.add(account)

    def open(self, verb: Open) -> None:
        account = verb.account_id
        if account in self.sides:
            raise No({"account_exists"})
        self.sides[account] = verb.normal_side
        self.currencies[account] = verb.currency
        self.limits[account] = verb.overdraft_limit_minor
        self.freezes[account] = "no"
        self.balances[account] = 0
        self.lines[account] = 0


def refuse_for(reasons: set[str]) -> None:
    if reasons:
        raise No(reasons)
