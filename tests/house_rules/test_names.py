"""Files and verbs are called by what they are, and only the terminal's door prints."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.house_rules.sources import Source, made_up, product_sources, python_sources

EMPTY_NAMES = {"utils", "util", "helpers", "helper", "service", "services", "manager", "managers"}
EMPTY_NAMES |= {"base", "common", "misc", "repository", "interfaces", "core", "shared"}
EMPTY_VERBS = re.compile(r"_*(process|handle|manage|do)(_\w+)?", re.ASCII)


def empty_file_names(source: Source) -> Iterator[str]:
    path = PurePosixPath(source.name)
    if EMPTY_NAMES & {path.stem, *path.parent.parts}:
        yield source.name


def empty_verbs(source: Source) -> Iterator[str]:
    for function in source.functions():
        if EMPTY_VERBS.fullmatch(function.name):
            yield f"{source.name}:{function.lineno} {function.name}"


def prints(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            yield f"{source.name}:{node.lineno}"


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [fault for source in python_sources() for fault in empty_file_names(source)] == []


def test_no_function_has_a_verb_that_says_nothing() -> None:
    assert [fault for source in product_sources() for fault in empty_verbs(source)] == []


def test_only_the_terminal_prints() -> None:
    quiet = [source for source in product_sources() if source.room != "cli"]

    assert [fault for source in quiet for fault in prints(source)] == []


def test_the_rules_bite() -> None:
    assert list(empty_file_names(made_up("", "src/tallystick/books/utils.py"))) != []
    assert list(empty_file_names(made_up("", "src/tallystick/common/money.py"))) != []
    assert list(empty_verbs(made_up("async def handle_payment(): ..."))) != []
    assert list(empty_verbs(made_up("def _process(): ..."))) != []
    assert list(empty_verbs(made_up("def domesticate(): ..."))) == []
    assert list(prints(made_up("print('here')"))) != []
