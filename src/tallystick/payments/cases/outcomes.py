"""How what a case is about stands: asked of its object, never of the case.

Payments and refunds are this room's own; payouts live with wallets, and are asked for at their
door.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tallystick.journal import Origin, Told
from tallystick.payments.cases import store
from tallystick.payments.cases.folds import CaseRow
from tallystick.payments.cases.store import UnknownTotal, Unresolved
from tallystick.payments.model import PaymentRow, RefundRow
from tallystick.payments.operations import Operations
from tallystick.payments.payment_folds import fold_payment
from tallystick.payments.refund_folds import fold_refund
from tallystick.wallets import payouts

PAYOUT: Final = "payout"
_REFUND: Final = "refund"


@dataclass(frozen=True)
class Outcomes:
    """What is open at the providers, and how it ended."""

    operations: Operations
    payouts: payouts.Payouts

    async def list_unresolved(self, asked_before: datetime) -> tuple[Unresolved, ...]:
        """Everything that was asked until then and is open."""
        operations = self.operations
        limit_s = operations.limits.ask_limit_s
        ours = await store.list_unresolved(operations.database, asked_before, limit_s)
        theirs = await self.payouts.list_open(asked_before, store.OPEN_MAX)
        return (*ours, *map(_of_payout, theirs))

    async def list_totals(self) -> tuple[UnknownTotal, ...]:
        """How much is open: of payments, refunds and payouts."""
        operations = self.operations
        now, limit_s = operations.clock.now(), operations.limits.ask_limit_s
        ours = await store.list_totals(operations.database, now, limit_s)
        theirs = await self.payouts.list_unknown_totals()
        return (*ours, *(UnknownTotal(PAYOUT, *total) for total in theirs))

    async def ask(self, row: CaseRow, origin: Origin) -> None:
        """Ask the provider now, whenever the next look is due, and record what it says."""
        if row.work == PAYOUT:
            await self.payouts.ask_now(row.object_id, origin)
            return
        operations = self.operations
        case = await operations.load(row_of(row), row.object_id)
        running = case.operation
        if running is not None and running.reference == row.reference:
            await operations.repair(case, origin, due=True)

    async def find_looks(self, row: CaseRow) -> int | None:
        """How often the provider was asked what became of it; None once that is known."""
        if row.work == PAYOUT:
            payout = (await self.payouts.get(row.object_id)).row
            return payout.checks if payout.is_open else None
        running = (await self.operations.load(row_of(row), row.object_id)).operation
        is_it = running is not None and running.reference == row.reference
        return running.checks if running and is_it else None

    async def find_end(self, row: CaseRow) -> str | None:
        """The fact by which it ended, if it did."""
        fold, standing, began = _fold_of(row), None, False
        for told in await self.operations.journal.facts_of(row.object_id):
            standing = fold(standing, told)
            if _runs(row, standing):
                began = True
            elif began:
                return told.kind
        return None


def _of_payout(row: payouts.PayoutRow) -> Unresolved:
    return Unresolved(
        work=PAYOUT,
        object_id=row.id,
        owner_id=row.owner_id,
        subject_id=row.owner_id,
        route=row.route,
        reference=row.reference,
        amount_minor=row.amount_minor,
        currency=row.currency,
        asked_at=row.created_at,  # asking again does not make it any younger
        looks=row.checks,
    )


def row_of(row: CaseRow) -> type[PaymentRow] | type[RefundRow]:
    """Whose operation the case is about."""
    return RefundRow if row.work == _REFUND else PaymentRow


def _fold_of(row: CaseRow) -> Callable[[Any, Told], Any]:
    if row.work == PAYOUT:
        (projection,) = payouts.projections
        return projection.fold
    return fold_refund if row.work == _REFUND else fold_payment


def _runs(row: CaseRow, standing: PaymentRow | RefundRow | payouts.PayoutRow) -> bool:
    if isinstance(standing, payouts.PayoutRow):
        return standing.is_open
    running = standing.running
    return running is not None and running.reference == row.reference
