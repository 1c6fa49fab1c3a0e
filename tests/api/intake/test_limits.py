"""A client may send so much on a channel, and is told how much is left."""

import asyncio
from collections import Counter

import pytest

from tests.api.intake.conftest import Houses, report

pytestmark = pytest.mark.anyio


async def test_beyond_the_limit_is_429_with_the_time_to_come_back(house: Houses) -> None:
    async with house(webhook_rate_limit_max=3, webhook_rate_limit_window=2_000) as bank:
        answers = [await bank.send(report(reference_number=f"R-{n}")) for n in range(4)]

        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["ratelimit-remaining"] for answer in answers] == [*"2100"]
        assert {answer.headers["ratelimit-limit"] for answer in answers} == {"3"}
        late = answers[-1]
        assert late.json["success"] is False
        assert late.json["error"] == "Rate limit exceeded"
        assert isinstance(late.json["processing_time_ms"], int)
        assert int(late.headers["retry-after"]) in (1, 2, 3)  # a slot after the window
        assert late.headers["ratelimit-reset"] == late.headers["retry-after"]
        assert await bank.app.recording.find_payment("R-3") is None


async def test_whoever_is_not_known_uses_up_nobodys_allowance(house: Houses) -> None:
    async with house(webhook_rate_limit_max=2) as bank:
        for _ in range(5):
            stranger = await bank.send(report(), "", "not the secret")
            assert stranger.status == 401
            assert "ratelimit-limit" not in stranger.headers
        assert (await bank.send(report())).status == 200


async def test_clients_and_channels_are_counted_apart(house: Houses) -> None:
    channels = {
        "vcb": {"rate_limit": {"max_requests": 1}},
        "free": {"rate_limit": {"enabled": False}},
    }
    async with house(
        webhook_rate_limit_max=2, webhook_trusted_proxies=1, webhook_channels=channels
    ) as bank:
        statuses = Counter(
            [
                (channel, client, (await bank.send(None, channel, X_Forwarded_For=client)).status)
                for channel in ("", "vcb", "free")
                for client in ("192.0.2.1", "192.0.2.2")
                for _ in range(4)
            ]
        )
    for client in ("192.0.2.1", "192.0.2.2"):
        assert [statuses[channel, client, 200] for channel in ("", "vcb", "free")] == [2, 1, 4]
        assert [statuses[channel, client, 429] for channel in ("", "vcb", "free")] == [2, 3, 0]


async def test_made_up_channels_are_no_allowances(house: Houses) -> None:
    async with house(webhook_rate_limit_max=3) as bank:
        statuses = [(await bank.send(report(), f"made-up-{n}")).status for n in range(5)]

    assert statuses == [200, 200, 200, 429, 429]


async def test_at_once_as_many_are_taken_as_the_limit_says(house: Houses) -> None:
    async with house(webhook_rate_limit_max=10) as bank:
        answers = await asyncio.gather(*(bank.send(report()) for _ in range(40)))

    assert Counter(answer.status for answer in answers) == {200: 10, 429: 30}


async def test_limits_can_be_left_out(house: Houses) -> None:
    async with house(webhook_rate_limit_enabled=False, webhook_rate_limit_max=1) as bank:
        answers = [await bank.send(report()) for _ in range(3)]

    assert [answer.status for answer in answers] == [200] * 3
    assert "ratelimit-limit" not in answers[0].headers
