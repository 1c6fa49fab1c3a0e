"""The provider of route `wallet`: asked as a bank is, it answers from the ledger.

Each order is one change: the order's own fact, what it means to the wallet and its hold, and the
transfer. What is asked again under a reference is answered from the row of the first time.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from tallystick.books import chart
from tallystick.journal import Change, Conflict, Fact, JournalError, Refused
from tallystick.platform.ids import MalformedId, bucket_of, new_id, parse_typeid
from tallystick.platform.postgres.pools import Database
from tallystick.platform.settings import Settings
from tallystick.rails import (
    Approved,
    AuthorizeOrder,
    CaptureOrder,
    NotFound,
    Outcome,
    RefundOrder,
    Route,
    Unanswered,
    VoidOrder,
)
from tallystick.wallets import store as wallet_store
from tallystick.wallets.hold_decisions import Payer
from tallystick.wallets.model import Hold, NotPossible, Wallet, WalletNotFound, WalletsError
from tallystick.wallets.rail import orders as book
from tallystick.wallets.rail import store
from tallystick.wallets.rail.decisions import (
    Lasting,
    Moved,
    Receiving,
    authorizing_kind,
    decide_authorization,
    decide_charge,
    decide_giving_back,
    decide_letting_go,
    decide_taking,
    declined_as,
    require_open,
)
from tallystick.wallets.rail.orders import WalletOrder, WalletOrderRow
from tallystick.wallets.turns import ROUNDS, pause_after
from tallystick.wallets.wallets import Wallets

ROUTE: Final = chart.WALLET_ROUTE
OUTLIVES: Final = timedelta(days=1)
"""How long a hold stands beyond its payment's time, which begins a little later."""
AMOUNT_MINOR_MAX: Final = 10**15
_NO_AUTHORIZATION: Final = Unanswered("unknown_authorization")
_ANOTHER_ORDER: Final = Unanswered("another_order")

Decide = Callable[[UUID], Awaitable[Moved]]


