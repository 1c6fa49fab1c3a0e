"""Holds: money of a wallet set aside for a payee, captured in parts, released, or run out.

The payee's side decides: a merchant captures and releases what is held for it. Whoever owns the
wallet sees its holds and waits for their end, or a hold would promise nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import PLATFORM, account_id, chart
from tallystick.journal import Change, Conflict, Repeated
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.telemetry import get_logger
from tallystick.platform.timetable import Job
from tallystick.wallets import store
from tallystick.wallets.hold_decisions import (
    HoldTerms,
    Payee,
    Payer,
    Receiver,
    Step,
    decide_capture,
    decide_expiry,
    decide_placing,
    decide_release,
)
from tallystick.wallets.model import (
    Hold,
    HoldNotFound,
    NotPossible,
    Wallet,
    WalletNotFound,
    WalletsError,
)
from tallystick.wallets.projections import HOLDS
from tallystick.wallets.requests import OPERATOR, Call
from tallystick.wallets.store import HoldsWanted
from tallystick.wallets.wallets import ROUNDS, Wallets

EVERY_S: Final = 5.0
ROUND: Final = 500
_AT_ONCE: Final = 8
_log = get_logger("wallets.holds")


class Held(Struct, frozen=True):
    """A hold, and whether an earlier call had brought it there already."""

    hold: Hold
    replayed: bool = False


class HeldFor(Struct, frozen=True):
    """Who is to be paid: a wallet, or a merchant's payable account. Exactly one of the two."""

    wallet_id: UUID | None = None
    merchant_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Holds:
    """The verbs of holds, and the job that ends those whose time is over."""

    wallets: Wallets

    async def place(self, wish: HoldTerms, to: HeldFor, call: Call = OPERATOR) -> Held:
        """Set money of a wallet aside, within its limits.

        Raises WalletNotFound (also when it is not the merchant's), Invalid, NotPossible,
        LimitExceeded, Refused (`insufficient_funds`), KeyReused.
        """
        now = self.wallets.clock.now()
        hold_id = new_id(now, bucket_of(wish.wallet_id))

        async def decide(change_id: UUID) -> Step:
            payer = await self._own_wallet(wish.wallet_id, call.merchant_id)
            tier = await self.wallets.limits_of(payer)
            payee = await self._payee(to, payer)
            now = self.wallets.clock.now()
            # The first transfer of a change has the change's id, and so has its reservation.
            return decide_placing(hold_id, change_id, wish, (Payer(payer, tier), payee), now)

        async with self.wallets.turns.of(wish.wallet_id):
            return await self._record(hold_id, decide, call)

    async def capture(
        self,
        hold_id: UUID,
        amount_minor: int | None = None,
        *,
        final: bool = False,
        call: Call = OPERATOR,
    ) -> Held:
        """Pay the payee all that is left, or `amount_minor` of it; `final` gives back the rest.

        Raises HoldNotFound, NotPossible (`hold_not_active`, `hold_expired`, `hold_exceeded`,
        `hold_not_yours`, `hold_kept` by a payment, ...), LimitExceeded, KeyReused.
        """

        async def decide(_change_id: UUID) -> Step:
            hold = await self._of_payee(hold_id, call.merchant_id)
            payer = await self._wallet(hold.wallet_id)
            receiver = await self._receiver(hold)
            now = self.wallets.clock.now()
            return decide_capture(hold, payer, receiver, (amount_minor, final), now)

        return await self._in_turn(hold_id, decide, call)

    async def release(self, hold_id: UUID, call: Call = OPERATOR) -> Held:
        """Give back what remains.

        Raises HoldNotFound, NotPossible (`hold_not_active`, `hold_not_yours`, `hold_kept`),
        KeyReused.
        """

        async def decide(_change_id: UUID) -> Step:
            hold = await self._of_payee(hold_id, call.merchant_id)
            return decide_release(hold, await self._wallet(hold.wallet_id))

        return await self._in_turn(hold_id, decide, call)

    # Looking --------------------------------------------------------------------------------------

    async def get(self, hold_id: UUID, *, merchant_id: UUID | None = None) -> Hold:
        """One hold. Raises HoldNotFound, also when it is neither on nor for the merchant's."""
        hold = await store.find_hold(self.wallets.database, hold_id)
        if hold is None:
            raise HoldNotFound("no such hold")
        if merchant_id not in (None, hold.to_merchant_id):
            payer = await self._wallet(hold.wallet_id)
            if payer.owner_id != merchant_id:
                raise HoldNotFound("no such hold")
        return hold

    async def list_holds(self, wanted: HoldsWanted) -> tuple[Hold, ...]:
        """The latest holds of a wallet, or of a merchant, or all."""
        return await store.list_holds(self.wallets.database, wanted)

    # The job --------------------------------------------------------------------------------------

    @property
    def jobs(self) -> tuple[Job, ...]:
        """What is done again and again, in one process or in several."""
        return (Job("hold_expiry", EVERY_S, self.expire_due, full=ROUND),)

    async def expire_due(self, limit: int = ROUND) -> int:
        """Record the end of at most `limit` holds whose time is over; how many were recorded.

        Several processes at once do no harm. A full `limit` means there may be more.
        """
        now = self.wallets.clock.now()
        due = await store.list_due_holds(self.wallets.database, now, limit)
        turn = asyncio.Semaphore(_AT_ONCE)
        return sum(await asyncio.gather(*(self._expire(hold_id, turn) for hold_id in due)))

    async def _expire(self, hold_id: UUID, turn: asyncio.Semaphore) -> bool:
        async def decide(_change_id: UUID) -> Step:
            hold = await self.get(hold_id)
            return decide_expiry(hold, await self._wallet(hold.wallet_id), self.wallets.clock.now())

        async with turn:
            try:
                await self._in_turn(hold_id, decide, OPERATOR)
            except (NotPossible, Conflict):
                return False  # somebody captured or released it first, or will be asked again
            except Exception:  # noqa: BLE001 - one bad hold must not stop the job
                _log.exception("hold_expiry_failed", id=str(hold_id))
                return False
        return True

    # Parties --------------------------------------------------------------------------------------

    async def _of_payee(self, hold_id: UUID, merchant_id: UUID | None) -> Hold:
        hold = await self.get(hold_id, merchant_id=merchant_id)
        if merchant_id not in (None, hold.to_merchant_id):
            raise NotPossible("only whom it is held for captures or releases it", "hold_not_yours")
        if hold.to_account_id == account_id(PLATFORM, chart.wallet_clearing_code(hold.currency)):
            detail = "it is a payment's: capture or cancel the payment"
            raise NotPossible(detail, "hold_kept")
        return hold

    async def _own_wallet(self, wallet_id: UUID, merchant_id: UUID | None) -> Wallet:
        wallet = await self._wallet(wallet_id)
        if merchant_id not in (None, wallet.owner_id):
            raise WalletNotFound("no such wallet")
        return wallet

    async def _wallet(self, wallet_id: UUID) -> Wallet:
        wallet = await store.find_wallet(self.wallets.database, wallet_id)
        if wallet is None:
            raise WalletNotFound("no such wallet")
        return wallet

    async def _payee(self, to: HeldFor, payer: Wallet) -> Payee:
        if to.wallet_id is not None:
            wallet = await self._wallet(to.wallet_id)
            merchant_id = wallet.owner_id if wallet.owner_kind == "merchant" else None
            return Payee(wallet.id, wallet.currency, wallet.id, merchant_id)
        if to.merchant_id is None:
            raise ValueError("a hold is for a wallet, or for a merchant")
        # A merchant that is not paid in this currency has no such account: the judge says so.
        code = chart.payable_code(to.merchant_id, payer.currency)
        account = account_id(to.merchant_id, code)
        return Payee(account, payer.currency, None, to.merchant_id)

    async def _receiver(self, hold: Hold) -> Receiver | None:
        if hold.to_wallet_id is None:
            return None
        wallet = await self._wallet(hold.to_wallet_id)
        money = await self.wallets.money_of(wallet.id)
        return Receiver(wallet, money.balance_minor, await self.wallets.limits_of(wallet))

    # Changes and their repeats --------------------------------------------------------------------

    async def _in_turn(
        self, hold_id: UUID, decide: Callable[[UUID], Awaitable[Step]], call: Call
    ) -> Held:
        hold = await store.find_hold(self.wallets.database, hold_id)
        if hold is None:
            raise HoldNotFound("no such hold")
        touched = [hold.wallet_id, *([hold.to_wallet_id] if hold.to_wallet_id else [])]
        async with self.wallets.turns.of(*touched):
            return await self._record(hold_id, decide, call)

    async def _record(
        self, hold_id: UUID, decide: Callable[[UUID], Awaitable[Step]], call: Call
    ) -> Held:
        journal = self.wallets.journal
        for _ in range(ROUNDS):
            change_id = new_id(self.wallets.clock.now(), bucket_of(hold_id))
            try:
                async with journal.repeats_first(call.asked, WalletsError):
                    step = await decide(change_id)
                told = step.facts[0]
                claim = None
                if call.asked:
                    claim = call.asked.claim(told.aggregate_id, version=told.version)
                await journal.record(
                    Change(change_id, step.facts, (step.transfer,), claim=claim, origin=call.origin)
                )
            except Conflict:
                continue
            except Repeated as repeat:
                return await self._answered(repeat)
            row = await journal.row_as_of(HOLDS, told.aggregate_id, told.version)
            return Held(row)
        raise Conflict("too much happens to this wallet at once")

    async def _answered(self, repeat: Repeated) -> Held:
        """The hold as the first call with this key left it. Raises KeyReused, Refused."""
        journal = self.wallets.journal
        claim = await journal.answer(repeat, patience_s=0)
        row = await journal.row_as_of(HOLDS, claim.subject_id, claim.subject_version)
        return Held(row, replayed=True)
