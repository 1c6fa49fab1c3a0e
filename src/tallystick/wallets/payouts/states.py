"""The payout's transition table, and what is told of a payout. Pure.

state -> what happened -> next state; `None` is "not there yet". Nobody asks the provider without
telling so first (`created`, `asked_again`), so `cancelled` cannot overtake an order unseen. Ids,
codes and amounts only: the destination is inside `sealed`. Spans are seconds, counted from the
fact's own instant.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.wallets.payouts.errors import IllegalPayoutStep

PAYOUT_TABLE: Final[Mapping[str | None, Mapping[str, str]]] = {
    None: {"payout.created": "pending"},
    "pending": {
        "payout.outcome_unknown": "pending",
        "payout.asked_again": "pending",
        "payout.cancelled": "cancelled",
        "payout.sent": "sent",
        "payout.paid": "paid",
        "payout.failed": "failed",
    },
    # The provider has it in hand and has not decided.
    "sent": {
        "payout.outcome_unknown": "sent",
        "payout.asked_again": "sent",
        "payout.paid": "paid",
        "payout.failed": "failed",
    },
    "paid": {
        "payout.confirmed": "paid",
        "payout.look_unanswered": "paid",
        "payout.returned": "returned",
    },
    # The money is its owner's again; should the provider have paid after all, that is told too.
    "cancelled": {
        "payout.confirmed": "cancelled",
        "payout.look_unanswered": "cancelled",
        "payout.paid": "paid",
    },
    "failed": {},
    "returned": {},
}


def next_state(state: str | None, kind: str) -> str:
    """The state after `kind` happened in `state`. Raises IllegalPayoutStep."""
    following = PAYOUT_TABLE[state].get(kind)
    if following is None:
        raise IllegalPayoutStep(f"{kind} cannot follow in state {state or 'none'}")
    return following


class PayoutCreated(Struct, frozen=True, omit_defaults=True):
    """A payout exists, its money is reserved and the provider is being asked."""

    source: str  # wallet | merchant
    owner_id: UUID
    account_id: UUID  # the ledger account the money leaves, also the wallet's id
    amount_minor: int
    currency: str
    method: str
    route: str
    reference: str
    reservation_id: UUID
    sealed: str  # under the owner's key
    check_after_s: float
    spent_on: date | None = None  # the day on whose limits it counts, of a wallet
    claim_id: UUID | None = None


class PayoutSent(Struct, frozen=True):
    """The provider took the order and will decide later."""

    check_after_s: float


class PayoutOutcomeUnknown(Struct, frozen=True):
    """An answer is overdue; the provider will be asked what became of our reference."""

    why: str
    check_after_s: float


class PayoutAskedAgain(Struct, frozen=True):
    """The order never arrived; it is being put once more, under the same reference."""

    check_after_s: float


class PayoutCancelled(Struct, frozen=True):
    """Its owner has called it off, and the provider does not have it. `watch_after_s`: when to
    look whether that is still so.
    """

    watch_after_s: float


class PayoutPaid(Struct, frozen=True, omit_defaults=True):
    """The payee has the money. `posting_id` is the change whose transfers say so.

    `watch_after_s`: when to look whether it came back.
    """

    posting_id: UUID
    provider_reference: str
    watch_after_s: float
    booked_to: str = "account"


class PayoutConfirmed(Struct, frozen=True, omit_defaults=True):
    """A later look found it still as it was; without `check_after_s` it was the last one."""

    check_after_s: float | None = None


class PayoutLookUnanswered(Struct, frozen=True):
    """A later look told nothing; the watch goes on until one does."""

    why: str
    check_after_s: float


class PayoutFailed(Struct, frozen=True, omit_defaults=True):
    """The provider refused; the reserved money is free again."""

    code: str
    provider_code: str | None = None


class PayoutReturned(Struct, frozen=True, omit_defaults=True):
    """The payee's bank sent it back, for the reason `code`; `posting_id` moved it home."""

    posting_id: UUID
    code: str
    provider_code: str | None = None
    booked_to: str = "account"


PAYOUT_KINDS: Final[dict[str, type[Struct]]] = {
    "payout.created": PayoutCreated,
    "payout.sent": PayoutSent,
    "payout.outcome_unknown": PayoutOutcomeUnknown,
    "payout.asked_again": PayoutAskedAgain,
    "payout.cancelled": PayoutCancelled,
    "payout.paid": PayoutPaid,
    "payout.confirmed": PayoutConfirmed,
    "payout.look_unanswered": PayoutLookUnanswered,
    "payout.failed": PayoutFailed,
    "payout.returned": PayoutReturned,
}
PAYOUT_KIND_OF: Final = {struct: kind for kind, struct in PAYOUT_KINDS.items()}
