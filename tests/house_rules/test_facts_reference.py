"""The reference of facts names every kind the code can tell, with its fields and their types."""

import ast
import re
import types
import typing
from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from tallystick.cli.event_schemas import fact_kinds
from tests.house_rules.sources import ROOT, Source, made_up, product_sources

DOCUMENT = ROOT / "docs" / "reference" / "facts.md"
FACT = re.compile(r"^\| `([a-z_]+\.[a-z_]+)` \| [^|]+ \|([^|]*)\|$", re.MULTILINE)
FIELD = re.compile(r"^\| `([a-z_]+)` \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)
NAME = re.compile(r"`([a-z_]+\??)`")
TYPES: Mapping[object, str] = {
    UUID: "uuid",
    int: "integer",
    float: "number",
    bool: "true or false",
    str: "text",
    bytes: "base64",
    date: "day",
    datetime: "instant",
    msgspec.Raw: "JSON as written",
}


def told_in(source: Source) -> set[str]:
    """The kinds that stand as plain text in a `Fact(...)`."""
    calls = [node for node in ast.walk(source.tree) if isinstance(node, ast.Call)]
    return {
        word.value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "Fact"
        for word in [*call.args, *(named.value for named in call.keywords)]
        if isinstance(word, ast.Constant) and isinstance(word.value, str)
    }


def fields_of(data: type[Struct]) -> list[str]:
    """The fields of a fact's data, with a `?` where they may be left out."""
    omits = data.__struct_config__.omit_defaults
    return [
        field.name + "?" * (omits and not field.required) for field in msgspec.structs.fields(data)
    ]


def type_of(annotation: typing.Any) -> tuple[str, bool]:
    """What the type is called in the document, and whether it may be null."""
    if isinstance(annotation, types.UnionType):
        (kept,) = (part for part in annotation.__args__ if part is not type(None))
        return type_of(kept)[0], True
    if typing.get_origin(annotation) is tuple:
        return _list_of(typing.get_args(annotation)[0]), False
    plain = typing.get_origin(annotation) or annotation
    if plain in TYPES:
        return TYPES[plain], False
    return ("object" if issubclass(plain, Struct) else "text"), False


def _list_of(member: typing.Any) -> str:
    if isinstance(member, type) and issubclass(member, Struct):
        return "list of objects"
    return "list of integers" if member is int else "list of text"


def types_by_field() -> dict[str, str]:
    found: dict[str, tuple[str, bool]] = {}
    for data in fact_kinds().values():
        for field in msgspec.structs.fields(data):
            name, nullable = type_of(field.type)
            before = found.get(field.name, (name, False))
            assert before[0] == name, f"{field.name} is {before[0]} and {name}"
            found[field.name] = (name, nullable or before[1])
    return {
        field: f"{name} or null" if nullable else name for field, (name, nullable) in found.items()
    }


def test_every_kind_is_named_with_its_fields_in_their_order() -> None:
    written = FACT.findall(DOCUMENT.read_text(encoding="utf-8"))
    named = {kind: NAME.findall(fields) for kind, fields in written}

    assert len(named) == len(written), "a kind is named twice"
    assert named == {kind: fields_of(data) for kind, data in fact_kinds().items()}


def test_every_field_is_explained_with_its_type() -> None:
    explained = FIELD.findall(DOCUMENT.read_text(encoding="utf-8").partition("## The fields")[2])

    assert dict(explained) == types_by_field()
    assert [name for name, _ in explained] == sorted(name for name, _ in explained)


def test_no_fact_is_told_that_nobody_registered() -> None:
    told = set().union(*map(told_in, product_sources()))

    assert told != set()
    assert told - set(fact_kinds()) == set()


def test_the_rules_bite() -> None:
    assert told_in(made_up("Fact(one, 1, 'card.lost', Lost())")) == {"card.lost"}
    assert told_in(made_up("Fact(one, version=1, kind='card.lost', data=x)")) == {"card.lost"}
    assert FACT.findall("| `card.lost` | gone | `at`, `why?` |") == [
        ("card.lost", " `at`, `why?` ")
    ]
    assert NAME.findall(" `at`, `why?` ") == ["at", "why?"]
