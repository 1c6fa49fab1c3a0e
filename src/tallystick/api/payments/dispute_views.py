"""Disputes as the API says them: bodies and views. Evidence is shown by its digest."""

from base64 import b64encode
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from tallystick.api.fields import (
    EXAMPLE_SUFFIX,
    Body,
    DisputeId,
    MerchantView,
    View,
    example,
    one_of,
)
from tallystick.payments import disputes
from tallystick.platform.ids import typeid

BODY_BYTES_MAX: Final = 4 * (disputes.EVIDENCE_BYTES_MAX // 3) + 4_096
"""The largest document in base64, and room for the rest of the body."""

_BASE64_LENGTH_MAX: Final = 4 * (disputes.EVIDENCE_BYTES_MAX // 3 + 1)
DisputeStatus = Literal["needs_response", "under_review", "won", "lost", "accepted", "expired"]
EvidenceKind = Literal[
    "receipt", "customer_communication", "shipping_documentation", "refund_policy", "other"
]
MediaType = Literal["application/pdf", "image/png", "image/jpeg", "text/plain"]


class AddEvidence(Body):
    """A document that speaks for the merchant; the same content again is the same document."""

    model_config = example(
        {
            "dispute_id": f"dsp_{EXAMPLE_SUFFIX}",
            "kind": "receipt",
            "media_type": "text/plain",
            "name": "receipt.txt",
            "content": b64encode(b"Two cups of chai, paid by card.").decode(),
        }
    )

    dispute_id: DisputeId
    kind: EvidenceKind
    media_type: Annotated[MediaType, Field(description="What its first bytes must say as well.")]
    content: Annotated[
        str,
        Field(
            min_length=4,
            max_length=_BASE64_LENGTH_MAX,
            description=f"In base64; at most {disputes.EVIDENCE_BYTES_MAX} bytes.",
        ),
    ]
    name: Annotated[str, Field(max_length=200, description="Kept sealed, as the content is.")] = ""


class SubmitEvidence(Body):
    """What the merchant says beside his documents."""

    model_config = example({"explanation": "The customer picked the order up himself."})

    explanation: Annotated[str, Field(max_length=disputes.EXPLANATION_LENGTH_MAX)] = ""


class AcceptDispute(Body):
    """Nothing more is to be said."""

    model_config = example({})


class EvidenceView(View):
    """A document that was handed in."""

    id: Annotated[str, Field(examples=[f"evd_{EXAMPLE_SUFFIX}"])]
    kind: Annotated[str, one_of(*disputes.EVIDENCE_KINDS)]
    media_type: Annotated[str, one_of(*disputes.MEDIA_TYPES)]
    size_bytes: int
    sha256: str


class DocumentView(EvidenceView):
    """A document as it was handed in."""

    name: str
    content: Annotated[str, Field(description="In base64.")]


class DisputeView(View):
    """A dispute. `evidence_due_by` is the bank's deadline."""

    id: Annotated[str, Field(examples=[f"dsp_{EXAMPLE_SUFFIX}"])]
    payment_id: Annotated[str, Field(examples=[f"pay_{EXAMPLE_SUFFIX}"])]
    merchant: MerchantView
    status: Annotated[str, one_of(*disputes.DISPUTE_STATUSES)]
    amount: int
    currency: str
    fee: int
    reason: Annotated[str, Field(description="The bank's own word.", examples=["fraudulent"])]
    route: str
    provider_dispute_id: str
    response: Annotated[str, one_of("evidence", "acceptance")] | None
    delivered: Annotated[bool, Field(description="The bank has the answer.")]
    evidence: list[EvidenceView]
    evidence_due_by: datetime
    opened_at: datetime
    answered_at: datetime | None
    closed_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: disputes.DisputeRow) -> "DisputeView":
        """From the room's row."""
        return cls(**_told(row))


class DisputeDetailView(DisputeView):
    """A dispute with the merchant's explanation; null once its key was destroyed."""

    explanation: str | None

    @classmethod
    def shown(cls, answer: disputes.DisputeShown) -> "DisputeDetailView":
        """From the room's answer."""
        return cls(**_told(answer.row), explanation=answer.explanation)


class DisputePage(View):
    """Disputes, latest first."""

    data: list[DisputeView]
    next_cursor: str | None


def _told(row: disputes.DisputeRow) -> dict[str, Any]:
    return {
        "id": typeid("dsp", row.id),
        "payment_id": typeid("pay", row.payment_id),
        "merchant": MerchantView(id=typeid("mer", row.merchant_id)),
        "status": row.status,
        "amount": row.amount_minor,
        "currency": row.currency,
        "fee": row.fee_minor,
        "reason": row.reason,
        "route": row.route,
        "provider_dispute_id": row.provider_dispute_id,
        "response": row.response,
        "delivered": row.delivered,
        "evidence": [
            EvidenceView(
                id=typeid("evd", item.id),
                kind=item.kind,
                media_type=item.media_type,
                size_bytes=item.size_bytes,
                sha256=item.sha256,
            )
            for item in row.items
        ],
        "evidence_due_by": row.evidence_due_by,
        "opened_at": row.opened_at,
        "answered_at": row.answered_at,
        "closed_at": row.closed_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
