"""The edge of 64 bits, at every address that adds money: refused by name, never a fault.

All accounts are brought to where one more unit would not fit, once what they have turned over and
once what is promised to them; their balances stay what they are.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tallystick.app import App
from tallystick.identity import Merchant
from tallystick.platform.postgres.pools import Connection
from tests.api.conftest import Answer, Caller
from tests.api.money_posts import API, Wish, World, found_world
from tests.servers.served import require_proven

pytestmark = pytest.mark.anyio

# What the step adds to: what was turned over, or what is promised. A reversal is not among them: it
# moves back what is there, and where money is, there is room.
POSTS = (
    "/transfers", "/transfers/bulk", "/exchanges",
    "/reservations/{reservation_id}/settle", "/wallet-transfers", "/holds/{hold_id}/capture",
    "/escrows/{escrow_id}/fund", "/escrows/{escrow_id}/release", "/escrows/{escrow_id}/return",
    "/escrows/{escrow_id}/resolve",
)  # fmt: skip
PROMISES = ("/reservations", "/holds", "/payouts")
TURNED_OVER = """
UPDATE ledger_accounts AS a
   SET debits_posted = a.debits_posted + n.room, credits_posted = a.credits_posted + n.room
  FROM (SELECT id, 9223372036854775807 - greatest(debits_posted, credits_posted) AS room
          FROM ledger_accounts) AS n
 WHERE a.id = n.id RETURNING a.id, n.room, n.room
"""
TURNED_BACK = """
UPDATE ledger_accounts AS a
   SET debits_posted = a.debits_posted - n.debits, credits_posted = a.credits_posted - n.credits
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS n(id, debits, credits) WHERE a.id = n.id
"""
# What may not leave is not promised away: only an account without limit is full on that side too.
PROMISED = """
UPDATE ledger_accounts AS a
   SET debits_pending = a.debits_pending + n.debits, credits_pending = a.credits_pending + n.credits
  FROM (SELECT id,
               CASE WHEN normal_side = 'debit' OR overdraft_limit IS NULL
                    THEN 9223372036854775807 - debits_pending ELSE 0 END AS debits,
               CASE WHEN normal_side = 'credit' OR overdraft_limit IS NULL
                    THEN 9223372036854775807 - credits_pending ELSE 0 END AS credits
          FROM ledger_accounts) AS n
 WHERE a.id = n.id RETURNING a.id, n.debits, n.credits
"""
PROMISED_BACK = TURNED_BACK.replace("posted", "pending")


@pytest.fixture
async def world(app: App, operator: Caller, seller: Caller, merchant: Merchant) -> World:
    return await found_world(app, operator, seller, merchant)


@pytest.fixture
async def writer(app: App) -> AsyncIterator[Connection]:
    connection = await app.database.open_writer("tests")
    yield connection
    await connection.close()


@asynccontextmanager
async def full(writer: Connection, fill: str, empty: str) -> AsyncIterator[None]:
    """Every account as full as 64 bits allow, for a moment."""
    rows = await writer.fetch(fill)
    try:
        yield
    finally:
        await writer.execute(empty, *([row[place] for row in rows] for place in range(3)))


@pytest.mark.parametrize("path", POSTS)
async def test_what_would_be_turned_over_too_often_is_refused(
    app: App, world: World, writer: Connection, path: str
) -> None:
    wish = await world.wish(API + path)
    async with full(writer, TURNED_OVER, TURNED_BACK):
        answer = await world.send(wish, secrets.token_hex(8))

    require_refused(wish, answer)
    await require_proven(app)


@pytest.mark.parametrize("path", PROMISES)
async def test_what_would_be_promised_too_often_is_refused(
    app: App, world: World, writer: Connection, path: str
) -> None:
    wish = await world.wish(API + path)
    async with full(writer, PROMISED, PROMISED_BACK):
        answer = await world.send(wish, secrets.token_hex(8))

    require_refused(wish, answer)
    await require_proven(app)


async def test_a_bulk_that_is_atomic_is_refused_as_a_whole(
    app: App, world: World, writer: Connection
) -> None:
    wish = await world.wish(f"{API}/transfers/bulk")
    whole = Wish(wish.path, {"transfers": wish.body["transfers"] * 3, "atomic": True})
    async with full(writer, TURNED_OVER, TURNED_BACK):
        answer = await world.send(whole, secrets.token_hex(8))

    assert "posted" not in [verdict["status"] for verdict in answer.json.get("data", ())]
    assert answer.json.get("code", "balance_overflow") == "balance_overflow"
    assert answer.status < 500
    await require_proven(app)


def require_refused(wish: Wish, answer: Answer) -> None:
    """Fails unless this, or the only item of it, was refused because it would not fit."""
    if wish.path.endswith("/bulk"):
        assert answer.status == 200, answer.raw
        (verdict,) = answer.json["data"]
        assert (verdict["status"], verdict["code"]) == ("refused", "balance_overflow")
        return
    assert (answer.status, answer.json.get("code")) == (422, "balance_overflow"), answer.raw
