"""Top-ups: a payment that was captured for a wallet credits it, exactly once.

The capture has put the money on the merchant's payable: whole, but for his own wallet. From there
it goes to the wallet: debit `merchant:...:payable`, credit `wallet:...`. What the wallet will not
have yet, or what is not there, waits and is tried again.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from tallystick.journal import Change, Conflict, Fact, Journal, Refused
from tallystick.ledger import Ledger, Post
from tallystick.platform.clock import Clock
from tallystick.platform.crash import crash_point
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.pools import Database
from tallystick.platform.telemetry import get_logger
from tallystick.platform.timetable import Job
from tallystick.wallets import limits, store
from tallystick.wallets.model import NotPossible, WalletNotFound, WalletsError
from tallystick.wallets.tiers import Tiers
from tallystick.wallets.topups import store as topup_store
from tallystick.wallets.topups.errors import TopUpNotFound
from tallystick.wallets.topups.folds import (
    CREDITED,
    TOP_UP,
    WAITING,
    TopUpCredited,
    TopUpOpened,
    TopUpRow,
    TopUpWaiting,
)
from tallystick.wallets.topups.store import TopUpsWanted

RETRY_S: Final = 60.0
EVERY_S: Final = 1.0
ROUND: Final = 100
_log = get_logger("wallets.topups")


@dataclass(frozen=True)
class TopUps:
    """The verbs of top-ups."""

    journal: Journal
    database: Database
    ledger: Ledger
    tiers: Tiers
    clock: Clock

    @property
    def jobs(self) -> tuple[Job, ...]:
        """What is done again and again, in one process or in several."""
        return (Job("top_ups", EVERY_S, self.credit_due, full=ROUND),)

    async def get(
        self, top_up_id: UUID, *, account_ids: Collection[UUID] | None = None
    ) -> TopUpRow:
        """One top-up. Raises TopUpNotFound, also when it touched none of these accounts."""
        row = await topup_store.find_top_up(self.database, top_up_id)
        if row is None or (
            account_ids is not None
            and row.wallet_id not in account_ids
            and row.from_account_id not in account_ids
        ):
            raise TopUpNotFound("no such top-up")
        return row

    async def list_top_ups(self, wanted: TopUpsWanted) -> tuple[TopUpRow, ...]:
        """The latest top-ups of these accounts, or of all."""
        return await topup_store.list_top_ups(self.database, wanted)

    async def credit_due(self, limit: int = ROUND) -> int:
        """Credit those that are due, or let them wait; how many were tried, at most `limit`.

        Several processes at once do no harm.
        """
        rows = await topup_store.list_due(self.database, self.clock.now(), limit)
        for row in rows:
            try:
                await self._credit(row)
            except Conflict:
                continue  # somebody else is at it, or its wallet is moving: it stays due
            except Exception:  # noqa: BLE001 - one bad row must not stop the job
                _log.exception("top_up_failed", id=str(row.id))
        return len(rows)

    async def _credit(self, row: TopUpRow) -> None:
        """Credit the wallet, or let the top-up wait. Raises Conflict when another was faster."""
        crash_point("topups.before_credit")
        try:
            await self._try(row)
        except (WalletsError, Refused) as refused:
            await self._let_wait(row, refused.code)
        else:
            crash_point("topups.after_credit")

    async def _let_wait(self, row: TopUpRow, code: str) -> None:
        data = TopUpWaiting(**_terms(row), code=code, check_after_s=RETRY_S)
        change_id = new_id(self.clock.now(), bucket_of(row.wallet_id))
        await self.journal.record(
            Change(change_id, (Fact(row.id, row.version + 1, WAITING, data),))
        )

    async def _try(self, row: TopUpRow) -> None:
        """Raises WalletsError and Refused, with the reason why it cannot be; Conflict."""
        wallet = await store.find_wallet(self.database, row.wallet_id)
        if wallet is None:
            raise WalletNotFound("no such wallet")
        if wallet.currency != row.currency:
            raise NotPossible(f"the wallet holds {wallet.currency}", "currency_mismatch")
        now = self.clock.now()
        account = await self.ledger.find_account(wallet.id)
        tier = await self.tiers.get(wallet.tier, wallet.currency)
        held_minor = account.posted_minor if account else 0
        received = limits.incoming(wallet, row.amount_minor, held_minor, tier)
        change_id = new_id(now, bucket_of(wallet.id))
        data = TopUpCredited(**_terms(row), posting_id=change_id)
        post = Post(row.from_account_id, wallet.id, row.amount_minor, row.currency, TOP_UP)
        credited = Fact(row.id, row.version + 1, CREDITED, data)
        await self.journal.record(Change(change_id, (credited, received), (post,)))


def _terms(row: TopUpRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in TopUpOpened.__struct_fields__}
