"""The judge: may these transfers happen, and what do they leave behind?

Pure. It sees the accounts and reservations of one batch in memory and hears changes in the order
of their arrival. Each change is heard on copies, which replace the originals only when all of it
is accepted: a refused change leaves no trace. An account that a whole batch leans on costs no
more than any other.
"""

from collections.abc import Callable, Sequence
from copy import copy
from datetime import datetime
from typing import Any
from uuid import UUID

from tallystick.ledger.model import (
    AMOUNT_MINOR_MAX,
    Account,
    AccountFact,
    AccountVerb,
    Close,
    Expire,
    Freeze,
    Frozen,
    Kind,
    Limit,
    Open,
    Post,
    Refusal,
    Reservation,
    Reserve,
    Settle,
    Side,
    Transfer,
    TransferRow,
    Verdict,
    Void,
)
from tallystick.platform.ids import numbered_id

COUNTER_MAX = 2**63 - 1


class Bench:
    """The accounts and reservations one batch is judged on, and which of them have changed."""

    def __init__(
        self, accounts: dict[UUID, Account], reservations: dict[UUID, Reservation]
    ) -> None:
        self.accounts = accounts
        self.reservations = reservations
        self.changed_accounts: set[UUID] = set()
        self.changed_reservations: set[UUID] = set()

    def judge(
        self,
        change_id: UUID,
        transfers: Sequence[Transfer],
        verbs: Sequence[AccountVerb] = (),
        *,
        at: datetime,
        lane: int = 0,
        batch: int = 0,
    ) -> Verdict:
        """Accept the whole change or refuse the whole change.

        Accounts are opened, frozen and limited before the transfers and closed after them.
        """
        hearing = _Hearing(self, change_id, at, lane, batch)
        try:
            for verb in verbs:
                if type(verb) is not Close:
                    _ON_ACCOUNT[type(verb)](hearing, verb)
            for transfer in transfers:
                _ON_TRANSFER[type(transfer)](hearing, transfer)
            for verb in verbs:
                if type(verb) is Close:
                    _close(hearing, verb)
        except Refusal as refusal:
            return Verdict([], [], (refusal.code, refusal.detail))
        hearing.accept()
        return Verdict(hearing.rows, hearing.facts)


