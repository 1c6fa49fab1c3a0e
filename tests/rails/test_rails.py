"""Rails know their routes, and say so when asked for another."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from tallystick.rails import Rails, Route, VoidOrder
from tallystick.rails.rails import UnknownProvider, UnknownRoute
from tallystick.sandbox import Pace, serve_sandbox

pytestmark = pytest.mark.anyio


def route(provider: str = "hdfc_bank") -> Route:
    return Route(
        name="main",
        provider=provider,
        base_url="http://127.0.0.1:1",
        priority=1,
        max_amount_minor={"INR": 100},
        fee_bp=50,
    )


async def test_rails_choose_among_their_routes() -> None:
    async with Rails.open([route()], timeout_ms=100) as rails:
        assert rails.choose(100, "INR", "card") == (route(),)
        assert rails.choose(101, "INR", "card") == ()


async def test_a_route_nobody_configured_is_an_error() -> None:
    async with Rails.open([route()], timeout_ms=100) as rails:
        with pytest.raises(UnknownRoute, match="other"):
            await rails.void(VoidOrder(route="other", reference="v", authorization_reference="a"))
        with pytest.raises(UnknownRoute):
            await rails.find("other", "a")


async def test_a_provider_nobody_wrote_stops_the_start() -> None:
    with pytest.raises(UnknownProvider, match="no provider 'moon_bank'"):
        async with Rails.open([route("moon_bank")], timeout_ms=100):
            pass


async def test_a_process_can_be_made_to_die_between_the_answer_and_its_record(
    tmp_path: Path,
) -> None:
    script = Path(__file__).with_name("asking_once.py")
    async with serve_sandbox(tmp_path, pace=Pace(calm=True), durable=False) as sandbox:
        url = sandbox.base_url("hdfc_bank")
        asking = await asyncio.create_subprocess_exec(
            sys.executable, str(script), url, "rails.after_ask:1"
        )

        assert await asking.wait() == -signal.SIGKILL
        assert [row.reference for row in await sandbox.books["hdfc_bank"].operations()] == [
            "pay_1-a1"
        ]
