"""Late failures: a bank said that a capture had succeeded, and says now that no money came.

What the captures posted is undone: the platform gives up fee and tax, the payment's own reserve is
taken, the merchant gives what reached him, and suspense what he has not got. What the bank still
holds beside it is voided. The intent may be paid again. It is an operator who learns of it, from a
file or a letter, and records it here.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from msgspec import Struct, structs

from tallystick.books import PLATFORM, account_id, chart
from tallystick.journal import Asked, Conflict, Origin
from tallystick.ledger import Ledger, Post
from tallystick.payments.customers import tokens
from tallystick.payments.decisions import Wish, require_idle, require_reason, void_reference
from tallystick.payments.errors import NotPossible, PaymentBusy
from tallystick.payments.facts import (
    Captured,
    IntentPaymentFailed,
    LateFailure,
    ReversalSending,
)
from tallystick.payments.fees import store as fee_store
from tallystick.payments.fees.reserves import ReserveRow, ReserveTaken
from tallystick.payments.model import Answer, PaymentRow
from tallystick.payments.operations import NOBODY, Operations
from tallystick.payments.requests import Request
from tallystick.payments.steps import Case, Moment, Steps

LATE_FAILURE: Final = "late_failure"
LATE_FAILURE_CODES: Final = frozenset({"recalled", "rejected_late", "returned_unpaid"})


class Came(Struct, frozen=True):
    """Where the captures of a payment went beside fee and tax, and what of it is left."""

    payable_minor: int  # what was put in reserve included
    suspense_minor: int
    available_minor: int  # on the merchant's account
    reserves: tuple[ReserveRow, ...] = ()  # still held


def late_failure_posts(row: PaymentRow, came: Came) -> tuple[Post, ...]:
    """Everything back to the rail, which owes us nothing for this payment any more."""
    reserve_minor = sum(reserve.amount_minor for reserve in came.reserves)
    wanted_minor = came.payable_minor - reserve_minor
    gives_minor = min(wanted_minor, max(0, came.available_minor))
    missing_minor = wanted_minor - gives_minor
    currency = row.currency
    reserve = account_id(row.merchant_id, chart.reserve_code(row.merchant_id, currency))
    payable = account_id(row.merchant_id, chart.payable_code(row.merchant_id, currency))
    clearing = account_id(PLATFORM, chart.clearing_code(row.route or "", currency))
    parts = (
        (reserve, reserve_minor),
        (payable, gives_minor),
        (account_id(PLATFORM, chart.suspense_code(currency)), came.suspense_minor + missing_minor),
        (account_id(PLATFORM, chart.fees_code(currency)), row.kept.fee_minor),
        (account_id(PLATFORM, chart.tax_code(currency)), row.kept.tax_minor),
    )
    return tuple(
        Post(debit, clearing, part_minor, currency, LATE_FAILURE)
        for debit, part_minor in parts
        if part_minor
    )


def decide_late_failure(case: Case, came: Came, code: str, moment: Moment) -> Steps:
    """The payment has failed after all; the rest that no capture took is voided at the bank.

    Raises NotPossible (payment_not_failable), PaymentBusy, Invalid (invalid_reason), and Conflict
    for reserves that the case does not go on with.
    """
    row = case.the_payment()
    require_reason(code, LATE_FAILURE_CODES)
    require_idle(row)
    _require_untouched(row)
    if came.payable_minor + came.suspense_minor != row.captured_minor - _charged_minor(row):
        raise PaymentBusy("more was captured meanwhile")
    if any(case.version(reserve.id) != reserve.version for reserve in came.reserves):
        raise Conflict("the payment was repaired on the way: look again")
    failure = LateFailure(row.captured_minor, code, moment.change_id)
    taken = tuple((reserve.id, ReserveTaken(moment.change_id)) for reserve in came.reserves)
    told: tuple[tuple[UUID, Struct], ...] = ((row.id, failure), *taken)
    intent = case.intent
    if intent is not None and intent.status == "succeeded" and intent.payment_id == row.id:
        told = (*told, (intent.id, IntentPaymentFailed(row.id, code)))
    if row.held_minor:
        void = ReversalSending(void_reference(row), moment.limits.ask_limit_s)
        told = (*told, (row.id, void))
    return Steps(told, late_failure_posts(row, came))


def _require_untouched(row: PaymentRow) -> None:
    """What was given back already, or tops up a wallet, is for a person to untangle."""
    given_back = row.refunded_minor + row.refund_pending_minor
    disputed = row.disputed_minor + row.charged_back_minor
    wallets = row.wallet_id is not None or row.method_kind == tokens.WALLET
    if row.status != "captured" or given_back or disputed or wallets:
        raise NotPossible(
            "only a captured payment by a bank of which nothing was refunded, disputed or sent on"
            " to a wallet fails late",
            "payment_not_failable",
        )


def _charged_minor(row: PaymentRow) -> int:
    return row.kept.fee_minor + row.kept.tax_minor


@dataclass(frozen=True)
class LateFailures:
    """The verb of late failures."""

    operations: Operations

    async def record(
        self,
        payment_id: UUID,
        code: str,
        *,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Answer[PaymentRow]:
        """Undo what a payment's captures posted: `recalled`, `rejected_late`, `returned_unpaid`.

        Raises NotFound, NotPossible (payment_not_failable), PaymentBusy, Invalid; the journal's
        Refused when the merchant's account is frozen or was emptied meanwhile.
        """
        came = Came(0, 0, 0)

        async def load() -> Case:
            nonlocal came  # a reserve may have been released since the last try
            case = await self.operations.load(PaymentRow, payment_id)
            came = await self._came(case.the_payment())
            return structs.replace(case, beside={row.id: row.version for row in came.reserves})

        def decide(case: Case, _wish: Wish, moment: Moment) -> Steps:
            return decide_late_failure(case, came, code, moment)

        return await Request(
            self.operations, PaymentRow, payment_id, load, decide, asked, origin
        ).answer()

    async def _came(self, row: PaymentRow) -> Came:
        facts = await self.operations.journal.facts_of(row.id)
        captures = [fact.data for fact in facts if isinstance(fact.data, Captured)]
        parked = sum(one.amount_minor for one in captures if one.booked_to == "suspense")
        payable = sum(one.amount_minor - one.fee_minor - one.tax_minor for one in captures)
        code = chart.payable_code(row.merchant_id, row.currency)
        reserves = await fee_store.list_held_reserves(self.operations.database, row.id)
        # After the reserves: what is not held any more has come to it.
        account = await Ledger(self.operations.database).find_account(
            account_id(row.merchant_id, code)
        )
        available_minor = account.available_minor if account else 0
        return Came(payable - parked, parked, available_minor, reserves)