class _Hearing:
    """One change being heard: working copies and the rows it would leave."""

    __slots__ = (
        "_accounts",
        "_bench",
        "_change_id",
        "_reservations",
        "_stamp",
        "at",
        "facts",
        "rows",
    )

    def __init__(self, bench: Bench, change_id: UUID, at: datetime, lane: int, batch: int) -> None:
        self._bench = bench
        self._change_id = change_id
        self._stamp = (lane, batch)
        self._accounts: dict[UUID, Account] = {}
        self._reservations: dict[UUID, Reservation] = {}
        self.at = at
        self.rows: list[TransferRow] = []
        self.facts: list[AccountFact] = []

    def account(self, account_id: UUID) -> Account:
        """The working copy of an open account."""
        account = self._accounts.get(account_id)
        if account is None:
            standing = self._bench.accounts.get(account_id)
            if standing is None:
                raise Refusal("unknown_account", f"there is no account {account_id}")
            account = self._accounts[account_id] = copy(standing)
        if account.closed_at is not None:
            raise Refusal("account_closed", f"account {account.code} is closed")
        return account

    def reservation(self, reservation_id: UUID) -> Reservation:
        """The working copy of a reservation that is still open."""
        reservation = self._reservations.get(reservation_id)
        if reservation is None:
            standing = self._bench.reservations.get(reservation_id)
            if standing is None:
                raise Refusal("unknown_reservation", f"there is no reservation {reservation_id}")
            reservation = self._reservations[reservation_id] = copy(standing)
        if reservation.state != "open":
            raise Refusal(
                "reservation_not_open", f"reservation {reservation_id} is {reservation.state}"
            )
        return reservation

    def make_account(self, account: Account) -> None:
        if account.id in self._accounts or account.id in self._bench.accounts:
            raise Refusal("account_exists", f"account {account.code} exists already")
        self._accounts[account.id] = account

    def make_reservation(self, order: Reserve) -> UUID:
        """The promise a `reserve` row stands for, under the id that row will get."""
        reservation_id = self.next_id
        self._reservations[reservation_id] = Reservation(
            id=reservation_id,
            debit=order.debit,
            credit=order.credit,
            amount=order.amount_minor,
            remaining=order.amount_minor,
            currency=order.currency,
            expires_at=order.expires_at,
            state="open",
        )
        return reservation_id

    @property
    def next_id(self) -> UUID:
        return numbered_id(self._change_id, len(self.rows))

    def write_row(
        self,
        kind: Kind,
        code: str,
        amount: int,
        debit: Account,
        credit: Account,
        *,
        reservation_id: UUID | None = None,
        effective_at: datetime | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        """Number and date the move on both accounts and write its row."""
        debit.version += 1
        credit.version += 1
        debit.last_at = credit.last_at = self.at
        lane, batch = self._stamp
        self.rows.append(
            TransferRow(
                self.next_id,
                self._change_id,
                lane,
                batch,
                debit.id,
                credit.id,
                amount,
                debit.currency,
                code,
                kind,
                reservation_id,
                effective_at,
                expires_at,
                debit.posted_minor,
                debit.version,
                credit.posted_minor,
                credit.version,
            )
        )

    def tell(self, account: Account, what: str, verb: AccountVerb) -> None:
        account.revision += 1
        account.last_at = self.at
        self.facts.append(AccountFact(account.id, account.revision, f"account.{what}", verb))

    def accept(self) -> None:
        self._bench.accounts.update(self._accounts)
        self._bench.reservations.update(self._reservations)
        self._bench.changed_accounts.update(self._accounts)
        self._bench.changed_reservations.update(self._reservations)


# Transfers ------------------------------------------------------------------------------------


def _post(hearing: _Hearing, order: Post) -> None:
    debit, credit = _both_sides(hearing, order)
    amount = order.amount_minor
    debit.debits_posted += amount
    credit.credits_posted += amount
    _stay_within_limits(debit, credit)
    hearing.write_row(Kind.POST, order.code, amount, debit, credit, effective_at=order.effective_at)


def _reserve(hearing: _Hearing, order: Reserve) -> None:
    if order.expires_at is not None and order.expires_at <= hearing.at:
        raise Refusal("reservation_expired", "the reservation would be born expired")
    debit, credit = _both_sides(hearing, order)
    amount = order.amount_minor
    debit.debits_pending += amount
    credit.credits_pending += amount
    _stay_within_limits(debit, credit)
    reservation_id = hearing.make_reservation(order)
    hearing.write_row(
        Kind.RESERVE,
        order.code,
        amount,
        debit,
        credit,
        reservation_id=reservation_id,
        expires_at=order.expires_at,
    )


def _settle(hearing: _Hearing, order: Settle) -> None:
    reservation = hearing.reservation(order.reservation_id)
    if reservation.expires_at is not None and reservation.expires_at <= hearing.at:
        # Refused by the clock, even before the expiry itself has been recorded.
        raise Refusal("reservation_expired", f"reservation {reservation.id} has expired")
    amount = reservation.remaining if order.amount_minor is None else order.amount_minor
    _require_amount(amount)
    if amount > reservation.remaining:
        raise Refusal(
            "reservation_exceeded",
            f"{amount} is more than the {reservation.remaining} that remain reserved",
        )
    debit, credit = hearing.account(reservation.debit), hearing.account(reservation.credit)
    if Frozen.ALL in (debit.frozen, credit.frozen):
        raise Refusal("account_frozen", f"account {_the_frozen(debit, credit).code} is frozen")
    _release(reservation, debit, credit, amount)
    debit.debits_posted += amount
    credit.credits_posted += amount
    _stay_within_limits(debit, credit)
    if reservation.remaining == 0:
        reservation.state = "settled"
    hearing.write_row(Kind.SETTLE, order.code, amount, debit, credit, reservation_id=reservation.id)
    if order.final and reservation.remaining:
        _give_back(hearing, reservation, Kind.VOID, order.code, "settled")


def _void(hearing: _Hearing, order: Void) -> None:
    reservation = hearing.reservation(order.reservation_id)
    _give_back(hearing, reservation, Kind.VOID, order.code, "voided")


def _expire(hearing: _Hearing, order: Expire) -> None:
    reservation = hearing.reservation(order.reservation_id)
    if reservation.expires_at is None or reservation.expires_at > hearing.at:
        raise Refusal("reservation_not_expired", f"reservation {reservation.id} still stands")
    _give_back(hearing, reservation, Kind.EXPIRE, order.code, "expired")


def _give_back(
    hearing: _Hearing, reservation: Reservation, kind: Kind, code: str, state: str
) -> None:
    debit, credit = hearing.account(reservation.debit), hearing.account(reservation.credit)
    amount = reservation.remaining
    _release(reservation, debit, credit, amount)
    reservation.state = state
    hearing.write_row(kind, code, amount, debit, credit, reservation_id=reservation.id)


def _release(reservation: Reservation, debit: Account, credit: Account, amount: int) -> None:
    reservation.remaining -= amount
    debit.debits_pending -= amount
    credit.credits_pending -= amount


def _both_sides(hearing: _Hearing, order: Post | Reserve) -> tuple[Account, Account]:
    """The two accounts of a new move, once amount, currency and freezes allow it."""
    _require_amount(order.amount_minor)
    if order.debit == order.credit:
        raise Refusal("same_account", "a transfer needs two different accounts")
    debit, credit = hearing.account(order.debit), hearing.account(order.credit)
    if debit.currency != order.currency or credit.currency != order.currency:
        raise Refusal(
            "currency_mismatch",
            f"{order.currency} cannot move between {debit.code} ({debit.currency}) "
            f"and {credit.code} ({credit.currency})",
        )
    if debit.frozen != Frozen.NO or credit.frozen != Frozen.NO:
        _require_thawed(debit, leaves=debit.normal_side == Side.CREDIT)
        _require_thawed(credit, leaves=credit.normal_side == Side.DEBIT)
    return debit, credit


def _require_amount(amount: int) -> None:
    if not 0 < amount <= AMOUNT_MINOR_MAX:
        raise Refusal("invalid_amount", f"an amount is 1 to {AMOUNT_MINOR_MAX} minor units")


def _require_thawed(account: Account, *, leaves: bool) -> None:
    if account.frozen == Frozen.ALL or (leaves and account.frozen == Frozen.OUTFLOW):
        raise Refusal("account_frozen", f"account {account.code} is frozen")


def _the_frozen(debit: Account, credit: Account) -> Account:
    return debit if debit.frozen == Frozen.ALL else credit


def _stay_within_limits(debit: Account, credit: Account) -> None:
    for account in (debit, credit):
        limit = account.overdraft_limit
        if limit is not None and account.available_minor < -limit:
            raise Refusal("insufficient_funds", f"account {account.code} cannot cover this")
    if debit.debits_posted > COUNTER_MAX or credit.credits_posted > COUNTER_MAX:
        raise Refusal("balance_overflow", "the account's turnover exceeds 64 bits")
    if debit.debits_pending > COUNTER_MAX or credit.credits_pending > COUNTER_MAX:
        raise Refusal("balance_overflow", "the account's promises exceed 64 bits")


# Accounts -------------------------------------------------------------------------------------


def _open(hearing: _Hearing, verb: Open) -> None:
    account = Account(
        id=verb.account_id,
        code=verb.code,
        currency=verb.currency,
        normal_side=Side(verb.normal_side),
        debits_pending=0,
        debits_posted=0,
        credits_pending=0,
        credits_posted=0,
        overdraft_limit=verb.overdraft_limit_minor,
        frozen=Frozen.NO,
        closed_at=None,
        version=0,
        revision=0,
        last_at=hearing.at,
    )
    hearing.make_account(account)
    hearing.tell(account, "opened", verb)


def _freeze(hearing: _Hearing, verb: Freeze) -> None:
    account = hearing.account(verb.account_id)
    account.frozen = Frozen(verb.frozen)
    hearing.tell(account, "frozen", verb)


def _limit(hearing: _Hearing, verb: Limit) -> None:
    account = hearing.account(verb.account_id)
    account.overdraft_limit = verb.overdraft_limit_minor
    if verb.overdraft_limit_minor is not None and (
        account.available_minor < -verb.overdraft_limit_minor
    ):
        raise Refusal("insufficient_funds", f"account {account.code} is overdrawn beyond that")
    hearing.tell(account, "limited", verb)


def _close(hearing: _Hearing, verb: Close) -> None:
    account = hearing.account(verb.account_id)
    if account.posted_minor or account.debits_pending or account.credits_pending:
        raise Refusal("account_not_empty", f"account {account.code} still holds money")
    account.closed_at = hearing.at
    hearing.tell(account, "closed", verb)


_ON_TRANSFER: dict[type, Callable[[_Hearing, Any], None]] = {
    Post: _post,
    Reserve: _reserve,
    Settle: _settle,
    Void: _void,
    Expire: _expire,
}
_ON_ACCOUNT: dict[type, Callable[[_Hearing, Any], None]] = {
    Open: _open,
    Freeze: _freeze,
    Limit: _limit,
}
