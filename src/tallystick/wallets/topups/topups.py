"""Top-ups: a payment that was captured for a wallet credits it, exactly once.

The capture has put the money on the merchant's payable: whole, but for his own wallet. From there
it goes to the wallet: debit `merchant:...:payable`, credit `wallet:...`. What the wallet will not
have yet, or what is not there, waits and is tried again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tallystick.journal import Change, Conflict, Fact, Journal, Origin, Refused, Told
from tallystick.ledger import Ledger, Post
from tallystick.platform.clock import Clock
from tallystick.platform.crash import crash_point
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.pools import Database
from tallystick.platform.telemetry import get_logger
from tallystick.platform.timetable import Job
from tallystick.wallets import limits, store
from tallystick.wallets.model import WalletsError
from tallystick.wallets.tiers import Tiers
from tallystick.wallets.topups import store as topup_store
from tallystick.wallets.topups.fact_reader import BATCH, FactReader
from tallystick.wallets.topups.folds import (
    CREDITED,
    TOP_UP,
    WAITING,
    TopUp,
    TopUpCredited,
    TopUpRow,
    TopUpWaiting,
)

NOBODY: Final = Origin()
RETRY_S: Final = 60.0
READER: Final = "top_ups"
_LOOKS: Final = 100
_EVERY_S: Final = 1.0
_log = get_logger("wallets.topups")

Purpose = Callable[[Told], Awaitable[TopUp | None]]
"""Which top-up a fact of payments means, if any: handed down, since payments live above."""


@dataclass(frozen=True)
class TopUps:
    """The verbs of top-ups."""

    journal: Journal
    database: Database
    ledger: Ledger
    tiers: Tiers
    clock: Clock

    def reader(self, kinds: frozenset[str], purpose: Purpose) -> FactReader:
        """Credits wallets as payments are captured."""

        async def effect(fact: Told, moved: Fact) -> bool:
            top_up = await purpose(fact)
            if top_up is None:
                return False
            await self.credit(top_up, moved)
            return True

        return FactReader(self.journal, self.database, READER, kinds, effect, self._skip)

    def jobs(self, kinds: frozenset[str], purpose: Purpose) -> tuple[Job, ...]:
        """What is done again and again, in one process or in several."""
        return (
            Job("top_ups", _EVERY_S, self.reader(kinds, purpose).run_once, full=BATCH),
            Job("waiting_top_ups", RETRY_S, self.retry_due),
        )

    async def credit(self, top_up: TopUp, *also: Fact, version: int = 1) -> str:
        """Credit the wallet, or let the top-up wait; `also` is told in the same change.

        Raises Conflict when another process was faster.
        """
        crash_point("topups.before_credit")
        try:
            refusal = await self._try(top_up, also, version)
        except (WalletsError, Refused) as refused:
            refusal = refused.code
        if refusal is None:
            crash_point("topups.after_credit")
            return "credited"
        data = TopUpWaiting(
            payment_id=top_up.payment_id,
            wallet_id=top_up.wallet_id,
            from_account_id=top_up.from_account_id,
            amount_minor=top_up.amount_minor,
            currency=top_up.currency,
            code=refusal,
            check_after_s=RETRY_S,
        )
        now = self.clock.now()
        waiting = Fact(top_up.id, version, WAITING, data)
        change_id = new_id(now, bucket_of(top_up.wallet_id))
        await self.journal.record(Change(change_id, (waiting, *also)))
        return "waiting"

    async def retry_due(self) -> int:
        """Try the waiting ones whose time has come; how many were tried."""
        rows = await topup_store.list_due(self.database, self.clock.now(), _LOOKS)
        for row in rows:
            try:
                await self._retry(row)
            except Conflict:
                continue  # somebody else is at it, or its wallet is moving: it stays due
            except Exception:  # noqa: BLE001 - one bad row must not stop the job
                _log.exception("top_up_failed", id=str(row.id))
        return len(rows)

    async def get_by_payment(self, payment_id: UUID) -> tuple[TopUpRow, ...]:
        """The top-ups that a payment made, one a capture."""
        return await topup_store.list_of_payment(self.database, payment_id)

    async def _retry(self, row: TopUpRow) -> None:
        top_up = TopUp(
            id=row.id,
            payment_id=row.payment_id,
            wallet_id=row.wallet_id,
            from_account_id=row.from_account_id,
            amount_minor=row.amount_minor,
            currency=row.currency,
        )
        await self.credit(top_up, version=row.version + 1)

    async def _try(self, top_up: TopUp, also: tuple[Fact, ...], version: int) -> str | None:
        """Credit it; or the reason why that cannot be, before anything was asked."""
        wallet = await store.find_wallet(self.database, top_up.wallet_id)
        if wallet is None:
            return "wallet_not_found"
        if wallet.currency != top_up.currency:
            return "currency_mismatch"
        now = self.clock.now()
        account = await self.ledger.find_account(wallet.id)
        tier = await self.tiers.get(wallet.tier, wallet.currency)
        held_minor = account.posted_minor if account else 0
        received = limits.incoming(wallet, top_up.amount_minor, held_minor, tier, now)
        change_id = new_id(now, bucket_of(wallet.id))
        data = TopUpCredited(
            payment_id=top_up.payment_id,
            wallet_id=wallet.id,
            from_account_id=top_up.from_account_id,
            amount_minor=top_up.amount_minor,
            currency=top_up.currency,
            posting_id=change_id,
        )
        post = Post(top_up.from_account_id, wallet.id, top_up.amount_minor, top_up.currency, TOP_UP)
        credited = Fact(top_up.id, version, CREDITED, data)
        await self.journal.record(Change(change_id, (credited, received, *also), (post,)))
        return None

    async def _skip(self, moved: Fact) -> None:
        now = self.clock.now()
        await self.journal.record(Change(new_id(now, bucket_of(moved.aggregate_id)), (moved,)))
