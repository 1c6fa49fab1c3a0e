"""Which payments a cardholder disputes: one table.

A test token disputes whatever is captured with it; an amount of 4500 and two digits, in minor
units, disputes the capture of just that amount.
"""

from datetime import timedelta

from msgspec import Struct

from tallystick.sandbox.dispute_model import DisputeStatus
from tallystick.sandbox.model import Kind, Operation, Status

EVIDENCE_TIME = timedelta(days=7)


class DisputeBehaviour(Struct, frozen=True):
    """What is disputed of a capture, why, and how it would end."""

    reason: str
    verdict: DisputeStatus = DisputeStatus.WON
    part: int = 1  # one such part of the captured amount, half a unit rounded down
    evidence_time: timedelta = EVIDENCE_TIME


# last two digits of a magic amount, test token, what happens
DISPUTE_MAGIC: tuple[tuple[int, str, DisputeBehaviour], ...] = (
    (1, "tok_disputed", DisputeBehaviour("fraudulent")),
    (2, "tok_disputed_lost", DisputeBehaviour("fraudulent", DisputeStatus.LOST)),
    (3, "tok_disputed_half", DisputeBehaviour("product_not_received", part=2)),
    (
        4,
        "tok_disputed_one_hour",
        DisputeBehaviour("duplicate", evidence_time=timedelta(hours=1)),
    ),
)
MAGIC_AMOUNT = 4500
REASONS = ("fraudulent", "product_not_received", "duplicate", "not_as_described", "general")

BY_TOKEN = {token: behaviour for _, token, behaviour in DISPUTE_MAGIC}
_BY_AMOUNT = {MAGIC_AMOUNT + digits: behaviour for digits, _, behaviour in DISPUTE_MAGIC}


def dispute_behaviour(done: Operation, token: str) -> DisputeBehaviour | None:
    """How the cardholder of this token takes what was done, if it took his money."""
    took = done.kind is Kind.CAPTURE or (done.kind is Kind.AUTHORIZATION and done.capture)
    if not took or done.decision is not Status.APPROVED:
        return None
    return BY_TOKEN.get(token) or _BY_AMOUNT.get(done.amount_minor)
