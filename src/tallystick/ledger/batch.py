"""The ledger's part of one journal batch: lock and load, judge, write."""

from collections.abc import Iterable, Sequence
from copy import copy
from datetime import datetime
from operator import attrgetter
from uuid import UUID

from tallystick.ledger import store
from tallystick.ledger.judge import Bench
from tallystick.ledger.model import (
    Account,
    AccountVerb,
    Post,
    Reserve,
    Transfer,
    TransferRow,
    Verdict,
)
from tallystick.ledger.presumption import Misjudged, Presumption
from tallystick.platform.postgres.pools import Connection


class LedgerBatch:
    """What the journal's lane holds while it records one batch."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._bench = Bench({}, {})
        self._loaded_accounts: dict[UUID, Account] = {}
        self._places: dict[UUID, store.Place] = {}
        self._presumed: dict[UUID, Account] = {}
        self._loaded_reservations: frozenset[UUID] = frozenset()
        self._waiting: list[TransferRow] = []
        self._written: list[TransferRow] = []

    async def lock(
        self, transfers: Iterable[Transfer], verbs: Iterable[AccountVerb]
    ) -> datetime | None:
        """Lock and load all that is touched; the latest instant any of the accounts has seen."""
        account_ids, reservation_ids = _touched(transfers, verbs)
        if reservation_ids:
            account_ids |= await store.accounts_of_reservations(self._connection, reservation_ids)
        accounts: dict[UUID, Account] = {}
        reservations = {}
        if account_ids:
            accounts, self._places = await store.lock_accounts(self._connection, account_ids)
        if reservation_ids:
            reservations = await store.lock_reservations(self._connection, reservation_ids)
        self._loaded_accounts = dict(accounts)
        self._loaded_reservations = frozenset(reservations)
        self._bench = Bench(accounts, reservations)
        return max((account.last_at for account in accounts.values()), default=None)

    async def take(self, presumption: Presumption, at: datetime) -> None:
        """Lock, load and move at once all that is touched, on the presumption that all is accepted.

        Raises Misjudged.
        """
        movements = presumption.movements
        taken = await store.take_accounts(self._connection, presumption, at)
        if len(taken) != len(movements):
            raise Misjudged("an account is missing, or would leave its limit")
        if any(account.last_at > at for account in taken):
            raise Misjudged("an account has seen a later instant")
        self._presumed = {account.id: copy(account) for account in taken}
        for account in taken:
            movements[account.id].taken_from(account)
        self._bench = Bench({account.id: account for account in taken}, {})

    def judge(
        self,
        change_id: UUID,
        transfers: Sequence[Transfer],
        verbs: Sequence[AccountVerb],
        *,
        at: datetime,
        lane: int,
        batch: int,
    ) -> Verdict:
        """Hear one change; what is accepted waits for `append` and `write`."""
        verdict = self._bench.judge(change_id, transfers, verbs, at=at, lane=lane, batch=batch)
        self._waiting.extend(verdict.rows)
        return verdict

    def confirm(self) -> None:
        """Require, once all is judged, that it came out as presumed. Raises Misjudged.

        Nothing may be committed without it: what was presumed stands in the table already.
        """
        if self._presumed and self._presumed != self._bench.accounts:
            raise Misjudged("not all of the batch was accepted")

    async def append(self) -> None:
        """Write the transfers accepted so far; more may be judged meanwhile."""
        rows, self._waiting = self._waiting, []
        if rows:
            rows.sort(key=_by_id)
            self._written.extend(rows)
            await store.insert_transfers(self._connection, rows)

    @property
    def transfers(self) -> list[TransferRow]:
        """The transfers accepted so far, in the order of their ids."""
        return sorted([*self._written, *self._waiting], key=_by_id)

    async def write(self) -> None:
        """Write what is left, then reservations and accounts, each in one sorted statement."""
        await self.append()
        connection, bench = self._connection, self._bench
        changed = sorted(bench.changed_reservations)
        made = [bench.reservations[i] for i in changed if i not in self._loaded_reservations]
        settled = [bench.reservations[i] for i in changed if i in self._loaded_reservations]
        if made:
            await store.insert_reservations(connection, made)
        if settled:
            await store.update_reservations(connection, settled)
        await self._write_accounts()

    async def _write_accounts(self) -> None:
        connection, bench, loaded = self._connection, self._bench, self._loaded_accounts
        if self._presumed:
            return  # they stand there already
        touched = [bench.accounts[i] for i in sorted(bench.changed_accounts)]
        opened = [account for account in touched if account.id not in loaded]
        standing = [account for account in touched if account.id in loaded]
        moved = [a for a in standing if a.version != loaded[a.id].version]
        altered = [a for a in standing if a.revision != loaded[a.id].revision]
        if opened:
            await store.insert_accounts(connection, opened)
        if moved:
            await store.move_accounts(connection, moved, self._places, moved[0].last_at)
        if altered:
            await store.alter_accounts(connection, altered, altered[0].last_at)


_by_id = attrgetter("id")


def _touched(
    transfers: Iterable[Transfer], verbs: Iterable[AccountVerb]
) -> tuple[set[UUID], set[UUID]]:
    account_ids = {verb.account_id for verb in verbs}
    reservation_ids = set()
    for transfer in transfers:
        if isinstance(transfer, Post | Reserve):
            account_ids.add(transfer.debit)
            account_ids.add(transfer.credit)
        else:
            reservation_ids.add(transfer.reservation_id)
    return account_ids, reservation_ids
