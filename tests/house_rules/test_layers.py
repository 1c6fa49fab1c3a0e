"""Rooms stand on floors and speak to each other through their doors."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.house_rules.sources import PACKAGE, ROOT, Source, made_up, product_sources


def reaches_behind_doors(source: Source) -> Iterator[str]:
    """Imports of another room's inner files; an inner room has a door of its own, and the ground
    floor's submodules are its doors."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom):
            imported = [node.module or ""]
        elif isinstance(node, ast.Import):
            imported = [alias.name for alias in node.names]
        else:
            continue
        for name in imported:
            parts = name.split(".")
            if (
                parts[0] == "tallystick"
                and len(parts) > 2
                and parts[1] not in {"platform", source.room}
                and not (len(parts) == 3 and PACKAGE.joinpath(*parts[1:], "__init__.py").exists())
            ):
                yield f"{source.name}:{node.lineno} {name}"


def test_the_floors_hold() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    told = subprocess.run(
        [linter, "--no-logo"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert told.returncode == 0, told.stdout + told.stderr


def test_every_room_that_is_built_is_required_by_its_floor() -> None:
    contract = (ROOT / ".importlinter").read_text(encoding="utf-8")
    planned = set(re.findall(r"\((\w+)\)", contract))
    built = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or path.is_dir()}

    assert planned & built == set()


def test_rooms_speak_to_each_other_through_their_doors() -> None:
    assert [fault for source in product_sources() for fault in reaches_behind_doors(source)] == []


def test_the_rule_bites() -> None:
    behind = ["from tallystick.ledger.store import load", "import tallystick.ledger.store"]
    behind += ["from tallystick.wallets.payouts.store import find_payout"]
    proper = ["from tallystick.ledger import Post", "from tallystick.platform.ids import typeid"]
    proper += ["from tallystick.books.chart import PLATFORM"]
    proper += ["from tallystick.wallets.payouts import Payouts"]

    for code in behind:
        assert list(reaches_behind_doors(made_up(code))) != []
    for code in proper:
        assert list(reaches_behind_doors(made_up(code))) == []
