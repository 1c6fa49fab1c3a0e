"""A worker's round in a process of its own, to be killed: whatever is due in wallets.

python -m tests.crash.worker_round PLAN POINT CLOCK_AT        (PLAN is a file, POINT may be "-")
"""

import asyncio
import sys
from datetime import datetime
from pathlib import Path

import msgspec

from tallystick.app import App, open_app
from tallystick.platform import crash
from tallystick.platform.secrets_file import keep_secrets
from tallystick.platform.settings import load_settings
from tests.servers.api_zygote import Plan


async def work(plan: Plan, clock_at: datetime) -> None:
    settings = keep_secrets(load_settings(env_file=None, **plan.settings))
    settings = settings.model_copy(update={"test_clock_at": clock_at})
    async with open_app(settings, address=plan.address) as app:
        await run_due(app)


async def run_due(app: App) -> None:
    """One round of the wallets' jobs, one after the other."""
    await app.delivery.drain("top_ups")
    await app.top_ups.credit_due()
    await app.payouts.look_at_due()
    await app.holds.expire_due()
    await app.escrows.time_out_due()
    await app.schedules.run_due()


if __name__ == "__main__":
    path, point, at = sys.argv[1:]
    crash.arm(None if point == "-" else point)
    plan = msgspec.json.decode(Path(path).read_bytes(), type=Plan)
    asyncio.run(work(plan, datetime.fromisoformat(at)))
