"""The bank asks the payer first: its page works without scripts, and one answer counts."""

import asyncio
import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tallystick.platform.clock import HandClock
from tallystick.sandbox import Pace, serve_sandbox
from tallystick.sandbox.magic import CHALLENGES
from tests.sandbox.teller import DROPPED, Said, Teller

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sandbox.md"
BACK = "https://shop.example/paid?order=7"
QUARTER = timedelta(minutes=15)


class Seen(HTMLParser):
    """What a browser without scripts finds on a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


class Browser:
    """A payer's browser: follows no redirect, so that the test sees it."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def look(self) -> tuple[int, str, dict[str, str]]:
        return await self._go("GET", None)

    async def press(self, answer: str) -> tuple[int, str, dict[str, str]]:
        return await self._go("POST", {"answer": answer})

    async def send(self, body: bytes, kind: str) -> int:
        headers = {"content-type": kind}
        async with self.session.post(self.url, data=body, headers=headers) as answer:
            return answer.status

    async def _go(self, method: str, form: Any) -> tuple[int, str, dict[str, str]]:
        async with self.session.request(
            method, self.url, data=form, allow_redirects=False
        ) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return answer.status, await answer.text(), headers


async def challenged(bank: Teller, **changes: object) -> tuple[str, Browser]:
    """An authorization that waits for its payer, and his browser."""
    reference = bank.fresh("ch")
    said = await ask(bank, reference, **changes)
    assert (said.status, said.body["status"]) == (202, "action_required")
    return reference, Browser(bank.session, said.body["action_url"])


async def ask(bank: Teller, reference: str, **changes: object) -> Said:
    terms = {"token": "tok_challenge", "challenge": True, "return_url": BACK} | changes
    return await bank.authorize(reference, **terms)


async def test_the_payer_approves_and_goes_back_to_the_merchant(hdfc: Teller) -> None:
    reference, browser = await challenged(hdfc, merchant="mer_1", amount=125_050)
    status, page, _ = await browser.look()
    assert (status, "1,250.50 INR" in page, reference in page) == (200, True, True)

    status, _, headers = await browser.press("approve")

    assert (status, headers["location"]) == (303, BACK)
    found = (await hdfc.find(reference)).body
    assert (found["status"], found["amount"]) == ("approved", 125_050)
    capture = await hdfc.capture(reference, hdfc.fresh("c"), 125_050)
    assert capture.body["status"] == "approved"


async def test_the_payer_fails(hdfc: Teller) -> None:
    reference, browser = await challenged(hdfc)

    assert (await browser.press("fail"))[0] == 303
    found = (await hdfc.find(reference)).body
    assert (found["status"], found["code"]) == ("declined", "authentication_failed")


async def test_the_payer_never_comes(hdfc: Teller, bank_clock: HandClock) -> None:
    reference, browser = await challenged(hdfc)
    bank_clock.advance(QUARTER - timedelta(seconds=1))
    assert (await hdfc.find(reference)).body["status"] == "action_required"
    bank_clock.advance(timedelta(seconds=1))

    found = (await hdfc.find(reference)).body
    assert (found["status"], found["code"]) == ("declined", "authentication_expired")
    assert (await browser.look())[0] == 410
    status, page, _ = await browser.press("approve")
    assert (status, BACK in page.replace("&amp;", "&")) == (410, True)
    assert (await hdfc.find(reference)).body["code"] == "authentication_expired"


async def test_an_answer_a_moment_too_late_is_none(hdfc: Teller, bank_clock: HandClock) -> None:
    reference, browser = await challenged(hdfc)
    bank_clock.advance(QUARTER)

    assert (await browser.press("approve"))[0] == 410
    assert (await hdfc.find(reference)).body["code"] == "authentication_expired"


async def test_the_first_of_many_answers_counts(hdfc: Teller) -> None:
    reference, browser = await challenged(hdfc)

    answers = await asyncio.gather(
        *(browser.press("fail" if turn % 2 else "approve") for turn in range(32))
    )

    assert {status for status, _, _ in answers} == {303}
    first = (await hdfc.find(reference)).body
    for word in ("approve", "fail"):
        assert (await browser.press(word))[0] == 303
        assert (await hdfc.find(reference)).body == first
    assert (await browser.look())[0] == 200


async def test_the_question_is_asked_once_per_reference(hdfc: Teller) -> None:
    reference = hdfc.fresh("ch")
    answers = await asyncio.gather(*(ask(hdfc, reference) for _ in range(16)))

    assert {answer.body["action_url"] for answer in answers} == {answers[0].body["action_url"]}
    other = await ask(hdfc, reference, amount=2)
    assert (other.status, other.body["error"]["code"]) == (409, "reference_reused")
    await Browser(hdfc.session, answers[0].body["action_url"]).press("approve")
    again = await ask(hdfc, reference)
    assert (again.status, again.body["status"]) == (200, "approved")


async def test_a_lost_question_is_found_by_its_reference(hdfc: Teller) -> None:
    reference = hdfc.fresh("ch")
    assert (await ask(hdfc, reference, token="tok_challenge_then_drop")).status == DROPPED

    found = await hdfc.find(reference)
    assert (found.status, found.body["status"]) == (200, "action_required")


