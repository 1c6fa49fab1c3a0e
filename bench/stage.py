"""The stage: one durable server for the whole run, pgbench on it, and a fresh house a scenario."""

import asyncio
import gc
import shutil
import tempfile
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from msgspec.structs import replace

from bench.accounts import open_accounts
from bench.gauges import Gauges
from bench.machine import is_on_disk
from bench.pgbench import SCALE, Pgbench, prepare_pgbench
from bench.plan import OUT, Plan
from bench.results import Audit, audited
from tallystick.app import App, open_app
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.embedded import Cluster, embedded_postgres
from tallystick.platform.postgres.migrations import migrate
from tallystick.platform.postgres.pools import connect
from tallystick.platform.secrets_file import keep_secrets
from tallystick.platform.settings import Settings, load_settings

NO_SANDBOX: Final = 1  # a port nobody answers on: for scenarios that ask no bank
_FLUSHED_S: Final = 1.2  # PostgreSQL's own counters are told at most a second late


@dataclass(frozen=True)
class Stage:
    """What all scenarios share. `accounts` are the ids in each template, by their number."""

    plan: Plan
    folder: Path
    cluster: Cluster
    pgbench: Pgbench
    accounts: dict[int, Sequence[UUID]] = field(default_factory=dict, repr=False)

    @property
    def home(self) -> Path:
        return self.folder / "home"


@dataclass(frozen=True)
class House:
    """A database of its own with `accounts` in it, and every room over it."""

    app: App
    address: Address
    gauges: Gauges
    accounts: Sequence[UUID] = field(repr=False)

    async def audit(
        self, *, since: datetime | None = None, left_out: Collection[str] = ()
    ) -> Audit:
        """Prove the books, and ask for deadlocks once the server's counters have come in.

        With `since` only what was recorded from then on is proven. `left_out` are checks by name.
        """
        proof = await self.app.prove(since=since)
        await asyncio.sleep(_FLUSHED_S)
        checks = tuple(check for check in proof.checks if check.name not in left_out)
        return audited(replace(proof, checks=checks), await self.gauges.deadlocks())


@asynccontextmanager
async def opened_stage(plan: Plan) -> AsyncIterator[Stage]:
    """A durable server in a temporary folder on a disk; both are gone afterwards."""
    with _folder_on_disk() as folder:
        async with embedded_postgres(
            folder / "home", durable=True, shared_buffers_mb=plan.shared_buffers_mb
        ) as cluster:
            pgbench = await prepare_pgbench(cluster, 1 if plan.length == "tiny" else SCALE)
            yield Stage(plan, folder, cluster, pgbench)


@asynccontextmanager
async def opened_house(
    stage: Stage, name: str, *, accounts: int, **overrides: Any
) -> AsyncIterator[House]:
    """A fresh house for the scenario `name`; `overrides` are settings."""
    if accounts not in stage.accounts:
        stage.accounts[accounts] = await _fill_template(stage, accounts)
    database = f"bench_{name.lower()}"
    await _administer(
        stage.cluster,
        f"CREATE DATABASE {database} TEMPLATE {_template(accounts)} STRATEGY file_copy",
    )
    address = stage.cluster.login.in_database(database)
    try:
        owner = await connect(stage.cluster.owner.in_database(database))
        try:
            async with open_app(house_settings(stage.home, **overrides), address=address) as app:
                gauges = Gauges(owner, address.schema)
                yield House(app, address, gauges, stage.accounts[accounts])
        finally:
            await owner.close()
    finally:
        await _administer(stage.cluster, f"DROP DATABASE {database} WITH (FORCE)")


def house_settings(home: Path, **overrides: Any) -> Settings:
    """The product's defaults in test mode, but for `overrides`."""
    chosen = {
        "mode": "test",
        "tallystick_home": home,
        "sandbox_port": NO_SANDBOX,
        "drain_seconds": 0,
        **overrides,
    }
    return keep_secrets(load_settings(env_file=None, **chosen))


@contextmanager
def settled_memory() -> Iterator[None]:
    """What stands now is left out of garbage collection, as the servers do after their start."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _fill_template(stage: Stage, accounts: int) -> Sequence[UUID]:
    database = _template(accounts)
    await _administer(stage.cluster, f"CREATE DATABASE {database}")
    login = stage.cluster.login
    await migrate(stage.cluster.owner.in_database(database), login=login.user)
    async with open_app(house_settings(stage.home), address=login.in_database(database)) as app:
        opened = await open_accounts(app, accounts)
    await _administer(stage.cluster, "VACUUM ANALYZE", database)
    return opened


def _template(accounts: int) -> str:
    return f"bench_template_{accounts}"


async def _administer(cluster: Cluster, statement: str, database: str = "postgres") -> None:
    connection = await connect(cluster.owner.in_database(database))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def _folder_on_disk() -> Iterator[Path]:
    parent = next(
        folder
        for folder in (Path(tempfile.gettempdir()), Path("/var/tmp"), OUT.parent)
        if folder.is_dir() and is_on_disk(folder)
    )
    folder = Path(tempfile.mkdtemp(prefix="tallystick-bench-", dir=parent))
    folder.chmod(0o711)  # root's server runs as nobody, who must pass
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
