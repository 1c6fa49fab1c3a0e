"""Where a bank may send a payer: to itself, or by https. Anything else is no answer."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tallystick.rails import Outcome, Pending, Unanswered
from tallystick.rails.providers.line import Line, open_session
from tallystick.rails.providers.sandbox import SandboxAcquirer
from tests.rails.hostile_bank import hostile_bank, http, says
from tests.rails.replies import OPERATION, encoded

pytestmark = pytest.mark.anyio

URL = "https://acs.bank.example/challenges/7"
ASKS = OPERATION | {
    "status": "action_required",
    "action_url": URL,
    "expires_at": "2026-03-02T09:45:00Z",
}


@pytest.fixture
async def session(anyio_backend: object) -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session() as session:
        yield session


async def found(session: aiohttp.ClientSession, content: object) -> Outcome:
    """What a look-up makes of this reply."""
    async with hostile_bank(says(http(encoded(content)))) as url:
        bank = SandboxAcquirer("hdfc_bank", Line(session, url, 2_000))
        return await bank.find("pay_1-a1")


async def test_a_payer_is_sent_by_https(session: aiohttp.ClientSession) -> None:
    outcome = await found(session, ASKS)

    assert isinstance(outcome, Pending)
    assert outcome.action_url == URL
    assert outcome.expires_at is not None
    assert outcome.expires_at.isoformat() == "2026-03-02T09:45:00+00:00"


async def test_a_time_is_not_needed(session: aiohttp.ClientSession) -> None:
    assert await found(session, ASKS | {"expires_at": None}) == Pending(URL)


@pytest.mark.parametrize(
    "change",
    [
        {"action_url": None},
        {"action_url": ""},
        {"action_url": "http://acs.bank.example/challenges/7"},
        {"action_url": "http://127.0.0.1:1/challenges/7"},
        {"action_url": "//acs.bank.example/challenges/7"},
        {"action_url": "/challenges/7"},
        {"action_url": "https://"},
        {"action_url": "https:acs.bank.example"},
        {"action_url": "https://[::1/"},
        {"action_url": "javascript:alert(1)"},
        {"action_url": "data:text/html,pay"},
        {"action_url": "https://acs.bank.example/a b"},
        {"action_url": "https://acs.bank.example/\nlocation: x"},
        {"action_url": "https://acs.bank.example/" + "7" * 2_048},
        {"action_url": 7},
        {"expires_at": "2026-03-02T09:45:00"},
        {"expires_at": "soon"},
        {"kind": "capture"},
        {"code": "insufficient_funds"},
    ],
    ids=repr,
)
async def test_an_odd_question_is_no_answer(
    session: aiohttp.ClientSession, change: dict[str, object]
) -> None:
    assert await found(session, ASKS | change) == Unanswered("wrong_schema")
