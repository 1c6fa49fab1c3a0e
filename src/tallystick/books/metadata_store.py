"""SQL of accounts' metadata. Rows are written by the journal alone."""

from typing import Final
from uuid import UUID

from tallystick.platform.postgres.pools import Database

_SEALED: Final = "SELECT version, sealed FROM account_metadata WHERE id = $1"


async def find_sealed(database: Database, metadata_id: UUID) -> tuple[int, str] | None:
    """The version and the sealed texts of an account's description."""
    row = await database.fetchrow(_SEALED, metadata_id)
    return (row["version"], row["sealed"]) if row else None
