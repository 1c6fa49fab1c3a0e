"""Wallets: opened once an owner and currency, frozen, thawed, closed, given a tier, looked at.

A wallet's `version` counts all that ever happened to it: its own facts and its account's lines.
Both only grow, so an equal sum means that both are equal, and a change that requires both is
refused when anything came between.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import account_id
from tallystick.journal import Change, Conflict, Fact, Journal, Refused, Repeated
from tallystick.ledger import Close, Freeze, Ledger, Open, Require
from tallystick.money import Currency
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.latest import Place
from tallystick.platform.postgres.pools import Database
from tallystick.wallets import store
from tallystick.wallets.facts import OPENED, Opened
from tallystick.wallets.folds import wallet_of
from tallystick.wallets.model import (
    NotPossible,
    StaleVersion,
    Tier,
    Wallet,
    WalletNotFound,
    WalletsError,
    record_id_of,
    wallet_code,
)
from tallystick.wallets.projections import WALLETS
from tallystick.wallets.requests import OPERATOR, Call
from tallystick.wallets.tiers import MERCHANT_TIER, USER_TIER, Tiers
from tallystick.wallets.turns import Turns
from tallystick.wallets.upkeep import (
    Decision,
    decide_assignment,
    decide_closing,
    decide_freezing,
    decide_thawing,
)

# Only another process can be faster, and then about half of the time: 2^-20 are turned away.
ROUNDS: Final = 20
_MOVES: Final = frozenset({"post", "settle"})
_LINES: Final = 200
_LOOKS: Final = 20  # so many lines a page at most, even if all of them are promises
_AccountVerb = Open | Freeze | Close | Require


class Money(Struct, frozen=True):
    """What a wallet holds: `balance = available + pending`, in minor units."""

    balance_minor: int
    available_minor: int
    pending_minor: int
    lines: int  # of its account: the ledger's part of the wallet's version


class Seen(Struct, frozen=True):
    """A wallet with its money; `replayed` when an earlier call had brought it there."""

    wallet: Wallet
    money: Money
    replayed: bool = False

    @property
    def version(self) -> int:
        """Counts all that happened to the wallet and to its money."""
        return self.wallet.version + self.money.lines


class Transaction(Struct, frozen=True, kw_only=True):
    """One movement of a wallet's money: a line of its account. Never rewritten."""

    transfer_id: UUID
    change_id: UUID
    type: str  # DEBIT: out of the wallet | CREDIT: into it
    amount_minor: int
    currency: str
    balance_after_minor: int
    code: str  # what it was for
    created_at: datetime
    line: int


class Transactions(Struct, frozen=True):
    """Some movements, and the line behind which to go on; None after the last."""

    rows: tuple[Transaction, ...]
    next_line: int | None


