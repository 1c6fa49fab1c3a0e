"""The repository's files as the rules of the house look at them."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "tallystick"
_BUILT = {"__pycache__", "dist", "mutants", "node_modules"}


@dataclass(frozen=True)
class Source:
    """One Python file. `name` is its path from the root, with slashes."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.name)

    @property
    def room(self) -> str | None:
        """The folder directly under the package, if the file lies in one."""
        parts = Path(self.name).parts
        return parts[2] if parts[:2] == ("src", "tallystick") and len(parts) > 3 else None

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def made_up(text: str, name: str = "src/tallystick/books/made_up.py") -> Source:
    """A source for showing that a rule bites."""
    return Source(name, text)


@cache
def repository_files() -> tuple[Path, ...]:
    """Every file that is, or could be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:  # an unpacked archive: hidden folders are built ones there
        found = [path for path in ROOT.rglob("*") if not _is_built(path.relative_to(ROOT))]
    return tuple(sorted(path for path in set(found) if path.is_file()))


def _is_built(path: Path) -> bool:
    return any(part in _BUILT or part.startswith(".") for part in path.parts)


@cache
def python_sources() -> tuple[Source, ...]:
    """All Python of the repository: the product, its tests, its bench and tools."""
    return tuple(
        Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in repository_files()
        if path.suffix == ".py"
    )


@cache
def product_sources() -> tuple[Source, ...]:
    """The Python that ships."""
    return tuple(source for source in python_sources() if source.name.startswith("src/"))


def stands_in(source: Source, places: tuple[str, ...]) -> bool:
    """Whether a file of the product is in one of these places; `*` goes through folders."""
    return any(fnmatchcase(source.name, f"src/tallystick/{place}") for place in places)


def rooms() -> tuple[Path, ...]:
    """Every package under `tallystick`: the rooms, and the inner rooms."""
    return tuple(sorted(door.parent for door in PACKAGE.glob("*/**/__init__.py")))


def documents() -> tuple[Path, ...]:
    """Every Markdown file of the repository."""
    return tuple(path for path in repository_files() if path.suffix == ".md")
