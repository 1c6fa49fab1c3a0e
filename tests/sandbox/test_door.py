"""The bank's door refuses what it cannot read, changes nothing, and says so in one shape."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tallystick.sandbox import BANKS, Pace, acquirer_app, open_book, serve_sandbox
from tests.sandbox.teller import Teller, spoil

pytestmark = pytest.mark.anyio

GOOD = b'{"reference":"r1","amount":1,"currency":"INR","token":"tok_visa"}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"not json",
        GOOD[:-1],
        GOOD.replace(b'"amount":1', b'"amount":0'),
        GOOD.replace(b'"amount":1', b'"amount":-1'),
        GOOD.replace(b'"amount":1', b'"amount":1.5'),
        GOOD.replace(b'"amount":1', b'"amount":"1"'),
        GOOD.replace(b'"amount":1', b'"amount":true'),
        GOOD.replace(b'"amount":1', b'"amount":1e400'),
        GOOD.replace(b'"amount":1', b'"amount":10000000000000000'),
        GOOD.replace(b"INR", b"inr"),
        GOOD.replace(b"INR", b"INR\\n"),
        GOOD.replace(b"r1", b"r/1"),
        GOOD.replace(b"r1", b"r1\\n"),
        GOOD.replace(b"r1", b""),
        GOOD.replace(b"r1", b"r" * 129),
        GOOD.replace(b"tok_visa", b"tok\\u0000visa"),
        GOOD.replace(b"tok_visa", b"tok_\\ud800"),
        GOOD.replace(b"}", b',"colour":"red"}'),
        b"[" * 30_000,
    ],
)
async def test_a_body_it_cannot_read_is_refused(body: bytes, hdfc: Teller) -> None:
    said = await hdfc.post_raw("/v1/authorizations", body)

    assert (said.status, said.body["error"]["code"]) == (400, "invalid_request")
    assert (await hdfc.find("r1")).status == 404


async def test_a_body_without_end_is_cut_off(hdfc: Teller) -> None:
    said = await hdfc.post_raw("/v1/authorizations", GOOD.replace(b"r1", b"r" * 70_000))

    assert (said.status, said.body["error"]["code"]) == (413, "body_too_large")


async def test_nothing_can_be_done_on_an_authorization_nobody_made(hdfc: Teller) -> None:
    for said in (
        await hdfc.capture("nobody", hdfc.fresh("c"), 1),
        await hdfc.refund("nobody", hdfc.fresh("r"), 1),
        await hdfc.void("nobody", hdfc.fresh("v")),
    ):
        assert (said.status, said.body["error"]["code"]) == (404, "unknown_authorization")


async def test_a_capture_is_no_authorization(hdfc: Teller) -> None:
    authorization, capture = hdfc.fresh("a"), hdfc.fresh("c")
    await hdfc.authorize(authorization)
    await hdfc.capture(authorization, capture, 10)

    assert (await hdfc.refund(capture, hdfc.fresh("r"), 10)).status == 404


async def test_each_bank_says_it_is_well(hdfc: Teller, icici: Teller) -> None:
    assert (await hdfc.get("/v1/health")).body == {"status": "ok", "bank": "hdfc_bank"}
    assert (await icici.get("/v1/health")).body == {"status": "ok", "bank": "icici_bank"}


async def test_the_banks_do_not_know_each_others_references(hdfc: Teller, icici: Teller) -> None:
    reference = hdfc.fresh("a")
    at_hdfc = await hdfc.authorize(reference)

    assert (await icici.find(reference)).status == 404
    assert at_hdfc.body["id"].startswith("hdfc_")
    assert (await icici.authorize(reference)).body["id"].startswith("icici_")


async def test_a_server_that_cannot_drop_a_connection_breaks_off_its_answer(tmp_path: Path) -> None:
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": GOOD.replace(b"tok_visa", b"tok_drop_before")}

    async def send(message: Any) -> None:
        said.append(message)

    async with open_book(tmp_path / "bank.db", durable=False) as book:
        app = acquirer_app(BANKS[0], book, pace=Pace(calm=True))
        path = "/v1/authorizations"
        scope = {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}
        await app(scope, receive, send)

    promised = dict(said[0]["headers"])[b"content-length"]
    assert len(said[-1]["body"]) < int(promised)
    assert said[-1]["more_body"]


async def test_a_bank_whose_book_cannot_be_written_says_so(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    async with serve_sandbox(tmp_path, pace=Pace(calm=True)) as sandbox:
        bank = Teller(session, sandbox.base_url("hdfc_bank"))
        spoil(sandbox.books["hdfc_bank"])

        said = await bank.authorize("a1")

        assert (said.status, said.body["error"]["code"]) == (503, "book_broken")
        assert (await bank.find("a1")).status == 404
        assert (await bank.authorize("a2")).status == 503
