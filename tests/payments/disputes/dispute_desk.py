"""What the tests of disputes speak to: a bank that keeps our clock, its switches, and the room."""

import base64
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp

from tallystick.books import PLATFORM, chart
from tallystick.payments import PaymentRow
from tallystick.payments.cases.folds import CaseRow
from tallystick.payments.cases.store import list_open
from tallystick.payments.disputes import DisputeRow, Disputes
from tallystick.payments.disputes.documents import Document
from tallystick.payments.disputes.feed import DisputeFeed
from tallystick.rails import Rails
from tallystick.rails import disputes as bank
from tests.payments.desk import Desk

ROUTE = "hdfc_bank"
PDF = b"%PDF-1.7\nA receipt for two cups of chai"
PNG = b"\x89PNG\r\n\x1a\n and then some"
JPEG = b"\xff\xd8\xff\xe0 and then some"
RECEIPT = Document(kind="receipt", media_type="application/pdf", content=PDF, name="chai.pdf")


class TellingRails(Rails):
    """The routes, of which one tells of just these disputes."""

    def __init__(self, routes: Any, providers: Any, told: tuple[bank.Dispute, ...]) -> None:
        super().__init__(routes, providers)
        self.told = told

    async def list_disputes(self, route: str, place: int) -> tuple[bank.Dispute, ...]:
        return tuple(one for one in self.told if one.place > place and route == ROUTE)


@dataclass(frozen=True)
class DisputeDesk:
    """The room's disputes beside its payments, and the switches of the bank."""

    desk: Desk
    disputes: Disputes
    bank_url: str

    async def learn(self) -> int:
        return await self.disputes.feed.read_all()

    async def tell(self, *told: bank.Dispute) -> int:
        """As if the bank told of these, in this order."""
        operations = self.desk.operations
        rails = TellingRails(operations.rails.routes, operations.rails.providers, told)
        beats = replace(self.disputes.beats, operations=replace(operations, rails=rails))
        return await DisputeFeed(beats).read_all()

    def a_dispute_of(self, payment: PaymentRow) -> bank.Dispute:
        """What the bank would tell of a dispute about all of it."""
        now = self.desk.clock.now()
        return bank.Dispute(
            dispute_id="hdfc_dp_76",
            place=1,
            reference=payment.tried[-1].reference,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            reason="fraudulent",
            status="needs_response",
            opened_at=now,
            evidence_due_by=now + timedelta(days=7),
        )

    async def cases(self) -> tuple[CaseRow, ...]:
        """The operator cases there are."""
        return await list_open(self.desk.operations.database)

    async def only(self, **options: Any) -> DisputeRow:
        """The one dispute there is."""
        (row,) = (await self.disputes.list_disputes(None, **options)).rows
        return row

    async def disputed(self, amount_minor: int = 10_000, token: str = "tok_disputed") -> DisputeRow:
        """A captured payment whose dispute is learned of."""
        payment = await self.desk.pay(amount_minor, token)
        await self.learn()
        return await self.only(payment_id=payment.id)

    async def look(self, row: DisputeRow) -> DisputeRow:
        return (await self.disputes.get(row.id)).row

    async def hand_in(self, row: DisputeRow, document: Document = RECEIPT) -> DisputeRow:
        return (await self.disputes.documents.add(row.id, document)).row

    async def contested(self, row: DisputeRow) -> DisputeRow:
        await self.hand_in(row)
        return (await self.disputes.submit(row.id, explanation="He drank it.")).row

    async def turn(self, span: timedelta) -> None:
        """Turn the clock of the house and of the bank, and let the job do what is due."""
        self.desk.clock.advance(span)
        await self.disputes.look_at_due()

    async def payment(self, row: DisputeRow) -> PaymentRow:
        return (await self.desk.payments.get(row.payment_id)).row

    async def held(self) -> int:
        return (await self.desk.balance(PLATFORM, chart.disputes_code("INR")))[0]

    async def at_the_bank(self, path: str, **body: object) -> tuple[int, dict[str, Any]]:
        """Use a switch of the bank."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.bank_url}{path}", json=body) as answer,
        ):
            return answer.status, await answer.json()

    async def stored(self, document_id: UUID) -> bytes:
        sealed: bytes = await self.desk.operations.database.fetchval(
            "SELECT sealed FROM dispute_documents WHERE id = $1", document_id
        )
        return base64.b64decode(sealed)
