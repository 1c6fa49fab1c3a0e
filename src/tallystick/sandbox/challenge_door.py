"""Where payers come in: one page a challenge, and one form on it.

The end of its URL is all a payer has to show, as with a bank's own link. What he says is the
bank's to tell: whoever sent him here asks the bank, and never his browser.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from tallystick.sandbox.challenge_model import DECLINED_WITH, Challenge, Verdict
from tallystick.sandbox.challenge_page import over_page, page_headers, question_page
from tallystick.sandbox.challenges import Challenges
from tallystick.sandbox.model import Operation

FORM_LIMIT_BYTES = 256
_FORM = "application/x-www-form-urlencoded"
_VERDICTS = {verdict.value: verdict for verdict in (Verdict.APPROVED, Verdict.FAILED)}


def challenge_routes(challenges: Challenges) -> list[Route]:
    """`/challenges/{challenge_id}`, to look at and to answer."""
    door = _ChallengeDoor(challenges)
    path = "/challenges/{challenge_id}"
    return [
        Route(path, door.show, methods=["GET"]),
        Route(path, door.answer, methods=["POST"]),
    ]


@dataclass(frozen=True)
class _ChallengeDoor:
    challenges: Challenges

    async def show(self, request: Request) -> Response:
        """The question, or that it is over."""
        found = await self.challenges.find(request.path_params["challenge_id"])
        if found is None:
            return self._say("There is no such question.", None, 404)
        challenge, ended = found
        if ended is not None:
            return self._over(challenge, ended)
        page = question_page(self.challenges.bank, challenge)
        return HTMLResponse(page, 200, page_headers(challenge.return_url))

    async def answer(self, request: Request) -> Response:
        """Take the payer's answer and send him back. A second one changes nothing."""
        found = await self.challenges.find(request.path_params["challenge_id"])
        if found is None:
            return self._say("There is no such question.", None, 404)
        challenge, ended = found
        verdict = await _read_verdict(request)
        if verdict is None:
            return self._say("That was no answer: approve or fail.", None, 400)
        if ended is None:
            ended = await self.challenges.answer(challenge, verdict)
        if challenge.return_url is None or _ran_out(ended):
            return self._over(challenge, ended)
        # 303: the browser goes on with a GET, and going back asks for nothing again.
        headers = page_headers(challenge.return_url)
        return RedirectResponse(challenge.return_url, 303, headers)

    def _over(self, challenge: Challenge, ended: Operation) -> Response:
        if _ran_out(ended):
            return self._say("The time to answer is over.", challenge.return_url, 410)
        return self._say("You have answered. Thank you.", challenge.return_url, 200)

    def _say(self, said: str, return_url: str | None, status_code: int) -> Response:
        page = over_page(self.challenges.bank, said, return_url)
        return HTMLResponse(page, status_code, page_headers(return_url))


def _ran_out(ended: Operation) -> bool:
    return ended.code == DECLINED_WITH[Verdict.EXPIRED]


async def _read_verdict(request: Request) -> Verdict | None:
    """The one field of the form; None for whatever else was sent."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT_BYTES:
            return None
    try:
        ((name, value),) = parse_qsl(body.decode("ascii"), keep_blank_values=True)
    except ValueError:
        return None
    return _VERDICTS.get(value) if name == "answer" else None
