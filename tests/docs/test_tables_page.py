"""docs/reference/tables.md names tables and views that are there, and every view there is."""

import re
from pathlib import Path

import pytest

from tallystick.platform.postgres.pools import Database

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "tables.md"
NAMED = re.compile(r"\b(table|view) `(\w+)`")
KINDS = {"r": "table", "p": "table", "v": "view"}
STANDING = """
SELECT relkind::text, relname FROM pg_class
 WHERE relnamespace = to_regnamespace(current_schema()) AND relkind IN ('r', 'p', 'v')
"""


async def test_every_table_and_view_it_names_is_there(database: Database) -> None:
    standing = {(KINDS[row[0]], row[1]) for row in await database.fetch(STANDING)}
    named = set(NAMED.findall(PAGE.read_text(encoding="utf-8")))

    assert len(named) > 20
    assert named - standing == set()


async def test_it_names_every_view_of_the_documents(database: Database) -> None:
    views = {row[1] for row in await database.fetch(STANDING) if row[0] == "v"}
    named = {name for kind, name in NAMED.findall(PAGE.read_text("utf-8")) if kind == "view"}

    assert {view for view in views if not view.endswith("_for_analysts")} == named
