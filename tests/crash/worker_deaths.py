"""A worker that dies at a named point of its round."""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tallystick.platform.clock import SystemClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import connect
from tests.crash.crash_site import CrashSite
from tests.servers.api_zygote import Plan, settings_of

_REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Workers:
    """Starts workers at a site, each for one round, by the site's present clock."""

    site: CrashSite
    address: Address
    owner: Address
    folder: Path

    async def run_until(self, point: str) -> int:
        """A round in a process that is armed to die there; how it ended: -9 when it did."""
        plan = Plan(dict(settings_of(self.site.app.settings)), self.address, ())
        path = self.folder / "plan.json"
        path.write_bytes(msgspec.json.encode(plan))
        at = (SystemClock().now() + self.site.shift).isoformat()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.crash.worker_round", str(path), point, at),
            cwd=_REPOSITORY,
        )
        return await process.wait()

    async def lease_runs_out(self) -> None:
        """Nobody has to wait for whoever died reading, nor believes that he reads himself."""
        for consumption in self.site.app.delivery.consumptions:
            consumption.reader.lease.lose()
        settings = {"search_path": self.owner.schema}
        connection = await connect(self.owner, server_settings=settings)
        try:
            await connection.execute("UPDATE delivery_leases SET until = 'epoch'")
        finally:
            await connection.close()
