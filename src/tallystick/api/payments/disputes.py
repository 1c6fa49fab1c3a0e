"""`/api/v1/disputes`: payments that their payers contest at their banks."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Body as BodyField
from fastapi import Query

from tallystick.api.calls import AnyCall, Call, MoneyCall
from tallystick.api.field_errors import FieldError, InvalidFields
from tallystick.api.fields import PaymentId
from tallystick.api.ids import path_id
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Cursors, Limit
from tallystick.api.payments.dispute_views import (
    AcceptDispute,
    AddEvidence,
    DisputeDetailView,
    DisputePage,
    DisputeStatus,
    DisputeView,
    DocumentView,
    SubmitEvidence,
)
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.payments import disputes
from tallystick.platform.ids import parse_typeid, typeid

PATH: Final = "/api/v1/disputes"
EVIDENCE_PATH: Final = f"{PATH}/evidence"
_CURSORS: Final = Cursors("disputes")


@dataclass(frozen=True, slots=True)
class DisputeRoutes:
    """The handlers of disputes."""

    app: App

    async def list_disputes(
        self,
        call: AnyCall,
        *,
        payment_id: Annotated[PaymentId | None, Query(description="About this one.")] = None,
        status: Annotated[DisputeStatus | None, Query()] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> DisputePage:
        """The caller's disputes, latest first, a page at a time."""
        page = await self.app.disputes.list_disputes(
            call.merchant_id,
            payment_id=parse_typeid("pay", payment_id) if payment_id else None,
            status=status,
            cursor=_CURSORS.place(cursor),
            limit=limit,
        )
        data = [DisputeView.of(row) for row in page.rows]
        return DisputePage(data=data, next_cursor=_CURSORS.next(page.next_cursor))

    async def get_dispute(self, dispute_id: str, call: AnyCall) -> DisputeDetailView:
        """A dispute as it stands."""
        found = path_id("dsp", dispute_id, "dispute")
        merchant_id = call.merchant_id
        return _view(await self.app.disputes.get(found, merchant_id=merchant_id), call)

    async def add_evidence(self, body: AddEvidence, call: MoneyCall) -> DisputeView:
        """Hand in a document. The bank sees none before they are submitted.

        PDF, PNG, JPEG or plain text, at most 10 documents. The same content again changes nothing.
        """
        handed_in = await self.app.disputes.documents.add(
            parse_typeid("dsp", body.dispute_id),
            disputes.Document(
                kind=body.kind,
                media_type=body.media_type,
                content=_decoded(body.content),
                name=body.name,
            ),
            merchant_id=call.merchant_id,
            asked=call.asked("disputes.add_evidence"),
            origin=call.origin,
        )
        call.tell(replayed=handed_in.replayed)
        return DisputeView.of(handed_in.row)

    async def get_evidence(self, dispute_id: str, evidence_id: str, call: AnyCall) -> DocumentView:
        """A document as it was handed in; gone once the payer's data were erased."""
        found = path_id("evd", evidence_id, "evidence")
        document = await self.app.disputes.documents.get(
            path_id("dsp", dispute_id, "dispute"), found, merchant_id=call.merchant_id
        )
        return DocumentView(
            id=typeid("evd", found),
            kind=document.kind,
            media_type=document.media_type,
            size_bytes=len(document.content),
            sha256=hashlib.sha256(document.content).hexdigest(),
            name=document.name,
            content=base64.b64encode(document.content).decode(),
        )

    async def submit_dispute(
        self,
        dispute_id: str,
        call: MoneyCall,
        body: Annotated[SubmitEvidence, BodyField(default_factory=SubmitEvidence)],
    ) -> DisputeDetailView:
        """Contest it with all that was handed in. There is no second time."""
        shown = await self.app.disputes.submit(
            path_id("dsp", dispute_id, "dispute"),
            explanation=body.explanation,
            merchant_id=call.merchant_id,
            asked=call.asked("disputes.submit"),
            origin=call.origin,
        )
        return _view(shown, call)

    async def accept_dispute(
        self,
        dispute_id: str,
        call: MoneyCall,
        body: Annotated[AcceptDispute, BodyField(default_factory=AcceptDispute)],
    ) -> DisputeDetailView:
        """Give in: the payer has his money back."""
        del body  # nothing more is to be said
        shown = await self.app.disputes.accept(
            path_id("dsp", dispute_id, "dispute"),
            merchant_id=call.merchant_id,
            asked=call.asked("disputes.accept"),
            origin=call.origin,
        )
        return _view(shown, call)


def add_dispute_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/disputes`."""
    handlers, one = DisputeRoutes(app), f"{PATH}/{{dispute_id}}"
    routes.get(PATH, handlers.list_disputes, Permission.READ)
    routes.post(EVIDENCE_PATH, handlers.add_evidence, Permission.PAY)
    routes.get(one, handlers.get_dispute, Permission.READ)
    routes.get(f"{one}/evidence/{{evidence_id}}", handlers.get_evidence, Permission.READ)
    routes.post(f"{one}/submit", handlers.submit_dispute, Permission.PAY, status=200)
    routes.post(f"{one}/accept", handlers.accept_dispute, Permission.PAY, status=200)


def _decoded(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        field = FieldError("content", "malformed_base64", "This is not base64")
        raise InvalidFields((field,)) from None


def _view(shown: disputes.DisputeShown, call: Call) -> DisputeDetailView:
    call.tell(replayed=shown.replayed)
    return DisputeDetailView.shown(shown)
