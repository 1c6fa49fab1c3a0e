"""Files, functions and doors stay small enough to be read at once."""

import ast
from collections.abc import Iterator

from tests.house_rules.sources import PACKAGE, Source, made_up, python_sources, rooms

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
COLUMNS_MAX = 100
POSITIONAL_PARAMETERS_MAX = 5
NAMES_AT_A_DOOR_MAX = 12
ROOMS_WITHOUT_A_DOOR_PLATE = {"platform", "api", "cli", "console"}  # submodules, or nothing


def long_files(source: Source) -> Iterator[str]:
    lines = len(source.text.splitlines())
    if lines > FILE_LINES_MAX:
        yield f"{source.name} has {lines} lines"


def long_functions(source: Source) -> Iterator[str]:
    for function in source.functions():
        lines = (function.end_lineno or 0) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield f"{source.name}:{function.lineno} {function.name} has {lines} lines"


def wide_lines(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if len(line) > COLUMNS_MAX:
            yield f"{source.name}:{number} has {len(line)} columns"


def crowded_functions(source: Source) -> Iterator[str]:
    for function in source.functions():
        positional = [*function.args.posonlyargs, *function.args.args]
        names = [parameter.arg for parameter in positional]
        count = len(names) - (names[:1] in (["self"], ["cls"]))
        if count > POSITIONAL_PARAMETERS_MAX:
            yield f"{source.name}:{function.lineno} {function.name} takes {count} by position"


def names_at_the_door(source: Source) -> list[str] | None:
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return None


def test_no_file_is_longer_than_400_lines() -> None:
    assert [fault for source in python_sources() for fault in long_files(source)] == []


def test_no_function_is_longer_than_60_lines() -> None:
    assert [fault for source in python_sources() for fault in long_functions(source)] == []


def test_no_line_is_wider_than_100_columns() -> None:
    assert [fault for source in python_sources() for fault in wide_lines(source)] == []


def test_no_function_takes_more_than_five_parameters_by_position() -> None:
    assert [fault for source in python_sources() for fault in crowded_functions(source)] == []


def test_a_room_shows_at_most_twelve_names_at_its_door() -> None:
    for room in rooms():
        door = Source(room.name, (room / "__init__.py").read_text(encoding="utf-8"))
        assert ast.get_docstring(door.tree), f"{room.name} does not say what it is for"
        if room.relative_to(PACKAGE).parts[0] not in ROOMS_WITHOUT_A_DOOR_PLATE:
            names = names_at_the_door(door)
            assert names is not None, f"{room.name} has no __all__"
            assert len(names) <= NAMES_AT_A_DOOR_MAX, f"{room.name} shows {len(names)} names"


def test_the_hall_reads_as_the_architecture() -> None:
    hall = PACKAGE / "app.py"
    if hall.exists():
        assert len(hall.read_text(encoding="utf-8").splitlines()) <= 200


def test_the_rules_bite() -> None:
    long = made_up("def long():\n" + "    pass\n" * FUNCTION_LINES_MAX)
    crowded = made_up("class A:\n    def take(self, a, b, c, d, e, f, *, g): ...")
    roomy = made_up("class A:\n    def take(self, a, b, c, d, e, *, f, g): ...")

    assert list(long_functions(long)) != []
    assert list(long_files(made_up("\n" * (FILE_LINES_MAX + 1)))) != []
    assert list(wide_lines(made_up("#" * (COLUMNS_MAX + 1)))) != []
    assert list(crowded_functions(crowded)) != []
    assert list(crowded_functions(roomy)) == []
    assert names_at_the_door(made_up("__all__ = ['a', 'b']")) == ["a", "b"]
