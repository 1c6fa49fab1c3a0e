"""Whoever changes a wallet, a hold or an account behind the room's back is found by the proof."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tallystick.books import Accounts, account_id
from tallystick.journal import Change
from tallystick.ledger import Freeze, Open
from tallystick.platform.ids import new_id, typeid
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import connect
from tallystick.wallets import HeldFor
from tests.wallets.till import Till

pytestmark = pytest.mark.anyio

Tamper = Callable[[str], Awaitable[object]]


@pytest.fixture
async def tamper(owner_address: Address) -> AsyncIterator[Tamper]:
    """What only the database's owner could do, unhindered by triggers and keys."""
    options = {"search_path": f'"{owner_address.schema}"', "session_replication_role": "replica"}
    connection = await connect(owner_address, server_settings=options)
    try:
        yield connection.execute
    finally:
        await connection.close()


async def with_a_hold(till: Till) -> None:
    payer, payee = await till.wallet("asha", 1_000), await till.wallet("ravi")
    hold = await till.hold(payer, HeldFor(wallet_id=payee), 600)
    await till.holds.capture(hold.id, 100)


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE wallets SET spent_day_minor = 0", "wallets_spent_as_told"),
        ("UPDATE wallets SET spent_month_minor = spent_month_minor + 1", "wallets_spent_as_told"),
        ("UPDATE wallets SET status = 'closed'", "wallets_stand_as_accounts"),
        ("UPDATE ledger_accounts SET overdraft_limit = 5", "wallets_have_accounts"),
        ("DELETE FROM wallets", "wallet_accounts_have_wallets"),
        (
            "UPDATE ledger_accounts SET debits_posted = 0, debits_pending = 0",
            "wallets_spent_as_left",
        ),
        ("UPDATE wallet_holds SET captured_minor = captured_minor + 1", "holds_are_reserved"),
        ("UPDATE ledger_reservations SET expires_at = now()", "holds_are_reserved"),
        ("UPDATE ledger_reservations SET credit = debit", "holds_are_reserved"),
        ("DELETE FROM wallet_holds", "reservations_are_held"),
    ],
)
async def test_tampering_turns_its_check_red(
    till: Till, tamper: Tamper, statement: str, check: str
) -> None:
    await with_a_hold(till)
    assert await till.broken() == {}

    await tamper(statement)

    assert check in await till.broken()


async def test_an_account_that_calls_itself_a_wallet_is_found(till: Till) -> None:
    owner = till.owner("asha")
    code = f"wallet:{typeid('usr', owner)}:INR"
    order = Open(account_id(owner, code), code, "INR", "credit", 0)
    await till.journal.record(Change(order.account_id, accounts=(order,)))

    assert set(await till.broken()) == {"wallet_accounts_have_wallets"}


async def test_a_ledger_of_its_own_may_call_its_accounts_wallets(till: Till) -> None:
    accounts = Accounts(till.journal, till.clock)
    for code in ("wallet:asha:INR", "escrow:flat"):
        await accounts.open(Open(account_id(till.owner("asha"), code), code, "INR", "credit", 0))

    assert await till.broken() == {}


async def test_an_account_frozen_without_its_wallet_is_found(till: Till) -> None:
    wallet = await till.wallet("asha")
    change_id = new_id(till.clock.now(), 0)
    await till.journal.record(Change(change_id, accounts=(Freeze(wallet, "all"),)))

    assert set(await till.broken()) == {"wallets_stand_as_accounts"}
