"""Each library that reaches outside has its place in the house, and so has the environment."""

import ast
from collections.abc import Iterator

from tests.house_rules.sources import Source, made_up, product_sources, stands_in

AT_HOME = {
    # books/proof/prove.py: what a database refuses to say is a finding, so it knows the errors
    "asyncpg": ("platform/postgres/*", "journal/*", "*/store.py", "books/proof/prove.py"),
    "confluent_kafka": ("delivery/*",),
    "aiohttp": (
        *("rails/providers/*", "delivery/webhooks.py", "delivery/schema_registry.py"),
        "cli/*",
    ),
    # reads files of recorded payments, writes the ledger's
    "duckdb": ("intake/*", "books/exports.py"),
    "sqlite3": ("sandbox/*",),  # a simulated bank's own book
    "fastapi": ("api/*", "console/*"),
    "starlette": ("api/*", "console/*", "sandbox/*"),
    "uvicorn": ("api/*", "sandbox/*", "cli/*"),
    "typer": ("cli/*",),
    "rich": ("cli/*", "cli/showing/*"),
    "pydantic": ("api/*", "console/*", "platform/settings*.py", "platform/secrets_file.py"),
    "yaml": ("platform/*",),
    "redis": ("platform/*",),
    "cryptography": ("platform/crypto.py",),
}
FAST_UUID = "asyncpg.pgproto.pgproto"
READS_THE_ENVIRONMENT = ("platform/*", "cli/*", "cli/running/*")


def strangers(source: Source) -> Iterator[str]:
    """Imports of a library outside of its place."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            places = AT_HOME.get(name.partition(".")[0])
            if places and name != FAST_UUID and not stands_in(source, places):
                yield f"{source.name}:{node.lineno} {name}"


def environment_reads(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv"):
            yield f"{source.name}:{node.lineno}"


def test_each_library_stays_at_home() -> None:
    assert [fault for source in product_sources() for fault in strangers(source)] == []


def test_the_environment_is_read_at_the_ground_floor_and_the_terminal() -> None:
    rest = [source for source in product_sources() if not stands_in(source, READS_THE_ENVIRONMENT)]

    assert [fault for source in rest for fault in environment_reads(source)] == []


def test_the_rules_bite() -> None:
    assert list(strangers(made_up("import asyncpg"))) != []
    assert list(strangers(made_up("from aiohttp import ClientSession"))) != []
    assert list(strangers(made_up("from asyncpg.pgproto.pgproto import UUID"))) == []
    assert list(strangers(made_up("import asyncpg", "src/tallystick/books/proof/store.py"))) == []
    assert list(environment_reads(made_up("import os\nport = os.environ['PORT']"))) != []
