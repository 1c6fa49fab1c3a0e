"""Reports come from listed networks only, whatever a client writes into its headers."""

from typing import Any

import pytest
from starlette.requests import Request

from tallystick.api.exchange import SCOPE_KEY, Exchange
from tallystick.api.intake.client_address import client_address, subscriber_of
from tests.api.intake.conftest import Houses, report

pytestmark = pytest.mark.anyio
ELSEWHERE = "203.0.113.9"
LISTED = "10.1.2.3"


def asked(peer: str | None, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", line.encode("latin-1")) for line in forwarded]
    scope: dict[str, Any] = {
        "type": "http",
        "headers": headers,
        "client": (peer, 1) if peer else None,
        "method": "POST",
        "path": "/",
    }
    scope[SCOPE_KEY] = Exchange(scope)
    return Request(scope)


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "client"),
    [
        (ELSEWHERE, [], 0, ELSEWHERE),
        (ELSEWHERE, [LISTED], 0, ELSEWHERE),  # no proxy of ours wrote this
        ("127.0.0.1", [ELSEWHERE], 1, ELSEWHERE),
        ("127.0.0.1", [f"{LISTED}, {ELSEWHERE}"], 1, ELSEWHERE),  # the left one is the client's own
        ("127.0.0.1", [LISTED, ELSEWHERE], 1, ELSEWHERE),  # in two headers
        ("127.0.0.1", [f"{LISTED}, {ELSEWHERE}, 127.0.0.2"], 2, ELSEWHERE),
        (ELSEWHERE, [LISTED], 2, ELSEWHERE),  # past a proxy: only the connection is believed
        (ELSEWHERE, [], 1, ELSEWHERE),
        ("127.0.0.1", ["unknown"], 1, "127.0.0.1"),
        ("127.0.0.1", [""], 1, "127.0.0.1"),
        ("127.0.0.1", [f"{LISTED},"], 1, "127.0.0.1"),
        ("127.0.0.1", ["é, \u00ff"], 1, "127.0.0.1"),
        ("127.0.0.1", [f"{ELSEWHERE}:4711"], 1, ELSEWHERE),
        ("127.0.0.1", ["[2001:db8::7]:4711"], 1, "2001:db8::7"),
        ("127.0.0.1", ["2001:db8::7"], 1, "2001:db8::7"),
        ("::ffff:10.1.2.3", [], 0, LISTED),
        ("127.0.0.1", [f"::ffff:{LISTED}"], 1, LISTED),
        (None, [], 0, "None"),
    ],
)
def test_whose_address_is_believed(
    peer: str | None, forwarded: list[str], proxies: int, client: str
) -> None:
    assert str(client_address(asked(peer, *forwarded), proxies)) == client


def test_one_customer_of_ipv6_is_one_client() -> None:
    here, there = (client_address(asked(f"2001:db8:1:2::{n}"), 0) for n in (1, "ffff"))
    other = client_address(asked("2001:db8:1:3::1"), 0)

    assert subscriber_of(here) == subscriber_of(there) != subscriber_of(other)
    assert subscriber_of(client_address(asked(LISTED), 0)) == LISTED
    assert subscriber_of(None) == "unknown"


async def test_only_listed_networks_are_let_in(house: Houses) -> None:
    async with house(webhook_ip_whitelist="10.0.0.0/8,2001:db8::/32") as bank:
        answer = await bank.send(report())  # from 127.0.0.1
        assert (answer.status, answer.json["error"]) == (401, "Authentication failed")
        spoofed = await bank.send(report(), X_Forwarded_For=LISTED)
        assert spoofed.status == 401
        assert await bank.app.recording.find_payment("PAY-2026-001") is None
    async with house(webhook_ip_whitelist="127.0.0.0/8") as bank:
        assert (await bank.send(report())).status == 200


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        (LISTED, 200),
        ("2001:db8::1", 200),
        (f"::ffff:{LISTED}", 200),
        (ELSEWHERE, 401),
        (f"{LISTED}, {ELSEWHERE}", 401),  # the client wrote a listed address before its own
        (f"{LISTED}, {LISTED}, {ELSEWHERE}", 401),
        ("garbage", 401),
        ("", 401),
    ],
)
async def test_behind_a_proxy_a_spoofed_address_is_useless(
    house: Houses, forwarded: str, status: int
) -> None:
    listed = "10.0.0.0/8,2001:db8::/32"
    async with house(webhook_ip_whitelist=listed, webhook_trusted_proxies=1) as bank:
        assert (await bank.send(report(), X_Forwarded_For=forwarded)).status == status


async def test_a_channel_has_a_list_of_its_own(house: Houses) -> None:
    channels = {"vcb": {"auth": {"ip_whitelist": ["203.0.113.0/24"]}}}
    async with house(webhook_channels=channels, webhook_trusted_proxies=1) as bank:
        assert (await bank.send(report(), "vcb", X_Forwarded_For=ELSEWHERE)).status == 200
        assert (await bank.send(report(), "vcb", X_Forwarded_For=LISTED)).status == 401
        assert (await bank.send(report(), X_Forwarded_For=LISTED)).status == 200
