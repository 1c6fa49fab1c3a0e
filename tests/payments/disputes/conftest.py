"""The room with a bank that keeps its clock: deadlines pass on both sides at once."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tallystick import books, payments
from tallystick.journal import Journal
from tallystick.payments import disputes
from tallystick.payments.disputes import Disputes
from tallystick.payments.disputes.beats import DisputeBeats
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tallystick.sandbox import Pace, Sandbox, serve_sandbox
from tests.payments.desk import Desk
from tests.payments.disputes.dispute_desk import DisputeDesk

FEE_MINOR = 1_500


@pytest.fixture
async def sandbox(tmp_path: Path, clock: HandClock) -> AsyncIterator[Sandbox]:
    """Both banks, calm, fresh for every test and at the house's own time."""
    pace = Pace(calm=True, review_ms=60_000)
    async with serve_sandbox(tmp_path, pace=pace, durable=False, now=clock.now) as sandbox:
        yield sandbox


@pytest.fixture
def counter(desk: Desk, sandbox: Sandbox) -> DisputeDesk:
    """Everything a test of disputes speaks to."""
    beats = DisputeBeats(desk.operations, {"INR": FEE_MINOR})
    return DisputeDesk(desk, Disputes(beats), sandbox.base_url("hdfc_bank"))


@pytest.fixture
async def proven(
    desk: Desk, journal: Journal, database: Database, clock: HandClock
) -> AsyncIterator[None]:
    """After the test every promise of the house is kept, however the test ended."""
    yield
    checks = (*payments.checks, *disputes.checks)
    proof = await books.prove(database, journal, clock, checks)
    broken = {result.name: result.findings for result in proof.checks if not result.green}
    assert broken == {}
