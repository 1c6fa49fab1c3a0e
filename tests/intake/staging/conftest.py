"""A database that holds the months around the test's clock, and the staging table's ingestion."""

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from tallystick.intake import Recording
from tallystick.intake.staging import Ingestion, StagingRules
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, connect


@pytest.fixture
async def etl(owner_address: Address, recording: Recording) -> AsyncIterator[Connection]:
    """The outside program's own connection, with its own rights."""
    connection = await connect(owner_address, server_settings={"search_path": owner_address.schema})
    yield connection
    await connection.close()


@pytest.fixture
def ingestion(recording: Recording) -> Ingestion:
    return ingestion_over(recording)


def ingestion_over(recording: Recording, **rules: object) -> Ingestion:
    return Ingestion.over(
        recording.journal,
        recording.database,
        recording.clock,
        terms=recording.terms,
        rules=replace(StagingRules(retry_delay_ms=0), **rules),
    )
