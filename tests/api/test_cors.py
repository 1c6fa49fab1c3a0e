"""A page elsewhere may call what a client secret opens, if its origin is listed; nothing more."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import aiohttp
import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from tallystick.api import create_api
from tallystick.api.server import ClosingServer
from tallystick.app import App
from tallystick.platform.listening import listening_socket
from tallystick.platform.settings import load_settings
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio

SHOP = "https://shop.example"
LOCAL = "http://localhost:8000"
INTENTS = "/api/v1/intents"
ONE = f"{INTENTS}/int_01kjpy44e0fh0r68j79jejabkn"
MONEY = {"amount": 10_000, "currency": "INR"}
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
TAKEN = "authorization, content-type, idempotency-key, x-request-id"

Headers = CIMultiDictProxy[str]


@pytest.fixture(scope="module")
async def listed(app: App) -> AsyncIterator[str]:
    """Where the door is served with two origins on its list."""
    settings = app.settings.model_copy(update={"cors_origin": (SHOP, LOCAL)})
    listener = listening_socket("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server = ClosingServer(create_api(replace(app, settings=settings)), drain_s=0)
    serving = asyncio.create_task(server.serve([listener]))
    yield f"http://127.0.0.1:{port}"
    server.close()
    await serving


@pytest.fixture(scope="module")
async def browser(anyio_backend: object) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def ask(
    browser: aiohttp.ClientSession, method: str, url: str, *origins: str, **more: str
) -> tuple[int, Headers]:
    said: CIMultiDict[str] = CIMultiDict([("Origin", origin) for origin in origins])
    said.extend({name.replace("_", "-"): value for name, value in more.items()})
    async with browser.request(method, url, headers=said) as answer:
        return answer.status, answer.headers


def allowed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith("Access-Control-")}


@pytest.mark.parametrize("origin", [SHOP, LOCAL])
@pytest.mark.parametrize(("path", "method"), [(ONE, "GET"), (f"{ONE}/confirm", "POST")])
async def test_a_listed_page_may_ask_whether_it_may(
    listed: str, browser: aiohttp.ClientSession, origin: str, path: str, method: str
) -> None:
    asks = ASKS | {"Access-Control-Request-Method": method}

    status, headers = await ask(browser, "OPTIONS", listed + path, origin, **asks)

    assert (status, headers["Vary"]) == (204, "Origin")
    assert allowed(headers) == {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": method,
        "Access-Control-Allow-Headers": TAKEN,
        "Access-Control-Max-Age": "600",
    }


async def test_a_payers_page_reads_its_intent_and_confirms_it(
    listed: str, browser: aiohttp.ClientSession, seller: Caller
) -> None:
    made = (await seller.post(INTENTS, MONEY)).json
    one = f"{listed}{INTENTS}/{made['id']}"
    secret = {"Authorization": f"Bearer {made['client_secret']}"}

    status, headers = await ask(browser, "GET", one, SHOP, **secret)
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, SHOP)
    assert "Access-Control-Allow-Credentials" not in headers
    said = secret | {"Content-Type": "application/json", "Origin": SHOP}
    async with browser.post(
        f"{one}/confirm",
        json={"payment_method": "tok_visa"},
        headers=said,
    ) as paid:
        assert (paid.status, (await paid.json())["status"]) == (200, "succeeded")
        assert "Idempotency-Key" in paid.headers["Access-Control-Expose-Headers"]


async def test_a_page_may_read_what_went_wrong(listed: str, browser: aiohttp.ClientSession) -> None:
    status, headers = await ask(browser, "GET", listed + ONE, SHOP)

    assert (status, headers["Access-Control-Allow-Origin"]) == (401, SHOP)


@pytest.mark.parametrize(
    "origins",
    [
        ("https://evil.test",),
        ("https://shop.example.evil.test",),
        ("https://evil.test/https://shop.example",),
        ("https://xshop.example",),
        ("https://sub.shop.example",),
        ("http://shop.example",),
        ("https://shop.example:8443",),
        ("https://shop.example/",),
        ("https://SHOP.example",),
        ("http://localhost:8001",),
        ("null",),
        ("*",),
        ("",),
        (SHOP, "https://evil.test"),
        (f"{SHOP}, https://evil.test",),
        (f"{SHOP} https://evil.test",),
        (),
    ],
)
async def test_any_other_origin_hears_nothing(
    listed: str, browser: aiohttp.ClientSession, origins: tuple[str, ...]
) -> None:
    asked, told = await ask(browser, "OPTIONS", f"{listed}{ONE}/confirm", *origins, **ASKS)
    got, headers = await ask(browser, "GET", listed + ONE, *origins)

    assert (asked, got) == (405, 401)
    assert (allowed(told), allowed(headers)) == ({}, {})
    assert told["Vary"] == headers["Vary"] == "Origin"  # or a cache would give it to the others


@pytest.mark.parametrize(
    "path",
    [
        INTENTS,
        f"{ONE}/cancel",
        f"{ONE}/",
        f"{ONE}/confirm/x",
        "/api/v1/payments",
        "/api/v1/transfers",
        "/openapi.json",
        "/health",
    ],
)
async def test_nothing_else_is_open_to_a_listed_page(
    listed: str, browser: aiohttp.ClientSession, path: str
) -> None:
    for method in ("OPTIONS", "GET", "POST"):
        _, headers = await ask(browser, method, listed + path, SHOP, **ASKS)
        assert allowed(headers) == {}


async def test_without_the_setting_nobody_may(
    base_url: str, browser: aiohttp.ClientSession
) -> None:
    asked, told = await ask(browser, "OPTIONS", base_url + ONE, SHOP, **ASKS)
    _, headers = await ask(browser, "GET", base_url + ONE, SHOP)

    assert asked == 405
    assert (allowed(told), allowed(headers)) == ({}, {})
    assert "Vary" not in headers


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "shop.example",
        "https://",
        "https://shop.example/",
        "https://shop.example/pay",
        "https://*.shop.example",
        "http://shop.example",
        "https://SHOP.example",
        "ftp://shop.example",
        "https://asha@shop.example",
        "https://shop.example:0",
        "https://shop.example:x",
        "https://shop.example\n",
        "https://shop.example https://evil.test",
    ],
)
def test_only_origins_can_be_listed(origin: str) -> None:
    with pytest.raises(ValueError, match="cors_origin"):
        load_settings(env_file=None, cors_origin=f"{SHOP},{origin}")


def test_a_list_is_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGIN", f"{SHOP},{LOCAL}")

    assert load_settings(env_file=None).cors_origin == (SHOP, LOCAL)
