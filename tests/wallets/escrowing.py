"""A buyer, sellers, an arbiter, and the escrows between them: the room as the hall wires it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from tallystick.books import PLATFORM, Transfers, account_id, chart
from tallystick.books.proof import prove
from tallystick.journal import Asked, Change, Journal, Origin
from tallystick.ledger import Ledger, Post
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import bucket_of, derived_id, new_id
from tallystick.platform.postgres.pools import Database
from tallystick.wallets import Tiers, store
from tallystick.wallets.escrows import Escrows, EscrowWish, Part, Payee
from tallystick.wallets.escrows import store as escrow_store
from tallystick.wallets.escrows.folds import ESCROWS, EscrowRow
from tallystick.wallets.model import Tier
from tallystick.wallets.projections import TIERS, WALLETS
from tallystick.wallets.requests import Call
from tallystick.wallets.wallets import Wallets

MASTER_KEY = bytes(32)
FUNDS = 100_000
_keys = count(1)


@dataclass(frozen=True)
class Chamber:
    """Where escrows are kept."""

    database: Database
    journal: Journal
    ledger: Ledger
    clock: HandClock
    tiers: Tiers
    wallets: Wallets
    escrows: Escrows

    def owner(self, name: str) -> UUID:
        """The id of a user or merchant of this name."""
        return derived_id(PLATFORM, name)

    async def wallet(self, name: str, amount_minor: int = 0, tier: str = "unlimited") -> UUID:
        """A new wallet of the owner called so, with so much in it."""
        seen = await self.wallets.open(self.owner(name), "INR", tier=tier)
        if amount_minor:
            bank = account_id(PLATFORM, chart.bank_code("INR"))
            order = Post(bank, seen.wallet.id, amount_minor, "INR", "fund")
            await Transfers(self.journal, self.ledger, self.clock).post_one(order)
        return seen.wallet.id

    async def limit(self, **limits_minor: int) -> str:
        """A tier with these limits; its name."""
        await self.tiers.set(Tier("tested", "INR", **limits_minor), origin=Origin())
        return "tested"

    async def payable(self, name: str) -> UUID:
        """The merchant of this name, paid in INR."""
        merchant_id = self.owner(name)
        orders = chart.merchant_accounts(merchant_id, ["INR"])
        await self.journal.record(Change(new_id(self.clock.now(), 0), accounts=orders))
        return merchant_id

    async def balance(self, account: UUID) -> int:
        found = await self.ledger.find_account(account)
        assert found is not None
        return found.posted_minor

    async def fees(self) -> int:
        return await self.balance(account_id(PLATFORM, chart.fees_code("INR")))

    async def opened(self, amount_minor: int = 1_000, **terms: Any) -> EscrowRow:
        """An escrow from the buyer to the seller, whose wallets are made unless they are named."""
        if "buyer_wallet_id" not in terms:
            terms["buyer_wallet_id"] = await self.wallet("buyer", FUNDS)
        if "payees" not in terms:
            terms["payees"] = (Payee(await self.wallet("seller")),)
        wish = EscrowWish(amount_minor=amount_minor, currency="INR", **terms)
        return (await self.escrows.open(wish)).row

    async def funded(self, amount_minor: int = 1_000, **terms: Any) -> EscrowRow:
        """As `opened`, with all of the amount in it."""
        row = await self.opened(amount_minor, **terms)
        return (await self.escrows.fund(row.id)).row

    async def look(self, row: EscrowRow) -> EscrowRow:
        return (await self.escrows.get(row.id)).row

    async def is_closed(self, row: EscrowRow) -> bool:
        found = await self.ledger.find_account(row.account_id)
        assert found is not None
        return found.closed_at is not None and found.posted_minor == 0

    async def kinds(self, row: EscrowRow) -> list[str]:
        facts = await self.escrows.list_facts(row.id)
        return [fact.kind.removeprefix("escrow.") for fact in facts]

    def by(self, name: str, asked: Asked | None = None) -> Call:
        """A call of the merchant of this name."""
        return Call(self.owner(name), asked)

    async def prove(self) -> dict[str, Any]:
        """The checks that are not green, with what they found."""
        checks = (*escrow_store.CHECKS, *store.CHECKS)
        proof = await prove(self.database, self.journal, self.clock, checks)
        return {check.name: check.findings for check in proof.checks if not check.green}


@asynccontextmanager
async def open_chamber(database: Database, clock: HandClock) -> AsyncIterator[Chamber]:
    """A chamber with a journal of its own; several over one database are several processes."""
    async with Journal.open(
        database, clock, projections=(WALLETS, TIERS, ESCROWS), master_key=MASTER_KEY
    ) as journal:
        ledger = Ledger(database)
        tiers = Tiers(journal, database, clock)
        wallets = Wallets(journal, database, ledger, clock, tiers)
        yield Chamber(database, journal, ledger, clock, tiers, wallets, Escrows(wallets))


async def furnish(chamber: Chamber) -> None:
    """The platform's own accounts."""
    opened = chart.platform_accounts((), ("INR",))
    change_id = new_id(chamber.clock.now(), bucket_of(PLATFORM))
    await chamber.journal.record(Change(change_id, accounts=opened))


def key(name: str | None = None, body: str = "body") -> Asked:
    """An idempotency key: a fresh one unless named."""
    return Asked("shop:escrows", name or f"key-{next(_keys)}", body.encode())


def ends(at: datetime, rule: str) -> dict[str, Any]:
    """A time-out rule."""
    return {"times_out_at": at, "on_timeout": rule}


def milestones(**amounts_minor: int) -> tuple[Part, ...]:
    """Parts by their names."""
    return tuple(Part(name, amount_minor) for name, amount_minor in amounts_minor.items())
