"""What a document tells the reader to type works, and what it points to is there."""

import ast
import importlib
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.house_rules.sources import ROOT, documents, repository_files

BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
SHELL = {"sh", "bash", "console", "shell"}
TALLYSTICK = {"tallystick", ".venv/bin/tallystick"}
TREES = ("src/", "tests/", "docs/", "bench/", "migrations/", "tools/", "requirements/", ".ci/")
A_HOME = re.compile(r"(?<![\w.~/-])/(home|root|Users)/[\w.]")


class Said(NamedTuple):
    """Something a document says, and where."""

    document: Path
    text: str

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}: {self.text}"


def blocks(document: Path, languages: set[str]) -> Iterator[str]:
    for language, body in BLOCK.findall(document.read_text(encoding="utf-8")):
        if language in languages:
            yield body


def commands(text: str) -> Iterator[list[str]]:
    """The simple commands of a piece of shell, without prompts, assignments and redirections."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line.strip().removeprefix("$ "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        try:
            for token in lexer:
                if set(token) <= set("|&;<>()"):
                    yield command
                    command = []
                elif command or "=" not in token:
                    command.append(token)
        except ValueError:  # a quote that spans lines: the body of a request
            pass
        yield command


@cache
def said_commands() -> tuple[Said, ...]:
    """Every command of ours that a document shows, in a block or within a sentence."""
    found = set()
    for document in documents():
        prose = BLOCK.sub("", document.read_text(encoding="utf-8"))
        for text in [*blocks(document, SHELL), *SPAN.findall(prose)]:
            found |= {Said(document, shlex.join(command)) for command in commands(text) if command}
    return tuple(sorted(found))


def words(said: Said) -> list[str]:
    return shlex.split(said.text)


def slug(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return kept.strip().replace(" ", "-")


def is_there(link: str, document: Path) -> bool:
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    if not target.exists():
        return False
    if not anchor or target.suffix != ".md":
        return True
    return anchor in {slug(heading) for heading in HEADING.findall(target.read_text("utf-8"))}


def test_make_knows_every_target_that_is_named() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    asked = [
        (str(said), word)
        for said in said_commands()
        if words(said)[0] == "make"
        for word in words(said)[1:]
        if "=" not in word and not word.startswith("-") and word != "..."
    ]

    assert asked != []
    assert [place for place, word in asked if word not in targets] == []


def test_the_program_knows_every_command_and_option_that_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tallystick.cli import main

    unknown = []
    for said in said_commands():
        name, *arguments = words(said)
        if name in TALLYSTICK:
            monkeypatch.setattr("sys.argv", ["tallystick", *arguments, "--help"])
            with pytest.raises(SystemExit) as left:
                main()
            if left.value.code:
                unknown.append(f"{said}: {capsys.readouterr().err.strip()[-200:]}")
    assert unknown == []


def test_every_python_snippet_compiles_and_its_imports_exist() -> None:
    for document in documents():
        for code in blocks(document, {"python"}):
            tree = ast.parse(code, document.name)
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom) and node.module:
                    module = importlib.import_module(node.module)
                    for alias in node.names:
                        assert hasattr(module, alias.name), f"{document}: {alias.name}"


def test_every_json_snippet_is_json() -> None:
    for document in documents():
        for text in blocks(document, {"json"}):
            json.loads(text)


def test_every_link_between_documents_leads_somewhere() -> None:
    dead = [
        str(Said(document, link))
        for document in documents()
        for link in LINK.findall(BLOCK.sub("", document.read_text(encoding="utf-8")))
        if not link.startswith(("http://", "https://", "mailto:")) and not is_there(link, document)
    ]

    assert dead == []


def test_every_file_that_is_named_is_there() -> None:
    missing = [
        str(Said(document, span))
        for document in documents()
        for span in SPAN.findall(document.read_text(encoding="utf-8"))
        if span.startswith(TREES)
        and not set(span) & set("*<>{}$ ")
        and not (ROOT / span.split(":")[0]).exists()
    ]

    assert missing == []


def test_no_file_names_a_home_folder_of_somebody() -> None:
    named = []
    for path in repository_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture
            continue
        named += [str(Said(path, match[0])) for match in A_HOME.finditer(text)]

    assert named == []


def test_the_front_door_scripts_can_be_run() -> None:
    for script in (".ci/run", "tools/environment"):
        told = subprocess.run(["bash", "-n", script], cwd=ROOT, capture_output=True, check=False)

        assert (ROOT / script).stat().st_mode & 0o111, f"{script} is not executable"
        assert told.returncode == 0, told.stderr


def test_the_rules_bite(tmp_path: Path) -> None:
    document = tmp_path / "guide.md"
    document.write_text("# First payment\n", encoding="utf-8")

    assert list(commands("$ PORT=1 make run | head  # starts")) == [["make", "run"], ["head"]]
    assert list(commands("make \\\n  check")) == [["make", "check"]]
    assert is_there("#first-payment", document)
    assert not is_there("#second-payment", document)
    assert not is_there("other.md", document)
    assert A_HOME.search("cd /" + "home/somebody")
    assert A_HOME.search("'/" + "root/.cache'")
    assert not A_HOME.search("https://example.com/home/page")
