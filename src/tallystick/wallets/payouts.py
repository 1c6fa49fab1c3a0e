"""Payouts: money that leaves us, to an account or a UPI id elsewhere.

Three beats, as with payments: the money is reserved and the order told; the rail is asked with no
transaction open; the answer is recorded with its money. Whatever dies in between leaves a row that
says what was asked, and recovery learns the end from the provider by our own reference, asking
again under the same one when it never arrived. So a payout happens once, or not at all.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from tallystick.journal import (
    Asked,
    Change,
    CloseClaim,
    Conflict,
    Fact,
    Journal,
    Origin,
    Refused,
    Repeated,
)
from tallystick.platform.clock import Clock
from tallystick.platform.crash import crash_point
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.pools import Database
from tallystick.platform.settings import Settings
from tallystick.platform.telemetry import get_logger
from tallystick.platform.timetable import Job
from tallystick.rails import Declined, NotFound, Outcome, Rails, Unanswered, payouts
from tallystick.wallets import payout_store
from tallystick.wallets.model import WalletsError
from tallystick.wallets.payout_decisions import (
    Found,
    Moment,
    PayoutTerms,
    PayoutTimes,
    Steps,
    conclude,
    conclude_watch,
    decide_payout,
    row_after,
)
from tallystick.wallets.payout_destinations import (
    destination_text,
    masked,
    read_destination,
    require_destination,
)
from tallystick.wallets.payout_errors import (
    InvalidDestination,
    PayoutBusy,
    PayoutError,
    PayoutNotFound,
    PayoutRouteMissing,
)
from tallystick.wallets.payout_folds import PAYOUTS, PayoutRow
from tallystick.wallets.payout_sources import PayoutSources, Sourced, Withdrawal
from tallystick.wallets.tiers import Tiers

__all__ = [
    "InvalidDestination",
    "PayoutRow",
    "PayoutShown",
    "PayoutSources",
    "PayoutTimes",
    "Payouts",
    "Withdrawal",
]

NOBODY: Final = Origin()
PAGE_MAX: Final = 200
_TRIES: Final = 20
_AT_ONCE: Final = 8
_EVERY_S: Final = 5.0
_log = get_logger("wallets.payouts")
_DESTINATION: Final = "destination"


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

    journal: Journal
    database: Database
    rails: Rails
    sources: PayoutSources
    clock: Clock
    times: PayoutTimes = field(default_factory=PayoutTimes)

    @classmethod
    def over(
        cls,
        journal: Journal,
        database: Database,
        rails: Rails,
        tiers: Tiers,
        settings: Settings,
        *,
        clock: Clock,
    ) -> "Payouts":
        """Payouts that keep to the times of the settings."""
        sources = PayoutSources(database, tiers)
        return cls(journal, database, rails, sources, clock, PayoutTimes.of(settings))

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
        payout_id = None
        for _ in range(_TRIES):
            try:
                sourced = await self.sources.find(withdrawal, self.clock.now())
                if payout_id is None:
                    owner = sourced.source.owner_id
                    payout_id = new_id(self.clock.now(), bucket_of(owner))
                row = await self._begin(payout_id, withdrawal, sourced, text, asked, origin=origin)
            except Conflict:
                continue  # another movement of the same wallet: its limits are asked anew
            except Repeated as repeat:
                return await self._answer_again(repeat, origin)
            except (WalletsError, PayoutError, Refused):
                # What is impossible now may have been done under this very key before.
                if earlier := await self._find_earlier(asked):
                    return await self._answer_again(earlier, origin)
                raise
            crash_point("payouts.after_decide")
            outcome = await self._ask(row, withdrawal.destination)
            row = await self._conclude(row, outcome, origin)
            return await self._shown(row)
        raise PayoutBusy("too many changes to this wallet at once")

    async def get(self, payout_id: UUID, *, owner_id: UUID | None = None) -> PayoutShown:
        """One payout; `owner_id` None is the operator, who sees all. Raises PayoutNotFound."""
        return await self._shown(await self._load(payout_id, owner_id))

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
            self.database,
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
        due = await payout_store.list_due(self.database, self.clock.now(), limit)
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
        """Do what is due for one payout: learn its end, or whether it came back."""
        row = await self._load(payout_id)
        if row.due_at is None or row.due_at > self.clock.now():
            return
        if row.is_open:
            await self._repair(row, NOBODY)
        else:
            await self._conclude(row, await self._find(row), NOBODY)

    # Beats ------------------------------------------------------------------------------------

    async def _begin(
        self,
        payout_id: UUID,
        withdrawal: Withdrawal,
        sourced: Sourced,
        text: Mapping[str, Any] | None,
        asked: Asked | None,
        *,
        origin: Origin,
    ) -> PayoutRow:
        """The first beat: the money reserved, the order told, the claim running."""
        source, to = sourced.source, withdrawal.destination
        require_destination(to, source.currency)
        said = {name: value for name, value in (text or {}).items() if value}
        terms = PayoutTerms(
            source=source,
            amount_minor=withdrawal.amount_minor,
            method=payouts.method_of(to),
            route=self._route(withdrawal, source.currency),
            sealed=await self.journal.seal(
                source.owner_id, {**said, _DESTINATION: destination_text(to)}
            ),
            spent_on=sourced.spent_on,
        )
        claim = asked.claim(payout_id, running=True) if asked else None
        moment = self._moment(source.owner_id)
        steps = decide_payout(payout_id, terms, claim.id if claim else None, moment)
        facts = steps.facts(payout_id, 0)
        recorded = await self.journal.record(
            Change(
                id=moment.change_id,
                facts=(*((sourced.spent,) if sourced.spent else ()), *facts),
                transfers=steps.transfers,
                claim=claim,
                origin=origin,
            )
        )
        return row_after(None, facts, recorded.at)

    async def _ask(self, row: PayoutRow, destination: payouts.Destination) -> Outcome:
        order = payouts.PayOutOrder(
            route=row.route,
            reference=row.reference,
            amount_minor=row.amount_minor,
            currency=row.currency,
            destination=destination,
        )
        try:
            outcome = await self.rails.pay_out(order)
        except LookupError:
            outcome = Unanswered("route_not_configured")
        crash_point("payouts.after_ask")
        return outcome

    async def _conclude(self, row: PayoutRow, outcome: Found, origin: Origin) -> PayoutRow:
        """Record the outcome, unless somebody else has learned it first."""
        status = row.status
        for _ in range(_TRIES):
            try:
                row = await self._record_outcome(row, outcome, origin)
            except Conflict:
                row = await self._load(row.id)
                if row.status != status:
                    return row
            else:
                crash_point("payouts.after_record")
                return row
        raise PayoutBusy("too many changes to this payout at once")

    async def _record_outcome(self, row: PayoutRow, outcome: Found, origin: Origin) -> PayoutRow:
        decide = conclude if row.is_open else conclude_watch
        moment = self._moment(row.owner_id)
        try:
            return await self._record(row, decide(row, outcome, moment), moment, origin)
        except Refused:
            # The money has moved at the bank: an account that will not have it cannot undo that.
            moment = self._moment(row.owner_id)
            steps = decide(row, outcome, moment, to_suspense=True)
            return await self._record(row, steps, moment, origin)

    async def _record(
        self, row: PayoutRow, steps: Steps, moment: Moment, origin: Origin
    ) -> PayoutRow:
        facts: tuple[Fact, ...] = steps.facts(row.id, row.version)
        after = row_after(row, facts, moment.now)  # first here: no impossible fact leaves
        freed = await self.sources.freed(row) if steps.frees else ()
        closing = CloseClaim(row.claim_id, after.version) if row.claim_id else None
        recorded = await self.journal.record(
            Change(
                id=moment.change_id,
                facts=(*facts, *freed),
                transfers=steps.transfers,
                close=closing,
                origin=origin,
            )
        )
        return row_after(row, facts, recorded.at)

    # Repair and repeats -----------------------------------------------------------------------

    async def _repair(self, row: PayoutRow, origin: Origin) -> PayoutRow:
        """Learn the end from the provider; an order that never arrived is put again.

        "Not found" is believed only after a while: the first order may still be on its way.
        """
        outcome = await self._find(row)
        if isinstance(outcome, NotFound):
            outcome = await self._ask_again(row)
        return await self._conclude(row, outcome, origin)

    async def _find(self, row: PayoutRow) -> Found:
        try:
            return await self.rails.find_payout(row.route, row.reference)
        except LookupError:
            return Unanswered("route_not_configured")

    async def _ask_again(self, row: PayoutRow) -> Outcome:
        settled_at = row.asked_at + timedelta(milliseconds=self.times.provider_settle_ms)
        if self.clock.now() < settled_at:
            return Unanswered("not_found_yet")
        clear = await self.journal.unseal(row.owner_id, row.sealed)
        if clear is None:
            return Unanswered("destination_erased")
        outcome = await self._ask(row, read_destination(clear[_DESTINATION]))
        if isinstance(outcome, Declined) and outcome.retryable:
            return Unanswered(outcome.code)
        return outcome

    async def _find_earlier(self, asked: Asked | None) -> Repeated | None:
        if asked is None:
            return None
        claim = asked.claim(_NOTHING)
        standing = await self.journal.find_claim(claim.id)
        return Repeated(standing, standing.fingerprint == claim.fingerprint) if standing else None

    async def _answer_again(self, repeat: Repeated, origin: Origin) -> PayoutShown:
        """What the first call with this key was answered, or would be by now."""
        standing = repeat.claim
        if repeat.same and standing.state == "running":
            row = await self._load(standing.subject_id)
            limit = timedelta(seconds=self.times.ask_limit_s)
            if row.claim_id and self.clock.now() >= row.asked_at + limit:
                await self._repair(row, origin)
        claim = await self.journal.answer(repeat, patience_s=self.times.claim_patience_ms / 1_000)
        row = await self.journal.row_as_of(PAYOUTS, claim.subject_id, claim.subject_version)
        return await self._shown(row, replayed=True)

    # Small ------------------------------------------------------------------------------------

    def _moment(self, owner_id: UUID) -> Moment:
        now = self.clock.now()
        return Moment(now, new_id(now, bucket_of(owner_id)), self.times)

    def _route(self, withdrawal: Withdrawal, currency: str) -> str:
        method = payouts.method_of(withdrawal.destination)
        routes = self.rails.choose_for_payout(withdrawal.amount_minor, currency, method)
        if not routes:
            raise PayoutRouteMissing(
                f"no route pays {withdrawal.amount_minor} {currency} out by {method}"
            )
        return routes[0].name

    async def _load(self, payout_id: UUID, owner_id: UUID | None = None) -> PayoutRow:
        row = await payout_store.find_payout(self.database, payout_id)
        if row is None or owner_id not in (None, row.owner_id):
            raise PayoutNotFound("no such payout")
        return row

    async def _shown(self, row: PayoutRow, *, replayed: bool = False) -> PayoutShown:
        clear = dict(await self.journal.unseal(row.owner_id, row.sealed) or {})
        to = clear.pop(_DESTINATION, None)
        return PayoutShown(row, masked(to), to and to["name"], clear, replayed)


_NOTHING: Final = UUID(int=0)