async def test_a_caller_without_a_payer_is_declined(hdfc: Teller) -> None:
    said = await ask(hdfc, hdfc.fresh("ch"), challenge=False, return_url=None)

    assert (said.status, said.body["code"]) == (402, "authentication_required")


@pytest.mark.parametrize(
    ("amount", "code"), [(4_002, "insufficient_funds"), (20_000_001, "amount_over_bank_limit")]
)
async def test_a_payer_who_passed_still_needs_the_money(
    hdfc: Teller, amount: int, code: str
) -> None:
    reference = hdfc.fresh("ch")
    said = await ask(hdfc, reference, amount=amount)
    if said.status == 202:
        await Browser(hdfc.session, said.body["action_url"]).press("approve")

    assert (await hdfc.find(reference)).body["code"] == code


async def test_a_cardholder_who_passed_may_still_dispute(hdfc: Teller) -> None:
    reference, browser = await challenged(hdfc, amount=4_501, capture=True)
    await browser.press("approve")

    disputes = (await hdfc.get("/v1/disputes")).body["disputes"]
    assert reference in {dispute["authorization_reference"] for dispute in disputes}


async def test_the_page_needs_no_script_and_loads_nothing(hdfc: Teller) -> None:
    _, browser = await challenged(hdfc)
    _, page, headers = await browser.look()
    policy = headers["content-security-policy"]

    tags = Seen(page).tags
    assert {tag for tag, _ in tags} & {"script", "img", "link", "iframe", "object"} == set()
    assert not [name for _, attrs in tags for name in attrs if name.startswith("on")]
    assert [attrs for tag, attrs in tags if tag == "form"] == [{"method": "post"}]
    assert [attrs["value"] for tag, attrs in tags if tag == "button"] == ["approve", "fail"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self' https://shop.example;" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")


async def test_what_is_shown_is_escaped(hdfc: Teller) -> None:
    quoted = "https://shop.example/?a=1&b=%22"
    _, browser = await challenged(hdfc, return_url=quoted)
    await browser.press("fail")

    _, page, _ = await browser.look()
    assert 'href="https://shop.example/?a=1&amp;b=%22"' in page


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "//shop.example",
        "https://",
        "https://shop.example;script-src *",
        "https://shop.example\r\nset-cookie: a=b",
        'https://shop.example/"onload=',
        "https://user@shop.example/",
        "https://shop.example/" + "a" * 2_200,
        7,
    ],
)
async def test_no_payer_is_sent_just_anywhere(hdfc: Teller, url: object) -> None:
    said = await ask(hdfc, hdfc.fresh("ch"), return_url=url)

    assert (said.status, said.body["error"]["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"answer=maybe", "application/x-www-form-urlencoded"),
        (b"answer=expire", "application/x-www-form-urlencoded"),
        (b"answer=approve&answer=fail", "application/x-www-form-urlencoded"),
        (b"verdict=approve", "application/x-www-form-urlencoded"),
        (b"answer=approve" + b"&x=" * 300, "application/x-www-form-urlencoded"),
        (b"answer=\xff", "application/x-www-form-urlencoded"),
        (b'{"answer": "approve"}', "application/json"),
        (b"answer=approve", "text/plain"),
    ],
)
async def test_whatever_else_is_sent_is_no_answer(hdfc: Teller, body: bytes, kind: str) -> None:
    reference, browser = await challenged(hdfc)

    assert await browser.send(body, kind) == 400
    assert (await hdfc.find(reference)).body["status"] == "action_required"


@pytest.mark.parametrize("name", ["0" * 20, "..%2f..", "%00", "ch-1", "x" * 5_000])
async def test_an_unknown_challenge_is_not_there(hdfc: Teller, name: str) -> None:
    browser = Browser(hdfc.session, f"{hdfc.url}/challenges/{name}")

    assert (await browser.look())[0] == 404
    assert (await browser.press("approve"))[0] == 404


async def test_a_challenge_belongs_to_one_bank(hdfc: Teller, icici: Teller) -> None:
    reference, browser = await challenged(hdfc)
    elsewhere = Browser(icici.session, browser.url.replace(hdfc.url, icici.url))

    assert (await elsewhere.press("approve"))[0] == 404
    assert (await hdfc.find(reference)).body["status"] == "action_required"


async def test_questions_and_answers_survive_a_restart(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with serve_sandbox(tmp_path, pace=Pace(calm=True)) as sandbox:
        bank = Teller(session, sandbox.base_url("hdfc_bank"))
        open_one, browser = await challenged(bank)
        answered, other = await challenged(bank)
        await other.press("approve")
    async with serve_sandbox(tmp_path, pace=Pace(calm=True)) as sandbox:
        bank = Teller(session, sandbox.base_url("hdfc_bank"))
        assert (await bank.find(answered)).body["status"] == "approved"
        found = (await bank.find(open_one)).body
        assert found["action_url"].rpartition("/")[2] == browser.url.rpartition("/")[2]
        await Browser(session, found["action_url"]).press("approve")
        assert (await bank.find(open_one)).body["status"] == "approved"


def test_the_reference_page_lists_every_token_that_asks_the_payer() -> None:
    text = PAGE.read_text("utf-8")

    assert re.findall(r"^\| `(tok_challenge\w*)` \|", text, re.MULTILINE) == [
        token for token, _ in CHALLENGES
    ]
