"""The bank's HTTP door for disputes.

`POST .../disputes` and `POST .../verdict` are switches for tests and the console: no bank lets its
customers do that.
"""

from dataclasses import dataclass
from datetime import timedelta

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.sandbox.acquirer import Acquirer
from tallystick.sandbox.dispute_bodies import (
    Decide,
    DisputeQuery,
    GiveEvidence,
    OpenDispute,
    ShownDisputes,
    shown_dispute,
)
from tallystick.sandbox.dispute_desk import (
    DisputeClosed,
    DisputeDesk,
    NotDisputable,
    UnknownDispute,
)
from tallystick.sandbox.dispute_model import Case, DisputeStatus, Reply
from tallystick.sandbox.exchange import convert_query, error_answer, json_answer, read_body

_STATUS_OF: dict[type[Exception], int] = {
    UnknownDispute: 404,
    DisputeClosed: 409,
    NotDisputable: 422,
}


@dataclass(frozen=True)
class DisputeDoor:
    """The handlers of disputes."""

    acquirer: Acquirer
    desk: DisputeDesk

    def routes(self) -> list[Route]:
        """What is answered about disputes."""
        one = "/v1/disputes/{dispute_id}"
        return [
            Route("/v1/disputes", self.list_disputes, methods=["GET"]),
            Route(one, self.find, methods=["GET"]),
            Route(f"{one}/evidence", self.take_evidence, methods=["POST"]),
            Route(f"{one}/acceptance", self.take_acceptance, methods=["POST"]),
            Route(f"{one}/verdict", self.decide, methods=["POST"]),
            Route("/v1/authorizations/{reference}/disputes", self.open, methods=["POST"]),
        ]

    async def list_disputes(self, request: Request) -> Response:
        query = convert_query(request, DisputeQuery)
        now = self.acquirer.now()
        found = self.desk.book.list_after(query.after, query.limit)
        return json_answer(ShownDisputes([shown_dispute(case, now) for case in found]))

    async def find(self, request: Request) -> Response:
        return self._shown(self.desk.get(request.path_params["dispute_id"]))

    async def take_evidence(self, request: Request) -> Response:
        body = await read_body(request, GiveEvidence)
        said = msgspec.json.encode(body)
        dispute_id, now = request.path_params["dispute_id"], self.acquirer.now()
        return self._shown(self.desk.reply(dispute_id, Reply.EVIDENCE, said, now))

    async def take_acceptance(self, request: Request) -> Response:
        dispute_id, now = request.path_params["dispute_id"], self.acquirer.now()
        return self._shown(self.desk.reply(dispute_id, Reply.ACCEPTANCE, b"", now))

    async def decide(self, request: Request) -> Response:
        body = await read_body(request, Decide)
        dispute_id, now = request.path_params["dispute_id"], self.acquirer.now()
        return self._shown(self.desk.decide(dispute_id, DisputeStatus(body.verdict), now))

    async def open(self, request: Request) -> Response:
        body = await read_body(request, OpenDispute)
        reference = request.path_params["reference"]
        due_after_s = body.evidence_due_after_s
        case = self.desk.open(
            reference,
            self.acquirer.standing_of(reference),
            amount_minor=body.amount,
            reason=body.reason,
            verdict=DisputeStatus(body.verdict),
            evidence_time=timedelta(seconds=due_after_s) if due_after_s else None,
            now=self.acquirer.now(),
        )
        return self._shown(case)

    def _shown(self, case: Case) -> Response:
        return json_answer(shown_dispute(case, self.acquirer.now()))


async def dispute_refused(_: Request, refusal: Exception) -> Response:
    """How the desk's no is said."""
    code = str(getattr(refusal, "code", "refused"))
    return error_answer(_STATUS_OF[type(refusal)], code, str(refusal))


DISPUTE_REFUSALS = dict.fromkeys(_STATUS_OF, dispute_refused)
