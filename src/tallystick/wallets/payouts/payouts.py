"""Payouts: money that leaves us, to an account or a UPI id elsewhere.

Three beats, as with payments: the money is reserved and the order told; the rail is asked with no
transaction open; the answer is recorded with its money. Whatever dies in between leaves a row that
says what was asked, and recovery learns the end from the provider by our own reference, asking
again under the same one when it never arrived. So a payout happens once, or not at all.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from tallystick.journal import Asked, Conflict, Origin, Repeated
from tallystick.platform.crash import crash_point
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.settings import Settings
from tallystick.platform.telemetry import get_logger
from tallystick.platform.timetable import Job
from tallystick.rails import Rails
from tallystick.wallets.model import WalletsError
from tallystick.wallets.payouts import store as payout_store
from tallystick.wallets.payouts.beats import DESTINATION, PayoutBeats
from tallystick.wallets.payouts.decisions import PayoutTimes
from tallystick.wallets.payouts.destinations import masked
from tallystick.wallets.payouts.errors import PayoutBusy, PayoutError
from tallystick.wallets.payouts.folds import PAYOUTS, PayoutRow
from tallystick.wallets.payouts.sources import PayoutSources, Withdrawal
from tallystick.wallets.turns import ROUNDS, pause_after
from tallystick.wallets.wallets import Wallets

NOBODY: Final = Origin()
PAGE_MAX: Final = 200
_AT_ONCE: Final = 8
_EVERY_S: Final = 5.0
_log = get_logger("wallets.payouts")


class PayoutShown(Struct, frozen=True):
    """A payout, the end of its destination, its free text, and whether it was said before.

    Mask and text are gone once the owner's key was destroyed.
    """

    row: PayoutRow
    mask: str | None
    name: str | None
    text: Mapping[str, Any]
    replayed: bool = False


@dataclass(frozen=True)
class Payouts:
    """The verbs of payouts."""

    beats: PayoutBeats

    @classmethod
    def over(cls, wallets: Wallets, rails: Rails, settings: Settings) -> "Payouts":
        """Payouts that keep to the times of the settings, and take turns with wallets."""
        sources = PayoutSources(wallets.database, wallets.tiers)
        beats = PayoutBeats(
            journal=wallets.journal,
            database=wallets.database,
            rails=rails,
            sources=sources,
            clock=wallets.clock,
            times=PayoutTimes.of(settings),
            turns=wallets.turns,
        )
        return cls(beats)

    async def create(
        self,
        withdrawal: Withdrawal,
        *,
        text: Mapping[str, Any] | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> PayoutShown:
        """Pay money out of a wallet, or of what we owe a merchant.

        A payout the provider refuses is `failed`, one it has not decided yet `pending` or `sent`.
        Raises InvalidDestination, PayoutRouteMissing, what the wallet's limits refuse, and the
        journal's Refused (insufficient_funds).
        """
        for losses in range(1, ROUNDS + 1):
            try:
                async with self.beats.journal.repeats_first(asked, WalletsError, PayoutError):
                    row = await self._begin(withdrawal, text, asked, origin)
            except Conflict:
                await pause_after(losses)  # the wallet moved: its limits are asked anew
                continue
            except Repeated as repeat:
                return await self._answer_again(repeat, origin)
            crash_point("payouts.after_decide")
            outcome = await self.beats.ask(row, withdrawal.destination)
            return await self._shown(await self.beats.conclude(row, outcome, origin))
        raise PayoutBusy("too many changes to this wallet at once")

    async def cancel(
        self,
        payout_id: UUID,
        *,
        owner_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> PayoutShown:
        """Call off a payout that no provider has: its money is free again.

        Raises PayoutNotFound; NotCancellable once it was sent or has ended; PayoutInDoubt while
        that is not known.
        """
        for losses in range(1, ROUNDS + 1):
            row = await self.beats.load(payout_id, owner_id)
            if repeat := await self.beats.journal.find_repeat(asked):
                return await self._answer_again(repeat, origin)
            try:
                return await self._shown(await self.beats.cancel(row, asked, origin))
            except Conflict:
                await pause_after(losses)  # it is being put once more, or its wallet moved
            except Repeated as repeat:
                return await self._answer_again(repeat, origin)
        raise PayoutBusy("too many changes to this payout at once")

    async def get(self, payout_id: UUID, *, owner_id: UUID | None = None) -> PayoutShown:
        """One payout; `owner_id` None is the operator, who sees all. Raises PayoutNotFound."""
        return await self._shown(await self.beats.load(payout_id, owner_id), leniently=False)

    async def list_payouts(
        self,
        owner_id: UUID | None,
        *,
        account_id: UUID | None = None,
        status: str | None = None,
        after: UUID | None = None,
        limit: int = PAGE_MAX,
    ) -> Sequence[PayoutShown]:
        """The latest payouts behind `after`, at most 200."""
        rows = await payout_store.list_payouts(
            self.beats.database,
            owner_id,
            account_id=account_id,
            status=status,
            after=after,
            limit=min(limit, PAGE_MAX),
        )
        return [await self._shown(row) for row in rows]

    def jobs(self, first_look_s: float) -> tuple[Job, ...]:
        """What is done again and again, in one process or in several."""
        return (Job("payouts", min(_EVERY_S, first_look_s), self.look_at_due),)

    async def look_at_due(self, limit: int = 100) -> int:
        """The job: look at every payout that is due, at most `limit`; how many were looked at.

        Any number of processes may do this at once. One payout that fails is logged and stays
        due; it does not keep the others waiting.
        """
        turn = asyncio.Semaphore(_AT_ONCE)
        due = await payout_store.list_due(self.beats.database, self.beats.clock.now(), limit)
        await asyncio.gather(*[self._look_in_turn(turn, payout_id) for payout_id in due])
        return len(due)

    async def _look_in_turn(self, turn: asyncio.Semaphore, payout_id: UUID) -> None:
        async with turn:
            try:
                await self.look(payout_id)
            except Conflict:
                return  # somebody else is at it; it stays due if anything is left to do
            except Exception:  # noqa: BLE001 - one bad row must not stop the job
                _log.exception("payout_recovery_failed", id=str(payout_id))

    async def look(self, payout_id: UUID) -> None:
        """Do what is due for one payout: learn its end, or whether that is still so."""
        row = await self.beats.load(payout_id)
        if row.due_at is None or row.due_at > self.beats.clock.now():
            return
        if row.is_open:
            await self.beats.repair(row, NOBODY)
        else:
            await self.beats.conclude(row, await self.beats.find(row), NOBODY)

    # What is open ---------------------------------------------------------------------------

    async def ask_now(self, payout_id: UUID, origin: Origin = NOBODY) -> None:
        """Ask the provider about an open payout, whenever the next look is due.

        Raises PayoutNotFound, PayoutBusy.
        """
        row = await self.beats.load(payout_id)
        if row.is_open:
            await self.beats.repair(row, origin)

    async def list_open(self, created_before: datetime, limit: int) -> tuple[PayoutRow, ...]:
        """Payouts made until then that the provider has not decided, longest open first."""
        return await payout_store.list_open(self.beats.database, created_before, limit)

    async def list_unknown_totals(self) -> tuple[tuple[str, str, str, int, int, datetime], ...]:
        """By route, currency and state (sending, unknown): how many, how much, since when.

        What a provider has in hand and will decide is not among them before it is overdue.
        """
        return await payout_store.list_unknown_totals(self.beats.database)

    async def _begin(
        self,
        withdrawal: Withdrawal,
        text: Mapping[str, Any] | None,
        asked: Asked | None,
        origin: Origin,
    ) -> PayoutRow:
        """The first beat, with the wallet as it stands now."""
        beats = self.beats
        async with beats.turn(withdrawal.wallet_id):
            now = beats.clock.now()
            sourced = await beats.sources.find(withdrawal, now)
            payout_id = new_id(now, bucket_of(sourced.source.owner_id))
            return await beats.begin(payout_id, withdrawal, sourced, text, asked, origin=origin)

    # Repeats -------------------------------------------------------------------------------------

    async def _answer_again(self, repeat: Repeated, origin: Origin) -> PayoutShown:
        """What the first call with this key was answered, or would be by now."""
        standing = repeat.claim
        if repeat.same and standing.state == "running":
            row = await self.beats.load(standing.subject_id)
            limit = timedelta(seconds=self.beats.times.ask_limit_s)
            if row.claim_id and self.beats.clock.now() >= row.asked_at + limit:
                await self.beats.repair(row, origin)
        patience_s = self.beats.times.claim_patience_ms / 1_000
        claim = await self.beats.journal.answer(repeat, patience_s=patience_s)
        row = await self.beats.journal.row_as_of(PAYOUTS, claim.subject_id, claim.subject_version)
        return await self._shown(row, replayed=True)

    async def _shown(
        self, row: PayoutRow, *, replayed: bool = False, leniently: bool = True
    ) -> PayoutShown:
        found = await self.beats.journal.unseal(row.owner_id, row.sealed, leniently=leniently)
        clear = dict(found or {})
        to = clear.pop(DESTINATION, None)
        return PayoutShown(row, masked(to), to and to["name"], clear, replayed)
