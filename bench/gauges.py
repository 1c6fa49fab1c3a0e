"""Gauges: what the database itself says of sizes, WAL, batches and deadlocks."""

from typing import Final

from msgspec import Struct

from tallystick.platform.postgres.pools import Connection

# What a change leaves for ever. Accounts are written over, so their growth is no cost of a change.
LASTING: Final = ("ledger_transfers", "journal_facts", "journal_claims", "journal_batches")

_SIZES: Final = """
SELECT relname::text, pg_total_relation_size(oid) FROM pg_class
 WHERE relnamespace = $1::text::regnamespace AND relkind = 'r'
"""
_WAL: Final = "SELECT (pg_current_wal_lsn() - '0/0')::bigint"
_BATCHES: Final = 'SELECT sum(seq)::bigint FROM "{schema}".journal_lanes'
_TRANSFERS: Final = 'SELECT count(*) FROM "{schema}".ledger_transfers'
_CAPTURED: Final = 'SELECT count(*) FROM "{schema}".payments WHERE captured_minor > 0'
_RECORDED: Final = 'SELECT count(*) FROM "{schema}".recorded_payments'
_CHECKPOINTS: Final = "SELECT num_done FROM pg_stat_checkpointer"
_DEADLOCKS: Final = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
_SETTINGS: Final = """
SELECT name, current_setting(name) AS setting FROM pg_settings
 WHERE name = ANY($1) OR source IN ('command line', 'configuration file') ORDER BY name
"""
_ALWAYS_TOLD: Final = ["fsync", "full_page_writes", "synchronous_commit", "server_version"]


class Reading(Struct, frozen=True):
    """The gauges at one instant; sizes with indexes, in bytes."""

    bytes_by_table: dict[str, int]
    wal_bytes: int
    batches: int


class Gauges(Struct, frozen=True):
    """The gauges of one database; `connection` is the owner's."""

    connection: Connection
    schema: str

    async def read(self) -> Reading:
        """All of them."""
        sizes = await self.connection.fetch(_SIZES, self.schema)
        return Reading(
            bytes_by_table={row[0]: row[1] for row in sizes},
            wal_bytes=await self.connection.fetchval(_WAL),
            batches=await self.connection.fetchval(_BATCHES.format(schema=self.schema)),
        )

    async def transfers(self) -> int:
        """How many transfers are recorded."""
        count: int = await self.connection.fetchval(_TRANSFERS.format(schema=self.schema))
        return count

    async def captured_payments(self) -> int:
        """How many card payments are captured."""
        count: int = await self.connection.fetchval(_CAPTURED.format(schema=self.schema))
        return count

    async def recorded_payments(self) -> int:
        """How many payments made elsewhere are recorded."""
        count: int = await self.connection.fetchval(_RECORDED.format(schema=self.schema))
        return count

    async def deadlocks(self) -> int:
        """How many deadlocks this database has seen."""
        count: int = await self.connection.fetchval(_DEADLOCKS)
        return count

    async def checkpoints(self) -> int:
        """How many checkpoints this server has made."""
        count: int = await self.connection.fetchval(_CHECKPOINTS)
        return count

    async def settings(self) -> dict[str, str]:
        """The server's settings that are not the default, and those everybody asks for."""
        rows = await self.connection.fetch(_SETTINGS, _ALWAYS_TOLD)
        return {row[0]: row[1] for row in rows}


def spent(before: Reading, after: Reading, changes: int) -> dict[str, float]:
    """What one change cost: bytes for ever, of which tables, and WAL; and how large batches were.

    `bytes` is the sum over the lasting tables.
    """
    grown = {
        table: (size - before.bytes_by_table.get(table, 0)) / max(changes, 1)
        for table, size in after.bytes_by_table.items()
    }
    return {
        "bytes": sum(grown[table] for table in LASTING),
        **{f"bytes_{table}": per_change for table, per_change in grown.items() if per_change},
        "wal_bytes": (after.wal_bytes - before.wal_bytes) / max(changes, 1),
        "batch": changes / max(after.batches - before.batches, 1),
    }