@dataclass(frozen=True, slots=True)
class WalletRail:
    """The verbs of the route. `hold_ttl`: how long a payment's hold stands if nobody ends it."""

    wallets: Wallets
    route: Route
    hold_ttl: timedelta

    @classmethod
    def over(cls, wallets: Wallets, settings: Settings) -> "WalletRail":
        """The rail for the configured currencies."""
        route = Route(
            name=ROUTE,
            provider=ROUTE,
            base_url="",
            priority=1,
            max_amount_minor=dict.fromkeys(settings.currencies, AMOUNT_MINOR_MAX),
            fee_bp=0,
            methods=("wallet",),
        )
        return cls(wallets, route, timedelta(seconds=settings.authorization_ttl_s) + OUTLIVES)

    async def authorize(self, order: AuthorizeOrder) -> Outcome:
        try:
            wallet_id = parse_typeid("wal", order.token)
            merchant_id = parse_typeid("mer", order.merchant)
        except MalformedId:
            return declined_as("wallet_not_found")
        asked = WalletOrder(
            reference=order.reference,
            authorization_reference=order.reference,
            order_kind=authorizing_kind(capture=order.capture),
            wallet_id=wallet_id,
            amount_minor=order.amount_minor,
            currency=order.currency,
        )

        async def decide(change_id: UUID) -> Moved:
            payer = await self._payer(wallet_id)
            now = self.wallets.clock.now()
            if order.capture:
                return decide_charge(asked, payer, now)
            hold_id = new_id(now, bucket_of(wallet_id))
            # The first transfer of a change has the change's id, and so has its reservation.
            lasting = Lasting(hold_id, change_id, now + self.hold_ttl)
            return decide_authorization(asked, payer, merchant_id, lasting, now)

        return await self._obey(asked, decide)

    async def capture(self, order: CaptureOrder) -> Outcome:
        found = await store.find_order(self._database, order.authorization_reference)
        if found is None:
            return _NO_AUTHORIZATION
        asked = _on(found, order.reference, book.CAPTURE, order.amount_minor, order.currency)

        async def decide(_change_id: UUID) -> Moved:
            hold = await self._hold(found)
            wallet = await self._wallet(found.wallet_id)
            now = self.wallets.clock.now()
            return decide_taking(asked, hold, wallet, final=order.final, now=now)

        return await self._obey(asked, decide)

    async def void(self, order: VoidOrder) -> Outcome:
        found = await store.find_order(self._database, order.authorization_reference)
        if found is None:
            return _NO_AUTHORIZATION
        asked = _on(found, order.reference, book.VOID, 0, found.currency)

        async def decide(_change_id: UUID) -> Moved:
            hold = await self._hold(found)
            return decide_letting_go(hold, await self._wallet(found.wallet_id))

        return await self._obey(asked, decide)

    async def refund(self, order: RefundOrder) -> Outcome:
        found = await store.find_order(self._database, order.authorization_reference)
        if found is None:
            return _NO_AUTHORIZATION
        asked = _on(found, order.reference, book.REFUND, order.amount_minor, order.currency)

        async def decide(_change_id: UUID) -> Moved:
            # The wallet first: another refund then shows in its version, and this one is redecided.
            payer = await self._payer(found.wallet_id)
            money = await self.wallets.money_of(found.wallet_id)
            to = Receiving(payer.wallet, money.balance_minor, payer.tier)
            before = await store.list_orders(self._database, found.reference)
            return decide_giving_back(asked, to, book.Standing.of(before))

        return await self._obey(asked, decide)

    async def find(self, reference: str) -> Outcome:
        """What stands under this reference."""
        row = await store.find_order(self._database, reference)
        return _outcome(row) if row else NotFound()

    # Once for a reference -------------------------------------------------------------------------

    async def _obey(self, asked: WalletOrder, decide: Decide) -> Outcome:
        """Do it, unless something stands under its reference: then that is the answer."""
        async with self.wallets.turns.of(asked.wallet_id):
            for losses in range(1, ROUNDS + 1):
                row = await store.find_order(self._database, asked.reference)
                if row is not None:
                    return _outcome(row) if row.stands_for(asked) else _ANOTHER_ORDER
                try:
                    return await self._try(asked, decide)
                except Conflict:
                    await pause_after(losses)
                except JournalError as error:
                    return Unanswered(error.code)
        return Unanswered(Conflict.code)

    async def _try(self, asked: WalletOrder, decide: Decide) -> Outcome:
        """Raises Conflict, and what the journal could not do."""
        change_id = self._new_id(asked)
        try:
            moved = await decide(change_id)
            done = book.approved(asked, change_id, moved.hold_id)
            facts: tuple[Fact, ...] = (done, *moved.facts)
            await self.wallets.journal.record(Change(change_id, facts, (moved.transfer,)))
        except (WalletsError, Refused) as refusal:
            # On record too: what was answered once is never done later.
            no = Change(self._new_id(asked), (book.declined(asked, refusal.code),))
            await self.wallets.journal.record(no)
            return declined_as(refusal.code)
        return Approved(asked.name)

    def _new_id(self, asked: WalletOrder) -> UUID:
        return new_id(self.wallets.clock.now(), bucket_of(asked.wallet_id))

    # Looking --------------------------------------------------------------------------------------

    @property
    def _database(self) -> Database:
        return self.wallets.database

    async def _wallet(self, wallet_id: UUID) -> Wallet:
        wallet = await find_wallet(self._database, wallet_id)
        if wallet is None:
            raise WalletNotFound("no such wallet")
        return wallet

    async def _payer(self, wallet_id: UUID) -> Payer:
        wallet = await self._wallet(wallet_id)
        return Payer(wallet, await self.wallets.limits_of(wallet))

    async def _hold(self, authorization: WalletOrderRow) -> Hold:
        """What is held by an authorization. Raises NotPossible where there is no hold."""
        require_open(authorization.order_kind)
        hold = authorization.hold_id and await wallet_store.find_hold(
            self._database, authorization.hold_id
        )
        if not hold:
            raise NotPossible("nothing was ever held", "authorization_not_open")
        return hold


async def find_wallet(database: Database, wallet_id: UUID) -> Wallet | None:
    """The wallet that a payment is to be made with, for whoever asks before paying."""
    return await wallet_store.find_wallet(database, wallet_id)


def _on(
    authorization: WalletOrderRow, reference: str, kind: str, amount_minor: int, currency: str
) -> WalletOrder:
    """An order on what was authorized before."""
    return WalletOrder(
        reference=reference,
        authorization_reference=authorization.reference,
        order_kind=kind,
        wallet_id=authorization.wallet_id,
        amount_minor=amount_minor,
        currency=currency,
    )


def _outcome(row: WalletOrderRow) -> Outcome:
    return declined_as(row.code) if row.code is not None else Approved(row.name)
