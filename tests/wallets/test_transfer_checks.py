"""What `books prove` says when somebody tampers with wallet transfers; and what the docs say."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Database, connect
from tallystick.wallets.transfers.folds import POST_CODE
from tallystick.wallets.transfers.schedule_folds import SCHEDULE_TABLE
from tests.wallets.sending import Office, furnish, open_office

pytestmark = pytest.mark.anyio

DOCUMENT = Path(__file__).parents[2] / "docs" / "explanation" / "scheduled-transfers.md"


@pytest.fixture
async def office(database: Database, clock: HandClock) -> AsyncIterator[Office]:
    """One transfer on its own, and two runs of a schedule, the second of which failed."""
    async with open_office(database, clock) as office:
        await furnish(office)
        alice, bob = await office.wallet("alice", 500), await office.wallet("bob")
        await office.send(alice, bob, 300)
        await office.schedule(alice, bob, 150)
        for _ in range(2):
            clock.advance(timedelta(days=1))
            await office.schedules.run_due()
        yield office


async def test_untouched_books_are_green(office: Office) -> None:
    assert await office.prove() == {}


@pytest.mark.parametrize(
    ("tampering", "check"),
    [
        (
            "UPDATE wallet_transfers SET amount_minor = 301 WHERE amount_minor = 300",
            "wallet_transfers_posted",
        ),
        (
            "UPDATE wallet_transfers SET credited_minor = 299 WHERE amount_minor = 300",
            "wallet_transfers_posted",
        ),
        (
            """
            UPDATE wallet_transfers SET status = 'completed', failure_code = NULL,
                   posting_id = id, credited_minor = 150 WHERE status = 'failed'
            """,
            "wallet_transfers_posted",
        ),
        (
            "UPDATE wallet_transfers SET from_wallet_id = to_wallet_id WHERE amount_minor = 300",
            "wallet_transfers_posted",
        ),
        ("DELETE FROM wallet_transfers WHERE amount_minor = 300", "wallet_transfers_in_all"),
        ("UPDATE transfer_schedules SET runs = 3", "schedule_runs"),
        ("UPDATE transfer_schedules SET failures = 0", "schedule_runs"),
    ],
)
async def test_what_was_tampered_with_is_found(
    office: Office, owner_address: Address, tampering: str, check: str
) -> None:
    path = {"search_path": f'"{owner_address.schema}"'}
    connection = await connect(owner_address, server_settings=path)
    try:
        await connection.execute(tampering)
    finally:
        await connection.close()

    assert check in await office.prove()


async def test_money_moved_in_the_name_of_no_transfer_is_found(office: Office) -> None:
    alice, bob = await office.wallet("carol", 500), await office.wallet("dave")
    await office.post(alice, bob, 1, POST_CODE)

    assert list(await office.prove()) == ["wallet_transfers_in_all"]


def test_the_picture_of_the_states_is_the_table() -> None:
    drawn = {
        (before, kind.strip(), after)
        for before, after, kinds in re.findall(
            r"^    (\S+) --> (\S+): (.+)$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE
        )
        for kind in kinds.split(",")
    }

    assert drawn == {
        (before or "[*]", kind.partition(".")[2], after)
        for before, following in SCHEDULE_TABLE.items()
        for kind, after in following.items()
    }