@dataclass(frozen=True, slots=True)
class Wallets:
    """The verbs of wallets."""

    journal: Journal
    database: Database
    ledger: Ledger
    clock: Clock
    tiers: Tiers
    turns: Turns = field(default_factory=Turns)

    # Opening --------------------------------------------------------------------------------------

    async def open(
        self,
        owner_id: UUID,
        currency: str,
        *,
        owner_kind: str = "user",
        tier: str | None = None,
        call: Call = OPERATOR,
    ) -> Seen:
        """The owner's wallet in this currency, empty.

        Raises NotPossible (`wallet_exists`), TierNotFound, UnknownCurrency (of `money`), KeyReused.
        """
        code = wallet_code(owner_id, owner_kind, Currency(currency).code)
        wallet_id = account_id(owner_id, code)
        limits = await self.tiers.get(tier or _tier_for(owner_kind), currency)
        data = Opened(wallet_id, owner_id, owner_kind, currency, limits.name)
        fact = Fact(record_id_of(wallet_id), 1, OPENED, data)
        order = Open(wallet_id, code, currency, "credit", 0)
        try:
            async with self.journal.repeats_first(call.asked, WalletsError):
                await self._require_new(wallet_id)
            await self.journal.record(self._change(call, (fact,), accounts=(order,)))
        except Repeated as repeat:
            return await self._answered_opening(repeat)
        except (Conflict, Refused):
            await self._require_new(wallet_id)  # somebody else was faster
            raise
        return await self.get(wallet_id)

    async def _require_new(self, wallet_id: UUID) -> None:
        if await store.find_wallet(self.database, wallet_id) is not None:
            raise NotPossible("the owner has a wallet in this currency", "wallet_exists")

    async def _answered_opening(self, repeat: Repeated) -> Seen:
        try:
            return await self._answered(repeat)
        except Refused as refused:
            if refused.code != "account_exists":
                raise
            raise NotPossible("the owner has a wallet in this currency", "wallet_exists") from None

    # Upkeep ---------------------------------------------------------------------------------------

    async def freeze(self, wallet_id: UUID, stops: str = "outflow", call: Call = OPERATOR) -> Seen:
        """Let nothing leave (`outflow`), or nothing move at all (`all`).

        What was promised before a freeze of the outflow may still be captured. Raises
        WalletNotFound, NotPossible (`wallet_closed`), StaleVersion.
        """
        return await self._alter(wallet_id, lambda seen: decide_freezing(seen.wallet, stops), call)

    async def unfreeze(self, wallet_id: UUID, call: Call = OPERATOR) -> Seen:
        """Let money move again. Raises WalletNotFound, NotPossible (`wallet_not_frozen`,
        `wallet_closed`), StaleVersion.
        """
        return await self._alter(wallet_id, lambda seen: decide_thawing(seen.wallet), call)

    async def close(self, wallet_id: UUID, call: Call = OPERATOR) -> Seen:
        """Close an empty wallet for good.

        Raises WalletNotFound, NotPossible (`wallet_not_empty`, `wallet_frozen`, `wallet_closed`),
        StaleVersion, Refused (`account_not_empty`) when money arrives at this very moment.
        """
        return await self._alter(
            wallet_id, lambda seen: decide_closing(seen.wallet, seen.money.balance_minor), call
        )

    async def assign_tier(self, wallet_id: UUID, tier: str, call: Call = OPERATOR) -> Seen:
        """Let this tier's limits hold from now on; what is in the wallet stays there.

        Raises WalletNotFound, TierNotFound, NotPossible (`wallet_closed`), StaleVersion.
        """
        seen = await self.get(wallet_id, merchant_id=call.merchant_id)
        limits = await self.tiers.get(tier, seen.wallet.currency)
        return await self._alter(
            wallet_id, lambda now: decide_assignment(now.wallet, limits.name), call
        )

    async def _alter(self, wallet_id: UUID, decide: Callable[[Seen], Decision], call: Call) -> Seen:
        async with self.turns.of(wallet_id):
            for _ in range(ROUNDS):
                try:
                    async with self.journal.repeats_first(call.asked, WalletsError):
                        seen = await self.get(wallet_id, merchant_id=call.merchant_id)
                        if call.if_match not in (None, seen.version):
                            raise StaleVersion(f"the wallet is at version {seen.version}")
                        decision = decide(seen)
                    return await self._record(seen, decision, call)
                except Repeated as repeat:
                    return await self._answered(repeat)
                except Conflict:
                    continue  # with If-Match, the next look finds another version
        raise Conflict("too much happens to this wallet at once")

    async def _record(self, seen: Seen, decision: Decision, call: Call) -> Seen:
        wallet_id = seen.wallet.id
        accounts: tuple[_AccountVerb, ...] = decision.accounts
        if call.if_match is not None:
            accounts = (Require(wallet_id, seen.money.lines), *accounts)
        try:
            await self.journal.record(self._change(call, (decision.fact,), accounts=accounts))
        except Refused as refused:
            if refused.code == StaleVersion.code:
                raise StaleVersion(refused.detail) from None
            raise
        return await self.get(wallet_id)

    def _change(
        self, call: Call, facts: tuple[Fact, ...], *, accounts: tuple[_AccountVerb, ...]
    ) -> Change:
        subject = facts[0]
        claim = (
            call.asked.claim(subject.aggregate_id, version=subject.version) if call.asked else None
        )
        return Change(
            new_id(self.clock.now(), bucket_of(subject.aggregate_id)),
            facts,
            accounts=accounts,
            claim=claim,
            origin=call.origin,
        )

    async def _answered(self, repeat: Repeated) -> Seen:
        """The wallet's terms as the first call left them, and its money as it is now."""
        try:
            claim = await self.journal.answer(repeat, patience_s=0)
        except Refused as refused:
            if refused.code == StaleVersion.code:
                raise StaleVersion(refused.detail) from None
            raise
        row = await self.journal.row_as_of(WALLETS, claim.subject_id, claim.subject_version)
        wallet = wallet_of(row)
        return Seen(wallet, await self.money_of(wallet.id), replayed=True)

    # Looking --------------------------------------------------------------------------------------

    async def get(self, wallet_id: UUID, *, merchant_id: UUID | None = None) -> Seen:
        """One wallet with its money. Raises WalletNotFound, also when it is not the merchant's."""
        wallet = await store.find_wallet(self.database, wallet_id)
        if wallet is None or merchant_id not in (None, wallet.owner_id):
            raise WalletNotFound("no such wallet")
        return Seen(wallet, await self.money_of(wallet_id))

    async def limits_of(self, wallet: Wallet) -> Tier:
        """The limits that hold for this wallet now. Raises TierNotFound."""
        return await self.tiers.get(wallet.tier, wallet.currency)

    async def list_wallets(
        self, owner_id: UUID | None, after: Place | None = None, limit: int = 50
    ) -> tuple[Seen, ...]:
        """The latest wallets of one owner, or of all, with their money."""
        found = await store.list_wallets(self.database, owner_id, after, limit)
        accounts = await self.ledger.find_accounts([wallet.id for wallet in found])
        return tuple(Seen(wallet, _money(accounts.get(wallet.id))) for wallet in found)

    async def money_of(self, wallet_id: UUID) -> Money:
        """What stands in the wallet's account."""
        return _money(await self.ledger.find_account(wallet_id))

    async def list_transactions(
        self, wallet_id: UUID, before_line: int | None = None, limit: int = 50
    ) -> Transactions:
        """What moved into and out of the wallet, newest first, behind the line `before_line`.

        Promises are left out: a hold moves nothing until it is captured.
        """
        found: list[Transaction] = []
        for _ in range(_LOOKS):
            lines = await self.ledger.list_entries_back(wallet_id, before_line, _LINES)
            found += [_transaction(line) for line in lines if line.kind in _MOVES]
            if len(found) > limit:
                return Transactions(tuple(found[:limit]), found[limit - 1].line)
            if len(lines) < _LINES:
                return Transactions(tuple(found), None)
            before_line = lines[-1].account_version
        return Transactions(tuple(found), before_line)


def _transaction(line: Any) -> Transaction:
    return Transaction(
        transfer_id=line.transfer_id,
        change_id=line.transaction_id,
        type=line.entry_type,
        amount_minor=abs(line.amount_minor),
        currency=line.currency,
        balance_after_minor=line.balance_after_minor,
        code=line.code,
        created_at=line.created_at,
        line=line.account_version,
    )


def _money(account: Any) -> Money:
    if account is None:
        raise LookupError("a wallet has no account")
    balance_minor = account.posted_minor
    return Money(
        balance_minor=balance_minor,
        available_minor=account.available_minor,
        pending_minor=balance_minor - account.available_minor,
        lines=account.version,
    )


def _tier_for(owner_kind: str) -> str:
    return MERCHANT_TIER if owner_kind == "merchant" else USER_TIER
