"""`kill -9` at random while owners of wallets hold, send, escrow, pay out and top up."""

import pytest

from tallystick.books import PLATFORM, account_id, chart
from tallystick.ledger import Post
from tallystick.platform.clock import SystemClock
from tallystick.platform.ids import new_id, random_bucket, typeid
from tests.crash.crash_site import CrashSite
from tests.crash.ruin import Ruin

pytestmark = pytest.mark.anyio

WALLETS = 6
BEGUN = 10**9


@pytest.mark.parametrize(
    ("seed", "deaths"),
    [
        (21, 8),
        pytest.param(22, 60, marks=pytest.mark.slow),
        pytest.param(23, 60, marks=pytest.mark.slow),
    ],
)
async def test_deaths_at_random_while_wallets_are_busy(
    site: CrashSite, seed: int, deaths: int
) -> None:
    """Few wallets and many owners, so that every verb meets others on its wallet."""
    wallets = [await funded_wallet(site) for _ in range(WALLETS)]

    await Ruin(site, seed, wallets=wallets, work_s=(0.05, 0.4)).run(at_random=deaths)

    assert await total(site) == WALLETS * BEGUN + await brought(site) - await gone(site)


async def funded_wallet(site: CrashSite) -> str:
    user_id = new_id(SystemClock().now(), random_bucket())
    seen = await site.app.wallets.open(user_id, "INR", tier="unlimited")
    bank = account_id(PLATFORM, chart.bank_code("INR"))
    await site.app.transfers.post_one(Post(bank, seen.wallet.id, BEGUN, "INR", "fund"))
    return typeid("wal", seen.wallet.id)


async def total(site: CrashSite) -> int:
    """What all wallets and escrows hold."""
    return await sum_of(
        site,
        "SELECT sum(credits_posted - debits_posted) FROM ledger_accounts"
        " WHERE code LIKE 'wallet:%' OR code LIKE 'escrow:%'",
    )


async def brought(site: CrashSite) -> int:
    """What payments have brought, by the top-ups."""
    return await sum_of(site, "SELECT sum(amount_minor) FROM wallet_top_ups")


async def gone(site: CrashSite) -> int:
    """What was paid out, by the payouts."""
    return await sum_of(site, "SELECT sum(amount_minor) FROM payouts WHERE status = 'paid'")


async def sum_of(site: CrashSite, question: str) -> int:
    return int(await site.app.database.fetchval(question) or 0)
