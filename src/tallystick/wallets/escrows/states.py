"""The escrow's transition table, and what is told of an escrow. Pure.

state -> what happened -> next state; `None` is "not there yet". Ids, codes and amounts only: free
text is inside `sealed`, under the buyer's key.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.wallets.escrows.terms import Part, Recipient
from tallystick.wallets.model import IllegalTransition

OPENED: Final = "escrow.opened"
PART_FUNDED: Final = "escrow.part_funded"
FUNDED: Final = "escrow.funded"
PART_RELEASED: Final = "escrow.part_released"
RELEASED: Final = "escrow.released"
PART_RETURNED: Final = "escrow.part_returned"
RETURNED: Final = "escrow.returned"
DISPUTED: Final = "escrow.disputed"
DISPUTE_WITHDRAWN: Final = "escrow.dispute_withdrawn"
RESOLVED: Final = "escrow.resolved"
TIMED_OUT: Final = "escrow.timed_out"
TIMEOUT_DELAYED: Final = "escrow.timeout_delayed"
CANCELLED: Final = "escrow.cancelled"
LAPSED: Final = "escrow.lapsed"

ESCROW_TABLE: Final[Mapping[str | None, Mapping[str, str]]] = {
    None: {OPENED: "open"},
    # Not all of the amount is here yet.
    "open": {
        PART_FUNDED: "open",
        FUNDED: "funded",
        CANCELLED: "cancelled",
        LAPSED: "cancelled",
        TIMEOUT_DELAYED: "open",
    },
    "funded": {
        PART_RELEASED: "funded",
        RELEASED: "completed",
        PART_RETURNED: "funded",
        RETURNED: "completed",
        TIMED_OUT: "completed",
        TIMEOUT_DELAYED: "funded",
        DISPUTED: "disputed",
    },
    # Nothing moves until the arbiter has spoken.
    "disputed": {
        DISPUTE_WITHDRAWN: "funded",
        RESOLVED: "completed",
    },
    "completed": {},
    "cancelled": {},
}
ENDED: Final = frozenset({"completed", "cancelled"})


def next_state(state: str | None, kind: str) -> str:
    """The state after `kind` happened in `state`. Raises IllegalTransition."""
    following = ESCROW_TABLE[state].get(kind)
    if following is None:
        raise IllegalTransition(f"{kind} cannot follow in state {state or 'none'}")
    return following


class EscrowOpened(Struct, frozen=True, omit_defaults=True):
    """It exists with its terms, and so does its account; nothing has moved."""

    buyer_wallet_id: UUID
    buyer_id: UUID
    account_id: UUID
    amount_minor: int
    currency: str
    recipients: tuple[Recipient, ...]
    parts: tuple[Part, ...] = ()
    fee_percent_bp: int = 0
    fee_fixed_minor: int = 0
    arbiter_id: UUID | None = None
    times_out_at: datetime | None = None
    on_timeout: str | None = None  # release | return
    sealed: str | None = None


class EscrowFunded(Struct, frozen=True):
    """So much came in from the buyer, and counts against his limits on this UTC day."""

    amount_minor: int
    spent_on: date
    posting_id: UUID


class EscrowPaid(Struct, frozen=True, omit_defaults=True):
    """So much went out: `paid_minor` to each recipient, the fee to us, the rest to the buyer.

    `released_minor = sum(paid_minor) + fee_minor`. `posting_id` is the change that moved it; None
    when nothing had to move.
    """

    released_minor: int = 0
    paid_minor: tuple[int, ...] = ()
    fee_minor: int = 0
    returned_minor: int = 0
    part: str | None = None
    posting_id: UUID | None = None
    sealed: str | None = None


class EscrowDisputed(Struct, frozen=True, omit_defaults=True):
    """A party (None: an operator) objects: its account is frozen."""

    raised_by: UUID | None = None
    sealed: str | None = None


class DisputeWithdrawn(Struct, frozen=True):
    """The dispute is over without a decision, and all goes on as before."""


class TimeoutDelayed(Struct, frozen=True):
    """The time-out rule could not be carried out, for this reason; it is tried again."""

    code: str
    check_after_s: float


ESCROW_KINDS: Final[Mapping[str, type[Struct]]] = {
    OPENED: EscrowOpened,
    PART_FUNDED: EscrowFunded,
    FUNDED: EscrowFunded,
    PART_RELEASED: EscrowPaid,
    RELEASED: EscrowPaid,
    PART_RETURNED: EscrowPaid,
    RETURNED: EscrowPaid,
    DISPUTED: EscrowDisputed,
    DISPUTE_WITHDRAWN: DisputeWithdrawn,
    RESOLVED: EscrowPaid,
    TIMED_OUT: EscrowPaid,
    TIMEOUT_DELAYED: TimeoutDelayed,
    CANCELLED: EscrowPaid,
    LAPSED: EscrowPaid,
}
