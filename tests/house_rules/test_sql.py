"""SQL lives in a room's store, in the journal and beside the database itself, and nowhere else."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house_rules.sources import Source, made_up, product_sources, stands_in

READS_MAY_STAND_IN = ("*/store.py", "*/*_store.py", "journal/*.py", "platform/postgres/*.py")
WRITES_MAY_STAND_IN = (
    "journal/*.py",  # the one writer of the house
    "delivery/store.py",  # how far readers are, who reads, and letters: no business state
    "ledger/store.py",  # the judge's verdicts in bulk, within the journal's transaction
    "intake/store.py",  # the bulk loader
    "intake/staging/store.py",  # the bulk loader, too
    "intake/staging/log_store.py",  # how each of its batches goes
    "intake/retention/store.py",  # what is let go: references, partitions, logs
    "ledger/bulk_store.py",  # transfers by set, within the bulk loader's transaction
    "payments/disputes/store.py",  # the documents of evidence, too large for a fact
    "sandbox/dispute_store.py",  # a simulated bank's disputes, in the file of its book
    "sandbox/store.py",  # a simulated bank's own book, in a file of its own
    "platform/postgres/*.py",  # migrations and the server's roles
)
READ = re.compile(
    r"\s*(SELECT\b|(?i:select\b[^.]*\bfrom\b|with\s+\w+\s+as\s+(materialized\s*)?\())"
)
WRITE = re.compile(
    r"\s*(?i:insert\s+into\b|update\s+\S+\s+(as\s+\w+\s+)?set\b|delete\s+from\b|truncate\s+\w"
    r"|merge\s+into\b|(create|alter|drop)\s+(unique\s+)?(table|index|role|schema|view|function)\b)"
)


def literals(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every string but docstrings; a value put into one counts as a word."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "x" for part in node.values]
            skipped.update(id(part) for part in node.values)
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def statements(source: Source, kind: re.Pattern[str]) -> Iterator[str]:
    for line, text in literals(source.tree):
        if kind.match(text):
            yield f"{source.name}:{line} {text.strip()[:50]}"


def test_sql_stands_only_in_stores() -> None:
    elsewhere = [
        source for source in product_sources() if not stands_in(source, READS_MAY_STAND_IN)
    ]

    assert [fault for source in elsewhere for fault in statements(source, READ)] == []


def test_only_the_journal_the_loader_and_migrations_write() -> None:
    elsewhere = [
        source for source in product_sources() if not stands_in(source, WRITES_MAY_STAND_IN)
    ]

    assert [fault for source in elsewhere for fault in statements(source, WRITE)] == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("find = 'SELECT 1'", READ),
        ("find = '''\n  select id\n  from payments\n'''", READ),
        ("find = f'SELECT * FROM {table}'", READ),
        ("find = 'WITH due AS (SELECT 1) SELECT * FROM due'", READ),
        ("put = f'INSERT INTO {table} VALUES ($1)'", WRITE),
        ("put = 'update payments set state = $1'", WRITE),
        ("put = f'UPDATE {table} SET state = $1'", WRITE),
        ("put = 'DELETE FROM payments'", WRITE),
        ("put = 'CREATE UNIQUE INDEX once ON payments (id)'", WRITE),
    ],
)
def test_the_rule_bites(code: str, kind: re.Pattern[str]) -> None:
    assert list(statements(made_up(code), kind)) != []


@pytest.mark.parametrize(
    "code",
    [
        '"""Select the best route from all."""',
        "choose = 'Select a bank.'",
        "def update():\n    '''Update the screen, set nothing.'''",
        "label = 'delete'",
    ],
)
def test_the_rule_lets_prose_pass(code: str) -> None:
    assert list(statements(made_up(code), READ)) == []
    assert list(statements(made_up(code), WRITE)) == []
