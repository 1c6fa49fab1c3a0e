"""Escrows and their history as they look outside."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from tallystick.api.fields import EXAMPLE_SUFFIX, View, one_of
from tallystick.journal import Told
from tallystick.platform.ids import typeid
from tallystick.wallets import escrows

EscrowStatus = Literal["open", "funded", "disputed", "completed", "cancelled"]


class EscrowRecipientView(View):
    """Who is paid, his share, and what he has been paid."""

    wallet_id: Annotated[str | None, Field(examples=[f"wal_{EXAMPLE_SUFFIX}"])]
    merchant_id: Annotated[str | None, Field(examples=[f"mer_{EXAMPLE_SUFFIX}"])]
    share: int
    paid: int


class EscrowPartView(View):
    """A milestone, and whether it was released by its name."""

    name: str
    amount: int
    released: bool


class EscrowFeeView(View):
    """What the platform keeps of what is released, and has kept."""

    basis_points: int
    fixed_amount: int
    taken: int


class EscrowTimeoutView(View):
    """The rule for the end of its time, and how often it could not be carried out."""

    at: datetime
    then: Annotated[str, one_of("release", "return")]
    delays: int


class EscrowView(View):
    """An escrow. `funded = released + returned + held`, and the fee is part of `released`."""

    id: Annotated[str, Field(examples=[f"esc_{EXAMPLE_SUFFIX}"])]
    status: EscrowStatus
    buyer_wallet_id: Annotated[str, Field(examples=[f"wal_{EXAMPLE_SUFFIX}"])]
    recipients: list[EscrowRecipientView]
    arbiter_id: Annotated[
        str | None,
        Field(description="Null: an operator.", examples=[f"mer_{EXAMPLE_SUFFIX}"]),
    ]
    account_id: Annotated[
        str, Field(description="Its own, in the ledger.", examples=[f"acc_{EXAMPLE_SUFFIX}"])
    ]
    amount: int
    currency: str
    funded: int
    released: int
    returned: int
    held: int
    fee: EscrowFeeView
    parts: list[EscrowPartView]
    timeout: EscrowTimeoutView | None
    description: str | None
    dispute_reason: str | None
    opened_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, shown: escrows.EscrowShown) -> "EscrowView":
        """From the room's escrow."""
        row = shown.row
        return cls.model_validate(
            {
                "id": typeid("esc", row.id),
                "status": row.status,
                "buyer_wallet_id": typeid("wal", row.buyer_wallet_id),
                "recipients": _recipients(row),
                "arbiter_id": typeid("mer", row.arbiter_id) if row.arbiter_id else None,
                "account_id": typeid("acc", row.account_id),
                "amount": row.amount_minor,
                "currency": row.currency,
                "funded": row.funded_minor,
                "released": row.released_minor,
                "returned": row.returned_minor,
                "held": row.held_minor,
                "fee": _fee(row),
                "parts": _parts(row),
                "timeout": _timeout(row),
                "description": shown.description,
                "dispute_reason": shown.dispute_reason,
                "opened_at": row.opened_at,
                "updated_at": row.updated_at,
            }
        )


class EscrowPage(View):
    """Some escrows, the latest first, and where to go on."""

    data: list[EscrowView]
    next_cursor: str | None


class EscrowEventView(View):
    """One fact of an escrow, as it stands in the journal. What is sealed is left out."""

    event_type: Annotated[str, Field(examples=["escrow.released"])]
    version: int
    timestamp: datetime
    data: dict[str, Any]
    actor: Annotated[str | None, Field(description="The API key; null is the platform itself.")]
    request_id: str | None

    @classmethod
    def of(cls, fact: Told) -> "EscrowEventView":
        """From the journal's fact."""
        data = msgspec.to_builtins(fact.data)
        data.pop("sealed", None)
        actor = fact.origin.actor
        return cls(
            event_type=fact.kind,
            version=fact.version,
            timestamp=fact.at,
            data=data,
            actor=typeid("key", actor) if actor else None,
            request_id=fact.origin.request_id,
        )


class EscrowEventList(View):
    """All that happened, oldest first."""

    data: list[EscrowEventView]


def _recipients(row: escrows.EscrowRow) -> list[dict[str, Any]]:
    paid = row.progress.paid_minor
    return [
        {
            "wallet_id": typeid("wal", one.wallet_id) if one.wallet_id else None,
            "merchant_id": None if one.wallet_id else typeid("mer", one.owner_id),
            "share": one.share,
            "paid": paid_minor,
        }
        for one, paid_minor in zip(row.terms.recipients, paid, strict=True)
    ]


def _parts(row: escrows.EscrowRow) -> list[dict[str, Any]]:
    released = row.progress.released_parts
    return [
        {"name": part.name, "amount": part.amount_minor, "released": part.name in released}
        for part in row.terms.parts
    ]


def _fee(row: escrows.EscrowRow) -> dict[str, int]:
    terms = row.terms
    return {
        "basis_points": terms.fee_percent_bp,
        "fixed_amount": terms.fee_fixed_minor,
        "taken": row.fee_minor,
    }


def _timeout(row: escrows.EscrowRow) -> dict[str, Any] | None:
    if row.times_out_at is None:
        return None
    return {"at": row.times_out_at, "then": row.on_timeout, "delays": row.delays}
