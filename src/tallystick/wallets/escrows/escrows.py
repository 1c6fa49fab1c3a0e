"""Escrows: money that waits between a buyer and those he pays, until he lets it go.

Every step is one change: fact, transfers, the wallets' limits and the account's own verbs become
durable together or not at all. Two steps at once are told apart by the escrow's version, and the
slower one decides again on what is really held.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from tallystick.journal import Change, Conflict, Refused, Repeated, Told
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.telemetry import get_logger
from tallystick.platform.timetable import Job
from tallystick.wallets.escrows import decisions
from tallystick.wallets.escrows import store as escrow_store
from tallystick.wallets.escrows.decisions import EscrowStep, Moment, Ruling
from tallystick.wallets.escrows.errors import EscrowNotFound, EscrowNotPossible
from tallystick.wallets.escrows.folds import ESCROWS, EscrowRow
from tallystick.wallets.escrows.parties import (
    ARBITER,
    BUYER,
    RECIPIENT,
    SOLE_RECIPIENT,
    EscrowParties,
    EscrowWish,
    require_role,
    roles_of,
)
from tallystick.wallets.escrows.store import EscrowsWanted
from tallystick.wallets.model import WalletsError
from tallystick.wallets.requests import OPERATOR, Call
from tallystick.wallets.turns import ROUNDS, pause_after
from tallystick.wallets.wallets import Wallets

EVERY_S: Final = 5.0
ROUND: Final = 100
_AT_ONCE: Final = 8
_log = get_logger("wallets.escrows")

Decide = Callable[[EscrowRow, Moment], Awaitable[EscrowStep]]


class EscrowShown(Struct, frozen=True):
    """An escrow with its texts, which are gone once the buyer's key is destroyed."""

    row: EscrowRow
    description: str | None = None
    dispute_reason: str | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Escrows:
    """The verbs of escrows, and the job that carries out the time-out rule."""

    wallets: Wallets

    async def open(self, wish: EscrowWish, call: Call = OPERATOR) -> EscrowShown:
        """An escrow with an account of its own; nothing moves yet.

        Raises WalletNotFound, InvalidEscrow, EscrowNotYours, KeyReused.
        """
        if repeat := await self.wallets.journal.find_repeat(call.asked):
            return await self._answered(repeat)
        agreement = await self._parties.agree(wish, call.merchant_id)
        now = self.wallets.clock.now()
        sealed = await self._seal(agreement.buyer_id, wish.description)
        escrow_id = new_id(now, bucket_of(agreement.buyer_wallet_id))
        step = decisions.decide_opening(escrow_id, agreement, sealed, now)
        return await self._record(step, new_id(now, bucket_of(escrow_id)), call)

    async def fund(
        self, escrow_id: UUID, amount_minor: int | None = None, call: Call = OPERATOR
    ) -> EscrowShown:
        """Pay in all that is missing, or a part of it, within the limits of the buyer's wallet.

        Raises EscrowNotFound, EscrowNotYours, EscrowNotPossible, LimitExceeded, NotPossible
        (`wallet_frozen`, `wallet_closed`), Refused (`insufficient_funds`), KeyReused.
        """

        async def decide(row: EscrowRow, moment: Moment) -> EscrowStep:
            require_role(row, call.merchant_id, BUYER)
            buyer = await self._parties.wallet(row.buyer_wallet_id)
            tier = await self.wallets.limits_of(buyer)
            return decisions.decide_funding(row, buyer, tier, amount_minor, moment)

        return await self._take_step(escrow_id, decide, call)

    async def release(
        self,
        escrow_id: UUID,
        amount_minor: int | None = None,
        *,
        part: str | None = None,
        call: Call = OPERATOR,
    ) -> EscrowShown:
        """Pay the recipients all that is held, or an amount of it, or a part by its name.

        Raises EscrowNotFound, EscrowNotYours, EscrowNotPossible, InvalidEscrow, LimitExceeded of
        a recipient's wallet, KeyReused.
        """

        async def decide(row: EscrowRow, moment: Moment) -> EscrowStep:
            require_role(row, call.merchant_id, BUYER)
            sides = await self._parties.sides_of(row)
            return decisions.decide_release(row, amount_minor, part, sides, moment)

        return await self._take_step(escrow_id, decide, call)

    async def give_back(
        self, escrow_id: UUID, amount_minor: int | None = None, call: Call = OPERATOR
    ) -> EscrowShown:
        """Give the buyer back all that is held, or a part of it.

        Raises EscrowNotFound, EscrowNotYours, EscrowNotPossible, KeyReused.
        """

        async def decide(row: EscrowRow, moment: Moment) -> EscrowStep:
            require_role(row, call.merchant_id, SOLE_RECIPIENT)
            sides = await self._parties.sides_of(row)
            return decisions.decide_return(row, amount_minor, sides, moment)

        return await self._take_step(escrow_id, decide, call)

    async def cancel(self, escrow_id: UUID, call: Call = OPERATOR) -> EscrowShown:
        """Give it up before all of it was funded; what came in goes back to the buyer.

        Raises EscrowNotFound, EscrowNotPossible (`escrow_already_funded`, ...), KeyReused.
        """

        async def decide(row: EscrowRow, moment: Moment) -> EscrowStep:
            require_role(row, call.merchant_id, BUYER, RECIPIENT, ARBITER)
            return decisions.decide_cancelling(row, await self._parties.sides_of(row), moment)

        return await self._take_step(escrow_id, decide, call)

    # Disputes -------------------------------------------------------------------------------------

    async def dispute(
        self, escrow_id: UUID, reason: str | None = None, call: Call = OPERATOR
    ) -> EscrowShown:
        """Let nothing move until the arbiter has spoken.

        Raises EscrowNotFound, EscrowNotPossible, KeyReused.
        """
        sealed = await self._seal_for(escrow_id, reason)

        async def decide(row: EscrowRow, moment: Moment) -> EscrowStep:
            caller = call.merchant_id
            require_role(row, caller, BUYER, RECIPIENT, ARBITER)
            late = caller is None or ARBITER in roles_of(row, caller)
            return decisions.decide_dispute(row, caller, sealed, late=late, now=moment.now)

        return await self._take_step(escrow_id, decide, call)

    async def withdraw_dispute(self, escrow_id: UUID, call: Call = OPERATOR) -> EscrowShown:
        """End the dispute without a decision. Raises as `resolve`."""

        async def decide(row: EscrowRow, _moment: Moment) -> EscrowStep:
            require_role(row, call.merchant_id, ARBITER)
            return decisions.decide_withdrawal(row)

        return await self._take_step(escrow_id, decide, call)

    async def resolve(
        self, escrow_id: UUID, ruling: Ruling, reason: str | None = None, call: Call = OPERATOR
    ) -> EscrowShown:
        """Divide all that is held as the arbiter decides.

        Raises EscrowNotFound, EscrowNotYours, EscrowNotPossible (`escrow_not_disputed`,
        `escrow_exceeded`, ...), InvalidEscrow, LimitExceeded of a recipient's wallet, KeyReused.
        """
        sealed = await self._seal_for(escrow_id, reason)

        async def decide(row: EscrowRow, moment: Moment) -> EscrowStep:
            require_role(row, call.merchant_id, ARBITER)
            sides = await self._parties.sides_of(row)
            return decisions.decide_resolution(row, ruling, sealed, sides, moment)

        return await self._take_step(escrow_id, decide, call)

    # Looking --------------------------------------------------------------------------------------

    async def get(self, escrow_id: UUID, *, merchant_id: UUID | None = None) -> EscrowShown:
        """One escrow. Raises EscrowNotFound, also when the merchant is no party to it."""
        return await self._shown(await self._row(escrow_id, merchant_id), leniently=False)

    async def list_escrows(self, wanted: EscrowsWanted) -> tuple[EscrowShown, ...]:
        """The latest escrows of a party, or of all."""
        rows = await escrow_store.list_escrows(self.wallets.database, wanted)
        return tuple([await self._shown(row) for row in rows])

    async def list_facts(
        self, escrow_id: UUID, *, merchant_id: UUID | None = None
    ) -> tuple[Told, ...]:
        """All that ever happened to it, oldest first. Raises EscrowNotFound."""
        await self._row(escrow_id, merchant_id)
        return await self.wallets.journal.facts_of(escrow_id)

    async def _row(self, escrow_id: UUID, merchant_id: UUID | None = None) -> EscrowRow:
        row = await escrow_store.find_escrow(self.wallets.database, escrow_id)
        if row is None or (merchant_id is not None and not roles_of(row, merchant_id)):
            raise EscrowNotFound("no such escrow")
        return row

    # The job --------------------------------------------------------------------------------------

    @property
    def jobs(self) -> tuple[Job, ...]:
        """What is done again and again, in one process or in several."""
        return (Job("escrow_timeouts", EVERY_S, self.time_out_due, full=ROUND),)

    async def time_out_due(self, limit: int = ROUND) -> int:
        """Carry out the rule of at most `limit` escrows whose time is over; how many it saw.

        Several processes at once do no harm. A full `limit` means there may be more.
        """
        now = self.wallets.clock.now()
        due = await escrow_store.list_due(self.wallets.database, now, limit)
        turn = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._time_out(escrow_id, turn) for escrow_id in due))
        return len(due)

    async def _time_out(self, escrow_id: UUID, turn: asyncio.Semaphore) -> None:
        async with turn:
            try:
                await self._take_step(escrow_id, self._decide_timeout, OPERATOR)
            except (EscrowNotPossible, Conflict) as standing:
                if standing.code == "wallet_closed":
                    await self._delay(escrow_id, standing.code)
                # Otherwise somebody else was faster, or it moves and will be looked at again.
            except (WalletsError, Refused) as refused:
                await self._delay(escrow_id, refused.code)
            except Exception:  # noqa: BLE001 - one bad escrow must not stop the job
                _log.exception("escrow_timeout_failed", id=str(escrow_id))

    async def _decide_timeout(self, row: EscrowRow, moment: Moment) -> EscrowStep:
        _require_due(row, moment)
        return decisions.decide_timeout(row, await self._parties.sides_of(row), moment)

    async def _delay(self, escrow_id: UUID, code: str) -> None:
        """A recipient's wallet is full, say: it is tried again later, and on record why."""

        async def decide(row: EscrowRow, moment: Moment) -> EscrowStep:
            _require_due(row, moment)
            return decisions.decide_delay(row, code)

        try:
            await self._take_step(escrow_id, decide, OPERATOR)
        except (EscrowNotPossible, Conflict):
            return  # it stays due, or somebody else saw to it

    # Changes and their repeats --------------------------------------------------------------------

    async def _take_step(self, escrow_id: UUID, decide: Decide, call: Call) -> EscrowShown:
        standing = await self._row(escrow_id, call.merchant_id)
        touched = [recipient.wallet_id for recipient in standing.terms.recipients]
        wallet_ids = [wallet_id for wallet_id in touched if wallet_id is not None]
        async with self.wallets.turns.of(escrow_id, standing.buyer_wallet_id, *wallet_ids):
            for losses in range(1, ROUNDS + 1):
                now = self.wallets.clock.now()
                moment = Moment(new_id(now, bucket_of(escrow_id)), now)
                try:
                    async with self.wallets.journal.repeats_first(call.asked, WalletsError):
                        step = await decide(await self._row(escrow_id), moment)
                    return await self._record(step, moment.change_id, call)
                except Repeated as repeat:
                    return await self._answered(repeat)
                except Conflict:
                    await pause_after(losses)
        raise Conflict("too much happens to this escrow at once")

    async def _record(self, step: EscrowStep, change_id: UUID, call: Call) -> EscrowShown:
        journal, told = self.wallets.journal, step.facts[0]
        claim = None
        if call.asked:
            claim = call.asked.claim(told.aggregate_id, version=told.version)
        change = Change(
            change_id,
            step.facts,
            step.transfers,
            accounts=step.accounts,
            claim=claim,
            origin=call.origin,
        )
        try:
            await journal.record(change)
        except Repeated as repeat:
            return await self._answered(repeat)
        row = await journal.row_as_of(ESCROWS, told.aggregate_id, told.version)
        return await self._shown(row)

    async def _answered(self, repeat: Repeated) -> EscrowShown:
        """The escrow as the first call with this key left it. Raises KeyReused, Refused."""
        journal = self.wallets.journal
        claim = await journal.answer(repeat, patience_s=0)
        row = await journal.row_as_of(ESCROWS, claim.subject_id, claim.subject_version)
        return await self._shown(row, replayed=True)

    # Texts ----------------------------------------------------------------------------------------

    async def _seal_for(self, escrow_id: UUID, text: str | None) -> str | None:
        return await self._seal((await self._row(escrow_id)).buyer_id, text) if text else None

    async def _seal(self, buyer_id: UUID, text: str | None) -> str | None:
        return await self.wallets.journal.seal(buyer_id, {"text": text}) if text else None

    async def _shown(
        self, row: EscrowRow, *, replayed: bool = False, leniently: bool = True
    ) -> EscrowShown:
        description = await self._text(row, row.sealed, leniently=leniently)
        reason = await self._text(row, row.dispute_sealed, leniently=leniently)
        return EscrowShown(row, description, reason, replayed)

    async def _text(self, row: EscrowRow, sealed: str | None, *, leniently: bool) -> str | None:
        if sealed is None:
            return None
        opened: dict[str, Any] | None = await self.wallets.journal.unseal(
            row.buyer_id, sealed, leniently=leniently
        )
        return opened["text"] if opened else None

    @property
    def _parties(self) -> EscrowParties:
        return EscrowParties(self.wallets)


def _require_due(row: EscrowRow, moment: Moment) -> None:
    """Raises EscrowNotPossible: another process has seen to it."""
    if row.due_at is None or row.due_at > moment.now:
        raise EscrowNotPossible("it is not due", "escrow_not_timed_out")
