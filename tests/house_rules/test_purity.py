"""Pure files know neither the time nor chance nor the outside: `now` and ids are arguments."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from tests.house_rules.sources import Source, made_up, product_sources

PURE = {
    "money/*.py",
    "*/model.py",
    "ledger/judge.py",
    "ledger/hearing.py",
    "ledger/moves.py",
    "ledger/upkeep.py",
    "*/facts.py",
    "*/states.py",
    "*/errors.py",
}
PURE |= {"*/*decisions.py", "*/*folds.py", "*/projection.py", "*/postings.py", "*/steps.py"}
PURE |= {"rails/routing.py", "rails/breaker.py", "risk/features.py", "risk/rules.py"}
PURE |= {"wallets/transfers/recurrence.py"}
IMPURE = {
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"),
    *("datetime.date.today", "time", "random", "secrets", "os", "uuid.uuid1", "uuid.uuid4"),
    *("tallystick.platform.clock.SystemClock", "tallystick.platform.ids.new_id"),
    *("tallystick.platform.ids.random_bucket", "open", "print", "input"),
    *("asyncio", "socket", "subprocess", "sqlite3", "urllib", "http", "aiohttp", "duckdb"),
    *("starlette", "fastapi", "uvicorn", "uvloop"),
}
FAST_UUID = "asyncpg.pgproto.pgproto.UUID"


def is_pure(source: Source) -> bool:
    path = PurePosixPath(source.name)
    return any(path.match(f"src/tallystick/{pattern}") for pattern in PURE)


def impurities(source: Source) -> Iterator[str]:
    """Uses of the clock, of chance, or of asyncpg beyond its UUID."""
    full_names = dict(imported_names(source.tree))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, *rest = ast.unparse(node).split(".")
            dotted = ".".join([full_names.get(first, first), *rest])
            if IMPURE & {dotted, dotted.partition(".")[0]}:
                yield f"{source.name}:{node.lineno} {dotted}"
    for name in full_names.values():
        if name.startswith("asyncpg") and name != FAST_UUID:
            yield f"{source.name} {name}"


def imported_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The name a file uses, and what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.split(".")[0], alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def test_pure_files_take_time_and_ids_as_arguments() -> None:
    pure = [source for source in product_sources() if is_pure(source)]

    assert len(pure) > 5
    assert [fault for source in pure for fault in impurities(source)] == []


@pytest.mark.parametrize(
    "code",
    [
        "import datetime\nat = datetime.datetime.now()",
        "from datetime import datetime as dt\nat = dt.now(UTC)",
        "from datetime import date\nday = date.today()",
        "import time as t\nt.monotonic()",
        "from time import time_ns\ntime_ns()",
        "from random import Random\nRandom(7)",
        "import uuid\nuuid.uuid4()",
        "from uuid import uuid4 as fresh\nfresh()",
        "import os\nos.urandom(8)",
        "from secrets import token_bytes\ntoken_bytes()",
        "from tallystick.platform.ids import new_id\nnew_id(now, 1)",
        "from asyncpg import Connection",
        "open('rates.txt')",
    ],
)
def test_the_rule_bites(code: str) -> None:
    assert list(impurities(made_up(code, "src/tallystick/books/model.py"))) != []


@pytest.mark.parametrize(
    "code",
    [
        "from datetime import datetime, timedelta\ndef late(now: datetime) -> bool: ...",
        "from uuid import UUID\nfrom asyncpg.pgproto.pgproto import UUID as FastUUID\nFastUUID(b)",
        "now = clock.now()",
    ],
)
def test_the_rule_lets_values_pass(code: str) -> None:
    assert list(impurities(made_up(code, "src/tallystick/books/model.py"))) == []
