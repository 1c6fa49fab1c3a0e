"""One change before the judge: working copies of what it touches, and the rows it would leave.

Pure. Nothing here decides: the rulings do (`moves`, `upkeep`).
"""

from collections.abc import Mapping
from copy import copy
from datetime import datetime
from uuid import UUID

from tallystick.ledger.model import (
    Account,
    AccountFact,
    AccountVerb,
    Kind,
    Refusal,
    Reservation,
    Reserve,
    TransferRow,
)
from tallystick.platform.ids import numbered_id, typeid


class Hearing:
    """One change being heard: the copies it has touched, its rows and facts so far."""

    __slots__ = (
        "_change_id",
        "_stamp",
        "_standing_accounts",
        "_standing_reservations",
        "accounts",
        "at",
        "facts",
        "reservations",
        "rows",
    )

    def __init__(
        self,
        accounts: Mapping[UUID, Account],
        reservations: Mapping[UUID, Reservation],
        change_id: UUID,
        at: datetime,
        stamp: tuple[int, int],
    ) -> None:
        self._standing_accounts = accounts
        self._standing_reservations = reservations
        self._change_id = change_id
        self._stamp = stamp  # lane, batch
        self.accounts: dict[UUID, Account] = {}
        self.reservations: dict[UUID, Reservation] = {}
        self.at = at
        self.rows: list[TransferRow] = []
        self.facts: list[AccountFact] = []

    def account(self, account_id: UUID) -> Account:
        """The working copy of an open account."""
        account = self.accounts.get(account_id)
        if account is None:
            standing = self._standing_accounts.get(account_id)
            if standing is None:
                raise Refusal("unknown_account", f"there is no account {typeid('acc', account_id)}")
            account = self.accounts[account_id] = copy(standing)
        if account.closed_at is not None:
            raise Refusal("account_closed", f"account {account.code} is closed")
        return account

    def reservation(self, reservation_id: UUID) -> Reservation:
        """The working copy of a reservation that is still open."""
        reservation = self.reservations.get(reservation_id)
        if reservation is None:
            standing = self._standing_reservations.get(reservation_id)
            if standing is None:
                missing = f"there is no reservation {typeid('res', reservation_id)}"
                raise Refusal("unknown_reservation", missing)
            reservation = self.reservations[reservation_id] = copy(standing)
        if reservation.state != "open":
            ended = f"reservation {typeid('res', reservation_id)} is {reservation.state}"
            raise Refusal("reservation_not_open", ended)
        return reservation

    def make_account(self, account: Account) -> None:
        if account.id in self.accounts or account.id in self._standing_accounts:
            raise Refusal("account_exists", f"account {account.code} exists already")
        self.accounts[account.id] = account

    def make_reservation(self, order: Reserve, amount: int) -> UUID:
        """The promise a `reserve` row stands for, under the id that row will get."""
        reservation_id = self.next_id
        self.reservations[reservation_id] = Reservation(
            id=reservation_id,
            debit=order.debit,
            credit=order.credit,
            amount=amount,
            remaining=amount,
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
