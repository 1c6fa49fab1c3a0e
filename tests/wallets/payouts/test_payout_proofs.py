"""Whoever changes a payout or a top-up, or the money of one, is found by the proof."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tallystick import books
from tallystick import wallets as room
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import connect
from tests.wallets.payouts.desk import PayoutDesk, upi
from tests.wallets.payouts.test_topups import capture, read

pytestmark = pytest.mark.anyio

Tamper = Callable[[str], Awaitable[object]]
PAID = "(SELECT id FROM payouts WHERE status = 'paid')"
CREDITED = "(SELECT posting_id FROM wallet_top_ups WHERE status = 'credited')"


@pytest.fixture
async def tamper(owner_address: Address) -> AsyncIterator[Tamper]:
    """What only the database's owner could do, unhindered by triggers and keys."""
    options = {"search_path": f'"{owner_address.schema}"', "session_replication_role": "replica"}
    connection = await connect(owner_address, server_settings=options)
    try:
        yield connection.execute
    finally:
        await connection.close()


async def broken(desk: PayoutDesk) -> set[str]:
    """The promises that are broken."""
    database = desk.payouts.beats.database
    proof = await books.prove(database, desk.journal, desk.clock, room.checks)
    return {check.name for check in proof.checks if not check.green}


async def a_day(desk: PayoutDesk) -> None:
    """One payout each of pending, paid, failed and returned; one top-up."""
    for name in ("asha", "account_closed", "returned_closed"):
        await desk.pay_out(10_000, upi(name))
    await desk.recover()
    await desk.pay_out(10_000, upi("pending"))
    await capture(desk)
    await read(desk)


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE payouts SET amount_minor = amount_minor + 1", "payouts_reserved"),
        (
            "UPDATE payouts SET status = 'sent', paid_at = NULL WHERE status = 'paid'",
            "payouts_reserved",
        ),
        (
            (
                "UPDATE payouts SET status = 'failed', failure_code = 'x', paid_at = NULL"
                " WHERE status = 'paid'"
            ),
            "payouts_reserved",
        ),
        ("UPDATE payouts SET booked_to = 'suspense' WHERE status = 'paid'", "payouts_reserved"),
        (
            "UPDATE ledger_reservations SET state = 'open' WHERE state = 'voided'",
            "payouts_reserved",
        ),
        ("UPDATE payouts SET route = 'icici_bank' WHERE status = 'paid'", "payouts_clearing"),
        ("DELETE FROM payouts WHERE status = 'paid'", "payouts_clearing"),
        (
            (
                "UPDATE ledger_transfers SET amount = amount + 1"
                " WHERE kind = 'settle' AND code = 'payout'"
            ),
            "payouts_clearing",
        ),
        (
            "UPDATE ledger_transfers SET code = 'gift' WHERE code = 'payout_return'",
            "payouts_returned",
        ),
        (
            (
                "UPDATE payouts SET unknown = true, created_at = created_at - interval '25 h'"
                " WHERE status = 'sent'"
            ),
            "payout_unknown_outcomes",
        ),
        (
            "UPDATE payouts SET status = 'paid', failure_code = NULL WHERE status = 'returned'",
            "payout_transitions",
        ),
        (
            (
                f"UPDATE journal_facts SET kind = 'payout.returned' WHERE aggregate_id = {PAID}"
                " AND version = 2"
            ),
            "payout_transitions",
        ),
        ("UPDATE wallet_top_ups SET amount_minor = amount_minor + 1", "top_ups_posted"),
        ("UPDATE wallet_top_ups SET posting_id = id", "top_ups_posted"),
        ("DELETE FROM wallet_top_ups", "top_ups_once"),
        (
            (
                "UPDATE wallet_top_ups SET status = 'waiting', posting_id = NULL,"
                " failure_code = 'x', due_at = now()"
            ),
            "top_ups_once",
        ),
        (f"UPDATE ledger_transfers SET code = 'gift' WHERE id = {CREDITED}", "top_ups_posted"),
    ],
)
async def test_tampering_turns_its_check_red(
    payout_desk: PayoutDesk, tamper: Tamper, statement: str, check: str
) -> None:
    await a_day(payout_desk)
    assert await broken(payout_desk) == set()

    await tamper(statement)

    assert check in await broken(payout_desk)
