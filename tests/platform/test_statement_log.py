"""DB_DEBUG shows the statements, and never what is put into them."""

import pytest

from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import open_database
from tallystick.platform.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("debug", [False, True])
async def test_statements_are_logged_without_their_values(
    debug: bool, address: Address, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = settings.model_copy(update={"db_debug": debug})
    async with open_database(address, chosen) as database:
        for _ in range(2):  # the second time on a connection that was given back
            assert await database.fetchval("SELECT upper($1::text)", "geheim") == "GEHEIM"
        writer = await database.open_writer("test")
        await writer.execute("SELECT 'written'")
        await writer.close()

    told = capsys.readouterr()
    text = told.out + told.err
    assert text.count("SELECT upper") == 2 * debug
    assert ("SELECT 'written'" in text) is debug
    assert "geheim" not in text.lower()
