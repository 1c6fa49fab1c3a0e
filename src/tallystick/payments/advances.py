"""Refunds that a merchant has not got the money for: the platform advances it, up to a limit.

What is missing is taken from the merchant's advance account, whose overdraft is the limit, and a
job repays it from the payable as money comes in. So the payable itself is never overdrawn, and
nobody can be paid out of an advance.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tallystick.books import Accounts, account_id, chart, facts_of
from tallystick.journal import Change, Conflict, Journal, Refused
from tallystick.ledger import Ledger, Limit, Post, Require
from tallystick.payments import store
from tallystick.payments.model import Limits, PaymentRow
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.pools import Database

REPAID: Final = "advance_repaid"


@dataclass(frozen=True)
class Advances:
    """The verbs of advances."""

    journal: Journal
    database: Database
    clock: Clock
    limits: Limits

    async def find_available(self, row: PaymentRow, amount_minor: int | None) -> int | None:
        """What the merchant has got for a refund, when the rest may be advanced; else None."""
        limit_minor = self.limits.refund_advance_minor.get(row.currency, 0)
        if not limit_minor:
            return None
        payable = account_id(row.merchant_id, chart.payable_code(row.merchant_id, row.currency))
        account = await Ledger(self.database).find_account(payable)
        available_minor = max(0, account.available_minor) if account else 0
        if available_minor < (amount_minor or row.refundable_minor):
            try:
                await self._open(row, limit_minor)
            except Refused:  # the limit was lowered below what is owed already
                return None
        return available_minor

    async def repay(self) -> None:
        """Repay what merchants can."""
        for merchant_id, currency in await store.list_advanced(self.database):
            with suppress(Refused, Conflict):  # it has moved meanwhile: the next round sees
                await self._repay(merchant_id, currency)

    async def _open(self, row: PaymentRow, limit_minor: int) -> None:
        accounts = Accounts(self.journal, self.clock)
        order = chart.advance_account(row.merchant_id, row.currency, limit_minor)
        await accounts.ensure_open([order])
        terms = await accounts.find_terms(order.account_id)
        if terms is not None and terms.overdraft_limit_minor != limit_minor:
            await accounts.limit(Limit(order.account_id, limit_minor))

    async def _repay(self, merchant_id: UUID, currency: str) -> None:
        ledger = Ledger(self.database)
        payable_id, advance_id = (
            account_id(merchant_id, code(merchant_id, currency))
            for code in (chart.payable_code, chart.advance_code)
        )
        found = await ledger.find_accounts([payable_id, advance_id])
        payable, advance = found.get(payable_id), found.get(advance_id)
        if payable is None or advance is None:
            return
        amount_minor = min(-advance.posted_minor, payable.posted_minor, payable.available_minor)
        if amount_minor > 0:
            change_id = new_id(self.clock.now(), bucket_of(merchant_id))
            posts = (Post(payable.id, advance.id, amount_minor, currency, REPAID),)
            unmoved = Require(advance.id, advance.version)  # another worker may be at it too
            change = Change(change_id, facts_of(change_id, posts), posts, (unmoved,))
            await self.journal.record(change)
