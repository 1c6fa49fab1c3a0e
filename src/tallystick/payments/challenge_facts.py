"""What is told while a bank asks its payer: of the intent, and of the attempt at that bank."""

from uuid import UUID

from msgspec import Struct


class ActionRequired(Struct, frozen=True):
    """The payer must do something at his bank first."""

    payment_id: UUID


class ActionTaken(Struct, frozen=True):
    """The payer has done it."""

    payment_id: UUID


class AttemptChallenged(Struct, frozen=True):
    """The bank asks the payer first; `action_url` is where. Its answer is learned by asking it."""

    action_url: str
    check_after_s: float
