"""A worker in a process of its own, to be killed: it relays, or consumes, until nothing is left.

python -m tests.delivery.delivery_process PLAN POINT BATCH WHAT

PLAN is a file, POINT may be "-", WHAT is `relay`, `log` or `bus`: from where the ledger consumer
reads.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tallystick.app import App, open_app
from tallystick.platform import crash
from tallystick.platform.postgres.address import Address
from tallystick.platform.secrets_file import keep_secrets
from tallystick.platform.settings import Settings, load_settings
from tests.servers.api_zygote import settings_of

_REPOSITORY = Path(__file__).parents[2]
_NOT_POSTED = """
SELECT count(*) FROM journal_facts f WHERE kind = 'payment.recorded'
   AND NOT EXISTS (SELECT FROM ledger_transfers t WHERE t.id = f.aggregate_id)
"""


class Plan(Struct):
    """The worker's settings by field name, and its database."""

    settings: dict[str, Any]
    address: Address


def write_plan(path: Path, settings: Settings, address: Address) -> Path:
    """The file that a worker is started with."""
    path.write_bytes(msgspec.json.encode(Plan(dict(settings_of(settings)), address)))
    return path


async def run_worker(plan: Path, point: str = "-", *, batch: int = 40, what: str = "log") -> int:
    """A worker until it is done or dead; -9 when it died at its point."""
    module = "tests.delivery.delivery_process"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, str(plan), point, str(batch), what), cwd=_REPOSITORY
    )
    return await process.wait()


async def work(app: App, batch: int, what: str) -> None:
    """Relay, or let the ledger consumer read, until nothing is left."""
    if what == "bus":
        await read_bus(app)
        return
    reading = app.delivery.relay if what == "relay" else app.delivery.consumption("ledger")
    assert reading is not None
    reading.reader.batch = batch
    while await reading.run_once():
        pass


async def read_bus(app: App) -> None:
    """Until every recorded payment is posted."""
    (ledger,) = [
        one for one in app.delivery.bus_consumptions if one.deliveries.consumer.name == "ledger"
    ]
    while await app.database.fetchval(_NOT_POSTED):
        await ledger.run_once()


async def main(path: str, batch: int, what: str) -> None:
    plan = msgspec.json.decode(Path(path).read_bytes(), type=Plan)
    settings = keep_secrets(load_settings(env_file=None, **plan.settings))
    async with open_app(settings, address=plan.address) as app:
        await work(app, batch, what)


if __name__ == "__main__":
    crash.arm(None if sys.argv[2] == "-" else sys.argv[2])
    asyncio.run(main(sys.argv[1], int(sys.argv[3]), sys.argv[4]))
