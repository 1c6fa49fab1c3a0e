"""The same seed makes the same bank: ids and delays depend on nothing else."""

import time
from pathlib import Path

import aiohttp
import pytest
from msgspec.structs import replace

from tallystick.sandbox import BANKS, Pace, serve_sandbox
from tests.sandbox.teller import Teller

pytestmark = pytest.mark.anyio

QUICK = tuple(replace(bank, latency_ms=(5, 25)) for bank in BANKS)


async def run(folder: Path, session: aiohttp.ClientSession, pace: Pace) -> tuple[list[str], float]:
    """The ids of five authorizations, and how long the first took."""
    async with serve_sandbox(folder, banks=QUICK, pace=pace, durable=False) as sandbox:
        bank = Teller(session, sandbox.base_url("icici_bank"))
        await bank.get("/v1/health")
        started = time.monotonic()
        ids = [(await bank.authorize("a0")).body["id"]]
        took_s = time.monotonic() - started
        return [*ids, *[(await bank.authorize(f"a{n}")).body["id"] for n in range(1, 5)]], took_s


async def test_ids_follow_from_the_seed_and_the_reference(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    calm = Pace(seed=7, calm=True)
    first, _ = await run(tmp_path / "first", session, calm)
    second, _ = await run(tmp_path / "second", session, calm)
    other, _ = await run(tmp_path / "other", session, replace(calm, seed=8))

    assert first == second
    assert len(set(first) | set(other)) == 10


async def test_a_bank_that_is_not_calm_takes_its_time(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    _, took_s = await run(tmp_path, session, Pace(seed=7))

    assert took_s >= 0.005
