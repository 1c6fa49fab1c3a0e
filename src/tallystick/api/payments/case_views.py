"""Operator cases as the API says them: bodies and views."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from tallystick.api.fields import EXAMPLE_SUFFIX, Body, View, example, one_of
from tallystick.payments import cases
from tallystick.platform.ids import typeid

CaseStatus = Literal["open", "resolved"]
CaseKind = Literal["authorize", "capture", "void", "refund", "payout", "dispute"]


class AskAgain(Body):
    """Nothing more is to be said."""

    model_config = example({})


class AddNote(Body):
    """What whoever looks next should know."""

    model_config = example({"text": "Their desk calls back before noon."})

    text: Annotated[
        str,
        Field(
            min_length=1,
            max_length=cases.NOTE_LENGTH_MAX,
            description="Kept sealed, under the key of the payment's free text.",
        ),
    ]


class CloseCase(Body):
    """What was done about it."""

    model_config = example({"note": "Their desk has let go of the money, ticket 4711."})

    note: Annotated[str, Field(min_length=1, max_length=cases.NOTE_LENGTH_MAX)]


class ResolveCase(Body):
    """What an operator has in writing."""

    model_config = example(
        {
            "outcome": "approved",
            "provider_reference": "HDFC-2026-0042",
            "note": "Their letter of 3 March, page 2.",
        }
    )

    outcome: Literal["approved", "failed"]
    note: Annotated[str, Field(min_length=1, max_length=cases.NOTE_LENGTH_MAX)]
    provider_reference: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9_.:\-]{1,128}$",
            description="What the provider's paper calls it; with `approved`, and only then.",
        ),
    ] = None


class NoteView(View):
    """What an operator wrote."""

    at: datetime
    key_id: Annotated[
        str | None, Field(description="The API key it was written with; null: at the terminal.")
    ]
    text: Annotated[str | None, Field(description="Null once its key was destroyed.")]


class CaseView(View):
    """Something between a provider and us that waits for a person.

    An `outcome_unknown` was not known for a day, and ends by itself; a person closes all else.
    """

    id: Annotated[str, Field(examples=[f"cas_{EXAMPLE_SUFFIX}"])]
    status: Annotated[str, one_of(*cases.CASE_STATUSES)]
    kind: Annotated[str, one_of(*cases.CASE_KINDS_OF_WORK)]
    cause: Annotated[str, one_of(*cases.CASE_CAUSES)]
    subject: Annotated[
        str | None,
        Field(
            description="The payment, refund or payout it is about; null: none of ours.",
            examples=[f"pay_{EXAMPLE_SUFFIX}"],
        ),
    ]
    route: str
    reference: Annotated[
        str, Field(description="What the provider knows it by; of a dispute, its name for it.")
    ]
    amount: int
    currency: str
    since: Annotated[datetime, Field(description="When the provider was first asked.")]
    looks: Annotated[int, Field(description="How often it was asked what became of it.")]
    looked_by: Annotated[str, one_of("recovery", "operator")] | None
    decided: Annotated[
        str | None, Field(description="What an operator recorded: `approved` or `failed`.")
    ]
    outcome: Annotated[
        str | None,
        Field(
            description="The event of the subject that ended it; null: nobody knows.",
            examples=["payment.captured"],
        ),
    ]
    resolved_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: cases.CaseRow) -> "CaseView":
        """From the room's row."""
        return cls(**_told(row))


class CaseDetailView(CaseView):
    """A case with what was written on it."""

    notes: list[NoteView]

    @classmethod
    def shown(cls, answer: cases.CaseShown) -> "CaseDetailView":
        """From the room's answer."""
        notes = [
            NoteView(
                at=note.at, key_id=typeid("key", note.actor) if note.actor else None, text=note.text
            )
            for note in answer.notes
        ]
        return cls(**_told(answer.row), notes=notes)


class CasePage(View):
    """Cases, latest first."""

    data: list[CaseView]
    next_cursor: str | None


def _told(row: cases.CaseRow) -> dict[str, Any]:
    return {
        "id": row.name,
        "status": row.status,
        "kind": row.work,
        "cause": row.cause,
        "subject": row.subject,
        "route": row.route,
        "reference": row.reference,
        "amount": row.amount_minor,
        "currency": row.currency,
        "since": row.asked_at,
        "looks": row.looks,
        "looked_by": row.looked_by,
        "decided": row.decided,
        "outcome": row.outcome,
        "resolved_at": row.resolved_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
