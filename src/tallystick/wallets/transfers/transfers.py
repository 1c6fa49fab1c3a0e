"""Wallet transfers: from one wallet to another, exactly once by the requester's own name for it.

A transfer is one change: both wallets' limits are asked within it, so they hold however many
transfers run at once; the ledger locks accounts in their order, so opposite ones never deadlock.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books.exchange import QuoteEnded, Quotes
from tallystick.journal import Asked, Change, Conflict, Fact, Origin, Repeated
from tallystick.platform.ids import bucket_of, new_id
from tallystick.wallets import store
from tallystick.wallets.model import Wallet, WalletNotFound
from tallystick.wallets.transfers import store as transfer_store
from tallystick.wallets.transfers.decisions import (
    Moved,
    Parties,
    Wish,
    decide_transfer,
    exchanged_by,
    require_fitting,
)
from tallystick.wallets.transfers.errors import TransferDiffers, TransferNotFound
from tallystick.wallets.transfers.folds import (
    TransferTerms,
    WalletTransferRow,
    differences,
    fold_transfer,
    requester_of,
    told_here,
    wallet_transfer_id,
)
from tallystick.wallets.transfers.store import Wanted
from tallystick.wallets.turns import ROUNDS, pause_after
from tallystick.wallets.wallets import Wallets

NOBODY: Final = Origin()


class Sent(Struct, frozen=True):
    """A wallet transfer, and whether an earlier call had made it already."""

    row: WalletTransferRow
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class WalletTransfers:
    """The verbs of wallet transfers."""

    wallets: Wallets
    quotes: Quotes

    async def send(
        self,
        terms: TransferTerms,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Sent:
        """Move money from one wallet to another; `merchant_id` None is the operator.

        A transfer_id that comes again is answered with the transfer it stands for. Raises
        WalletNotFound, also when the paying wallet is not the merchant's; TransferDiffers when the
        transfer_id or the key stood for other terms; QuoteNotFound, QuoteDiffers, QuoteUsed,
        QuoteExpired (of `books`); Refused, and what the limits refuse.
        """
        requester_id = requester_of(merchant_id)
        wish = Wish(wallet_transfer_id(requester_id, terms.transfer_id), requester_id, terms)
        if sent := await self._find_sent(wish):
            return sent
        async with self.wallets.turns.of(terms.from_wallet_id, terms.to_wallet_id):
            for losses in range(1, ROUNDS + 1):
                try:
                    return Sent(await self.move(wish, merchant_id, asked=asked, origin=origin))
                except Repeated as repeat:
                    return await self._answer(repeat, wish)
                except (Conflict, QuoteEnded) as error:
                    # Perhaps it was this very transfer that was faster.
                    if sent := await self._find_sent(wish):
                        return sent
                    if isinstance(error, QuoteEnded):
                        raise
                    await pause_after(losses)
        raise Conflict("too many transfers of these wallets at once")

    async def get(self, row_id: UUID, *, merchant_id: UUID | None = None) -> WalletTransferRow:
        """One wallet transfer. Raises TransferNotFound, also when no wallet of it is his."""
        row = await transfer_store.find_transfer(self.wallets.database, row_id)
        wallet_ids = await self.wallets_of(merchant_id)
        if row is None or (
            wallet_ids is not None and wallet_ids.isdisjoint((row.from_wallet_id, row.to_wallet_id))
        ):
            raise TransferNotFound("no such wallet transfer")
        return row

    async def list_transfers(
        self, wanted: Wanted, *, merchant_id: UUID | None = None
    ) -> tuple[WalletTransferRow, ...]:
        """The latest transfers from and to a merchant's wallets (None: to anybody's)."""
        if wanted.transfer_id is not None:
            row_id = wallet_transfer_id(requester_of(merchant_id), wanted.transfer_id)
            row = await transfer_store.find_transfer(self.wallets.database, row_id)
            return (row,) if row and _is_wanted(row, wanted) else ()
        wallet_ids = await self.wallets_of(merchant_id)
        if wanted.wallet_id is not None:
            named = {wanted.wallet_id}
            wallet_ids = named if wallet_ids is None else wallet_ids & named
        return await transfer_store.list_transfers(self.wallets.database, wanted, wallet_ids)

    async def wallets_of(self, merchant_id: UUID | None) -> set[UUID] | None:
        """The merchant's own wallets; None, which is all, for the operator."""
        if merchant_id is None:
            return None
        return set(await store.list_wallet_ids(self.wallets.database, merchant_id))

    # What a schedule's run shares -----------------------------------------------------------------

    async def move(
        self,
        wish: Wish,
        merchant_id: UUID | None = None,
        *,
        also: tuple[Fact, ...] = (),
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> WalletTransferRow:
        """Try once, together with the facts in `also`.

        Raises Conflict and Repeated too: whoever calls decides again.
        """
        change_id = new_id(self.wallets.clock.now(), bucket_of(wish.terms.from_wallet_id))
        moved = await self._decide(wish, merchant_id, change_id)
        change = Change(
            change_id,
            (*moved.facts, *also),
            moved.posts,
            # Claims are kept by the age of their subject, and the transfer's own id has none.
            claim=asked.claim(change_id) if asked else None,
            origin=origin,
        )
        recorded = await self.wallets.journal.record(change)
        return fold_transfer(None, told_here(moved.told, recorded.at))

    async def _decide(self, wish: Wish, merchant_id: UUID | None, change_id: UUID) -> Moved:
        terms, now = wish.terms, self.wallets.clock.now()
        payer, payee = await self.find_parties(terms, merchant_id)
        account = await self.wallets.ledger.find_account(payee.id)
        parties = Parties(
            payer=payer,
            payee=payee,
            payer_tier=await self.wallets.tiers.get(payer.tier, payer.currency),
            payee_tier=await self.wallets.tiers.get(payee.tier, payee.currency),
            payee_balance_minor=account.posted_minor if account else 0,
        )
        if terms.quote_id is None:
            return decide_transfer(wish, parties, change_id, now)
        quote = await self.quotes.get_quote(terms.quote_id, merchant_id=merchant_id)
        exchanged = exchanged_by(quote, terms, payee, change_id, now)
        return decide_transfer(wish, parties, change_id, now, exchanged)

    async def find_parties(
        self, terms: TransferTerms, merchant_id: UUID | None
    ) -> tuple[Wallet, Wallet]:
        """Who pays and who is paid, if these terms fit them.

        Raises WalletNotFound, also when the paying wallet is not the merchant's; Refused.
        """
        payer = await store.find_wallet(self.wallets.database, terms.from_wallet_id)
        if payer is None or merchant_id not in (None, payer.owner_id):
            raise WalletNotFound("no such wallet to pay from")
        payee = await store.find_wallet(self.wallets.database, terms.to_wallet_id)
        if payee is None:
            raise WalletNotFound("no such wallet to pay to")
        require_fitting(terms, payer, payee)
        return payer, payee

    # Repeats --------------------------------------------------------------------------------------

    async def _find_sent(self, wish: Wish) -> Sent | None:
        """The transfer that this transfer_id stands for. Raises TransferDiffers."""
        row = await transfer_store.find_transfer(self.wallets.database, wish.id)
        return self._repeated(wish, row) if row else None

    async def _answer(self, repeat: Repeated, wish: Wish) -> Sent:
        """What the first call with this key was answered. Raises TransferDiffers, Refused."""
        database, journal = self.wallets.database, self.wallets.journal
        row = await transfer_store.find_transfer_by_posting(database, repeat.claim.subject_id)
        if row is not None:
            return self._repeated(wish, row)
        await journal.answer(repeat, patience_s=0)  # raises: it was refused
        raise TransferNotFound("the key stands for no transfer")

    def _repeated(self, wish: Wish, row: WalletTransferRow) -> Sent:
        if fields := differences(wish.terms, row):
            raise TransferDiffers(fields)
        return Sent(row, replayed=True)


def _is_wanted(row: WalletTransferRow, wanted: Wanted) -> bool:
    return (
        wanted.wallet_id in (None, row.from_wallet_id, row.to_wallet_id)
        and wanted.schedule_id in (None, row.schedule_id)
        and wanted.status in (None, row.status)
    )
