"""What the guides say is so: the program in them runs, the map has every room, nothing is lost."""

import ast
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"\]\(([^)#]+)")
IN_THE_TREE = re.compile(r"^  (\w+)(?:/|\.py) ", re.MULTILINE)


def blocks(document: Path, language: str) -> list[str]:
    text = document.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def rooms() -> set[str]:
    """The rooms that are built, and the hall."""
    package = ROOT / "src" / "tallystick"
    return {door.parent.name for door in package.glob("*/__init__.py")} | {"app"}


def rooms_in(line: str) -> list[str]:
    """The rooms of one floor; a planned one is left out."""
    return [name for name in re.findall(r"\w+", line) if name in rooms()]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user may pass: started by root, PostgreSQL runs as one."""
    made = Path(tempfile.mkdtemp(prefix="tallystick-guide-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


class TestTheLedgerAlone:
    guide = DOCS / "how-to" / "take-the-ledger-alone.md"

    @pytest.mark.usefixtures("clean_environment")
    def test_runs_as_it_stands_and_says_what_the_guide_says(self, folder: Path) -> None:
        (program,) = blocks(self.guide, "python")
        (said,) = blocks(self.guide, "text")
        file = folder / "ledger_alone.py"
        file.write_text(program, encoding="utf-8")

        done = subprocess.run(
            [sys.executable, file],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert done.stdout == said


class TestKillAndProve:
    guide = DOCS / "how-to" / "kill-and-prove.md"

    def test_names_every_crash_point_and_no_other(self) -> None:
        source = "".join(file.read_text("utf-8") for file in (ROOT / "src").rglob("*.py"))

        named = re.findall(r"^\| `(\w+\.\w+)` \|", self.guide.read_text("utf-8"), re.MULTILINE)

        points = set(re.findall(r'crash_point\("([\w.]+)"\)', source))
        assert sorted(named) == sorted(points)


class TestTroubleshooting:
    guide = DOCS / "troubleshooting.md"

    def test_quotes_what_the_program_says(self) -> None:
        section = self.guide.read_text("utf-8").partition("## When it does not start")[2]
        quoted = re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)
        messages = tuple(said_by_the_program())

        assert len(quoted) > 10
        assert [quote for quote in quoted if not any(is_said(quote, m) for m in messages)] == []


def said_by_the_program() -> Iterator[str]:
    """Every text in the source; in place of what is filled in stands a NUL."""
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "\0"
                    for part in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def is_said(quote: str, message: str) -> bool:
    """Whether the quote's words come in the message in their order; `...` is what is left out."""
    words = (re.escape(part.strip()) for part in quote.split("...") if part.strip())
    return re.search(".*".join(words), message, re.DOTALL) is not None


class TestTheArchitecture:
    map = DOCS / "architecture.md"

    def test_has_a_line_for_every_room_and_for_no_other(self) -> None:
        tree = blocks(self.map, "")[0]

        assert set(IN_THE_TREE.findall(tree)) == rooms()

    def test_shows_the_floors_of_the_contract(self) -> None:
        contract = (ROOT / ".importlinter").read_text(encoding="utf-8")
        layers = contract.partition("layers =\n")[2].partition("\n\n")[0]
        floors = [rooms_in(line) for line in layers.splitlines()]

        shown = [rooms_in(line) for line in blocks(self.map, "")[1].splitlines()]

        assert shown == [floor for floor in floors if floor]


class TestTheIndex:
    index = DOCS / "README.md"

    def test_leads_to_every_document(self) -> None:
        linked = {(DOCS / link).resolve() for link in LINK.findall(self.index.read_text("utf-8"))}
        single = {path for path in DOCS.rglob("*.md") if path.parent.name != "decisions"}

        assert single - linked - {self.index} == set()

    def test_of_decisions_leads_to_every_one(self) -> None:
        decisions = DOCS / "decisions"
        text = (decisions / "README.md").read_text(encoding="utf-8")
        linked = {(decisions / link).resolve() for link in LINK.findall(text)}

        assert set(decisions.glob("0*.md")) - linked == set()
