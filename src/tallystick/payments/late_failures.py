"""Late failures: a bank said that a capture had succeeded, and says now that no money came.

What the captures posted is undone: the platform gives up fee and tax, the merchant what reached
him, and suspense what he has not got. The intent may be paid again. It is an operator who learns
of it, from a file or a letter, and records it here.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import PLATFORM, account_id, chart
from tallystick.journal import Asked, Origin
from tallystick.ledger import Ledger, Post
from tallystick.payments.customers import tokens
from tallystick.payments.decisions import Wish, require_idle, require_reason
from tallystick.payments.errors import NotPossible, PaymentBusy
from tallystick.payments.facts import Captured, IntentPaymentFailed, LateFailure
from tallystick.payments.model import Answer, PaymentRow
from tallystick.payments.operations import NOBODY, Operations
from tallystick.payments.requests import Request
from tallystick.payments.steps import Case, Moment, Steps

LATE_FAILURE: Final = "late_failure"
LATE_FAILURE_CODES: Final = frozenset({"recalled", "rejected_late", "returned_unpaid"})


class Came(Struct, frozen=True):
    """Where the captures of a payment went beside fee and tax, and what the merchant has left."""

    payable_minor: int  # what is in reserve included
    suspense_minor: int
    available_minor: int


def late_failure_posts(row: PaymentRow, came: Came) -> tuple[Post, ...]:
    """Everything back to the rail, which owes us nothing for this payment any more."""
    gives_minor = min(came.payable_minor, max(0, came.available_minor))
    missing_minor = came.payable_minor - gives_minor
    currency = row.currency
    payable = account_id(row.merchant_id, chart.payable_code(row.merchant_id, currency))
    clearing = account_id(PLATFORM, chart.clearing_code(row.route or "", currency))
    parts = (
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
    """The payment has failed after all. Raises NotPossible (payment_not_failable), PaymentBusy,
    Invalid (invalid_reason).
    """
    row = case.the_payment()
    require_reason(code, LATE_FAILURE_CODES)
    require_idle(row)
    _require_untouched(row)
    if came.payable_minor + came.suspense_minor != row.captured_minor - _charged_minor(row):
        raise PaymentBusy("more was captured meanwhile")
    failure = LateFailure(row.captured_minor, code, moment.change_id)
    told: tuple[tuple[UUID, Struct], ...] = ((row.id, failure),)
    intent = case.intent
    if intent is not None and intent.status == "succeeded" and intent.payment_id == row.id:
        told = (*told, (intent.id, IntentPaymentFailed(row.id, code)))
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
        load = partial(self.operations.load, PaymentRow, payment_id)
        came = await self._came((await load()).the_payment())

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
        account = await Ledger(self.operations.database).find_account(
            account_id(row.merchant_id, code)
        )
        available_minor = account.available_minor if account else 0
        return Came(payable - parked, parked, available_minor)
