"""The three beats of a payout, each one change or one question: begin, ask, conclude.

Whatever dies in between leaves a row that says what was asked; `repair` learns the end from the
provider by our own reference, and asks again under the same one when it never arrived.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from tallystick.journal import (
    Asked,
    Change,
    CloseClaim,
    Conflict,
    Fact,
    Journal,
    Origin,
    Refused,
)
from tallystick.platform.clock import Clock
from tallystick.platform.crash import crash_point
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.pools import Database
from tallystick.rails import Declined, NotFound, Outcome, Pending, Rails, Unanswered, payouts
from tallystick.wallets.payouts import store as payout_store
from tallystick.wallets.payouts.decisions import (
    Found,
    Moment,
    PayoutTerms,
    PayoutTimes,
    Steps,
    conclude,
    conclude_watch,
    decide_asking_again,
    decide_cancelling,
    decide_payout,
    is_end,
    never_arrived,
    row_after,
)
from tallystick.wallets.payouts.destinations import (
    destination_text,
    read_destination,
    require_destination,
)
from tallystick.wallets.payouts.errors import (
    NotCancellable,
    PayoutBusy,
    PayoutInDoubt,
    PayoutNotFound,
    PayoutRouteMissing,
)
from tallystick.wallets.payouts.folds import PayoutRow
from tallystick.wallets.payouts.sources import PayoutSources, Sourced, Withdrawal
from tallystick.wallets.turns import ROUNDS, Turns, pause_after

DESTINATION: Final = "destination"
"""Where in the sealed text the destination stands."""


@dataclass(frozen=True)
class PayoutBeats:
    """What happens to one payout, step by step."""

    journal: Journal
    database: Database
    rails: Rails
    sources: PayoutSources
    clock: Clock
    times: PayoutTimes = field(default_factory=PayoutTimes)
    turns: Turns = field(default_factory=Turns)

    async def begin(
        self,
        payout_id: UUID,
        withdrawal: Withdrawal,
        sourced: Sourced,
        text: Mapping[str, Any] | None,
        asked: Asked | None,
        *,
        origin: Origin,
    ) -> PayoutRow:
        """The first beat: the money reserved, the order told, the claim running.

        Raises InvalidDestination, PayoutRouteMissing, Conflict, Repeated and Refused.
        """
        source, to = sourced.source, withdrawal.destination
        require_destination(to, source.currency)
        said = {name: value for name, value in (text or {}).items() if value}
        terms = PayoutTerms(
            source=source,
            amount_minor=withdrawal.amount_minor,
            method=payouts.method_of(to),
            route=self._route(withdrawal, source.currency),
            sealed=await self.journal.seal(
                source.owner_id, {**said, DESTINATION: destination_text(to)}
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

    async def ask(self, row: PayoutRow, destination: payouts.Destination) -> Outcome:
        """The second beat: put the order to the rail, with no transaction open."""
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

    async def conclude(self, row: PayoutRow, outcome: Found, origin: Origin) -> PayoutRow:
        """The third beat: record the outcome, unless somebody else has learned it first.

        Raises PayoutBusy when the wallet moved too often meanwhile; then recovery does it.
        """
        begun = row
        for losses in range(1, ROUNDS + 1):
            try:
                async with self.turn(row.account_id if row.source == "wallet" else None):
                    row = await self._record_outcome(row, outcome, origin)
            except Conflict:
                row = await self.load(row.id)
                if row.status != begun.status or (
                    row.checks != begun.checks and not is_end(outcome)
                ):
                    return row  # one look is one step of the schedule
                await pause_after(losses)
            else:
                crash_point("payouts.after_record")
                return row
        raise PayoutBusy("too many changes to this payout at once")

    def turn(self, wallet_id: UUID | None) -> AbstractAsyncContextManager[None]:
        """This process's turn to move the wallet; a merchant's account needs none."""
        return self.turns.of(*(() if wallet_id is None else (wallet_id,)))

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
        self,
        row: PayoutRow,
        steps: Steps,
        moment: Moment,
        origin: Origin,
        asked: Asked | None = None,
    ) -> PayoutRow:
        facts: tuple[Fact, ...] = steps.facts(row.id, row.version)
        after = row_after(row, facts, moment.now)  # first here: no impossible fact leaves
        freed = await self.sources.freed(row) if steps.frees else ()
        closing = row.claim_id if after.claim_id is None else None
        recorded = await self.journal.record(
            Change(
                id=moment.change_id,
                facts=(*facts, *freed),
                transfers=steps.transfers,
                claim=asked.claim(row.id, version=after.version) if asked else None,
                close=CloseClaim(closing, after.version) if closing else None,
                origin=origin,
            )
        )
        return row_after(row, facts, recorded.at)

    # Repair --------------------------------------------------------------------------------------

    async def repair(self, row: PayoutRow, origin: Origin) -> PayoutRow:
        """Learn the end from the provider; an order that never arrived is put again.

        "Not found" is believed only after a while: the first order may still be on its way.
        """
        outcome = await self.find(row)
        if isinstance(outcome, NotFound):
            try:
                row, outcome = await self._ask_again(row, origin)
            except Conflict:
                return await self.load(row.id)  # somebody else is at it, or it was cancelled
        return await self.conclude(row, outcome, origin)

    async def find(self, row: PayoutRow) -> Found:
        """What the provider knows of our reference."""
        try:
            return await self.rails.find_payout(row.route, row.reference)
        except LookupError:
            return Unanswered("route_not_configured")

    async def _ask_again(self, row: PayoutRow, origin: Origin) -> tuple[PayoutRow, Outcome]:
        """Raises Conflict: nobody asks before it is on record that he does."""
        settled_at = row.asked_at + timedelta(milliseconds=self.times.provider_settle_ms)
        if self.clock.now() < settled_at:
            return row, Unanswered("not_found_yet")
        clear = await self.journal.unseal(row.owner_id, row.sealed)
        if clear is None:
            return row, Unanswered("destination_erased")
        moment = self._moment(row.owner_id)
        row = await self._record(row, decide_asking_again(moment), moment, origin)
        crash_point("payouts.after_asking_again")
        outcome = await self.ask(row, read_destination(clear[DESTINATION]))
        if isinstance(outcome, Declined) and outcome.retryable:
            return row, Unanswered(outcome.code)
        return row, outcome

    # Cancelling ----------------------------------------------------------------------------------

    async def cancel(self, row: PayoutRow, asked: Asked | None, origin: Origin) -> PayoutRow:
        """Call off what the provider does not have; whatever else it says of it is recorded.

        Raises NotCancellable, PayoutInDoubt; Conflict when it is being put once more at this very
        moment, and Repeated.
        """
        _require_unsent(row)
        outcome = await self.find(row)
        moment = self._moment(row.owner_id)
        if not never_arrived(row, outcome, moment):
            if is_end(outcome) or isinstance(outcome, Pending):
                _require_unsent(await self.conclude(row, outcome, origin))
            raise PayoutInDoubt("whether the provider has it is not known yet")
        async with self.turn(row.account_id if row.source == "wallet" else None):
            return await self._record(row, decide_cancelling(row, moment), moment, origin, asked)

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

    async def load(self, payout_id: UUID, owner_id: UUID | None = None) -> PayoutRow:
        """The row as it stands. Raises PayoutNotFound, also when it is not this owner's."""
        row = await payout_store.find_payout(self.database, payout_id)
        if row is None or owner_id not in (None, row.owner_id):
            raise PayoutNotFound("no such payout")
        return row


def _require_unsent(row: PayoutRow) -> None:
    if row.status != "pending":
        raise NotCancellable(f"the payout is {row.status}")
