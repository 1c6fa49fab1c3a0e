"""The transition tables. All that is known about states stands here, and only here.

state -> what happened -> next state. `None` is "not there yet". A fact that the table does not
list raises and changes nothing. `docs/explanation/payment-states.md` is drawn from these tables.
"""

from collections.abc import Mapping
from typing import Final

from tallystick.payments.errors import IllegalTransition

Table = Mapping[str | None, Mapping[str, str]]

INTENT_TABLE: Final[Table] = {
    None: {"intent.created": "requires_payment_method"},
    "requires_payment_method": {
        "intent.method_attached": "requires_confirmation",
        "intent.confirmed": "processing",
        "intent.cancelled": "cancelled",
        "intent.expired": "expired",
    },
    "requires_confirmation": {
        "intent.confirmed": "processing",
        "intent.cancelled": "cancelled",
        "intent.expired": "expired",
    },
    "requires_action": {
        "intent.action_taken": "processing",
        "intent.payment_failed": "requires_payment_method",
        "intent.cancelled": "cancelled",
        "intent.expired": "expired",
    },
    "processing": {
        "intent.action_required": "requires_action",
        "intent.authorized": "requires_capture",
        "intent.succeeded": "succeeded",
        "intent.payment_failed": "requires_payment_method",
        "intent.cancelled": "cancelled",
    },
    "requires_capture": {
        "intent.succeeded": "succeeded",
        "intent.cancelled": "cancelled",
        "intent.expired": "expired",
    },
    "succeeded": {"intent.payment_failed": "requires_payment_method"},  # late: it may be paid again
    "cancelled": {},
    "expired": {},
}

_MONEY_IS_IN: Final = (
    "payment.cancel_sending",  # of the rest that no capture took
    "payment.cancel_declined",
    "payment.rest_released",
    "payment.capture_sending",
    "payment.outcome_unknown",
    "payment.capture_declined",
    "payment.captured",
    "payment.refund_sending",
    "payment.refund_declined",
    "payment.refund_called_off",
    "payment.dispute_opened",
    "payment.dispute_won",
    "payment.dispute_lost",
)
# The bank's answer was still open when the payment ended. What it approves late is undone: an
# authorization is voided, money already taken is given back.
_ENDED_WITH_AN_OPEN_ANSWER: Final = (
    "payment.outcome_unknown",
    "payment.attempt_declined",
    "payment.late_approval",
    "payment.reversal_sending",
    "payment.reversed",
    "payment.reversal_declined",
    "payment.captured",
    "payment.refund_sending",
    "payment.refund_declined",
    "payment.dispute_opened",
    "payment.dispute_won",
    "payment.dispute_lost",
)

PAYMENT_TABLE: Final[Table] = {
    None: {"payment.initiated": "initiated"},
    "initiated": {"payment.attempt_sending": "pending"},
    "pending": {
        "payment.outcome_unknown": "pending",
        "payment.attempt_declined": "pending",
        "payment.attempt_challenged": "pending",
        "payment.attempt_sending": "pending",
        "payment.authorized": "authorized",
        "payment.failed": "failed",
        "payment.given_up": "cancelled",
    },
    "authorized": {
        "payment.outcome_unknown": "authorized",
        "payment.capture_sending": "authorized",
        "payment.capture_declined": "authorized",
        "payment.captured": "captured",
        "payment.cancel_sending": "authorized",
        "payment.cancel_declined": "authorized",
        "payment.cancelled": "cancelled",
        "payment.expired": "expired",
    },
    "captured": {
        **dict.fromkeys(_MONEY_IS_IN, "captured"),
        "payment.late_failure": "failed",
        "payment.partially_refunded": "partially_refunded",
        "payment.refunded": "refunded",
    },
    "partially_refunded": {
        **dict.fromkeys(_MONEY_IS_IN, "partially_refunded"),
        "payment.partially_refunded": "partially_refunded",
        "payment.refunded": "refunded",
    },
    # A capture may still be on its way when all that came before it was refunded.
    "refunded": {
        "payment.outcome_unknown": "refunded",
        "payment.cancel_sending": "refunded",
        "payment.cancel_declined": "refunded",
        "payment.rest_released": "refunded",
        "payment.capture_declined": "refunded",
        "payment.captured": "partially_refunded",
    },
    "failed": {
        **dict.fromkeys(_ENDED_WITH_AN_OPEN_ANSWER, "failed"),
        "payment.refunded": "refunded",
    },
    "cancelled": {
        **dict.fromkeys(_ENDED_WITH_AN_OPEN_ANSWER, "cancelled"),
        "payment.refunded": "refunded",
    },
    "expired": {},
}

REFUND_TABLE: Final[Table] = {
    None: {"refund.initiated": "pending"},
    "pending": {
        "refund.outcome_unknown": "pending",
        "refund.asked_again": "pending",
        "refund.cancelled": "cancelled",
        "refund.succeeded": "succeeded",
        "refund.failed": "failed",
    },
    # The money is the merchant's again; should the bank have paid after all, that is told too.
    "cancelled": {
        "refund.watched": "cancelled",
        "refund.succeeded": "succeeded",
    },
    "succeeded": {},
    "failed": {},
}


def next_state(table: Table, state: str | None, kind: str) -> str:
    """The state after `kind` happened in `state`. Raises IllegalTransition."""
    following = table[state].get(kind)
    if following is None:
        raise IllegalTransition(f"{kind} cannot follow in state {state or 'none'}")
    return following


def mermaid(table: Table) -> str:
    """The table as a Mermaid state diagram; what changes no state is left out."""
    lines = ["stateDiagram-v2"]
    for state, following in table.items():
        arrows: dict[str, list[str]] = {}
        for kind, after in following.items():
            if after != state:
                arrows.setdefault(after, []).append(kind.partition(".")[2])
        lines += [
            f"    {state or '[*]'} --> {after}: {', '.join(names)}"
            for after, names in arrows.items()
        ]
        if state is not None and not arrows:
            lines.append(f"    {state} --> [*]")
    return "\n".join(lines)
