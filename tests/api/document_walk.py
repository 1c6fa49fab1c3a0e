"""Walks the OpenAPI document: every operation that takes a body, every amount in one."""

import copy
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from msgspec import Struct

LARGE: Final = 10**15
Place = tuple[str | int, ...]


class BodyOf(Struct, frozen=True):
    """An operation that takes a JSON body, and an example of one."""

    path: str
    method: str
    permission: str | None
    takes_key: bool
    example: Any
    schema: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


class AmountField(Struct, frozen=True):
    """A field for money, where it stands in a body, and what it takes besides large integers."""

    operation: BodyOf
    place: Place
    takes_null: bool
    least: int
    largest: int

    @property
    def dotted(self) -> str:
        return ".".join(map(str, self.place))

    def takes(self, value: str) -> bool:
        """Whether this JSON value is one the field is meant to take."""
        if value == "null":
            return self.takes_null
        if value.removeprefix("-").isascii() and value.removeprefix("-").isdigit():
            return self.least <= int(value) <= self.largest
        return False

    def body_with(self, mark: str) -> Any:
        """The example with `mark` in this place."""
        body = copy.deepcopy(self.operation.example)
        inner = body
        for step, following in pairwise(self.place):
            if isinstance(inner, dict) and step not in inner:
                inner[step] = [] if isinstance(following, int) else {}
            if isinstance(inner, list) and not inner:
                inner.append({})
            inner = inner[step]
        inner[self.place[-1]] = mark
        return body


def operations_with_body(document: Any) -> Iterator[BodyOf]:
    """Every operation that takes JSON, with its own example."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if "requestBody" not in operation:
                continue
            schema = _resolved(
                operation["requestBody"]["content"]["application/json"]["schema"], document
            )
            names = {parameter["name"] for parameter in operation.get("parameters", ())}
            yield BodyOf(
                path,
                method.upper(),
                operation.get("x-permission"),
                "Idempotency-Key" in names,
                schema["examples"][0],
                schema,
            )


def amount_fields(document: Any) -> Iterator[AmountField]:
    """Every integer in a body that may be as large as money: that is how an amount is known."""
    for operation in operations_with_body(document):
        for place, schema in _leaves(operation.schema, document, ()):
            kinds = [_resolved(kind, document) for kind in schema.get("anyOf", [schema])]
            whole = [kind for kind in kinds if kind.get("type") == "integer"]
            if whole and whole[0].get("maximum", 0) >= LARGE:
                yield AmountField(
                    operation,
                    place,
                    takes_null=any(kind.get("type") == "null" for kind in kinds),
                    least=whole[0]["minimum"],
                    largest=whole[0]["maximum"],
                )


def _leaves(schema: Any, document: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    """All fields below, each with its place; of a list the first item stands for all."""
    schema = _resolved(schema, document)
    for kind in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        inner = _resolved(kind, document)
        if inner.get("type") in ("object", "array"):
            yield from _leaves(inner, document, place)
    for name, field in schema.get("properties", {}).items():
        yield (*place, name), _resolved(field, document)
        yield from _leaves(field, document, (*place, name))
    if "items" in schema:
        yield from _leaves(schema["items"], document, (*place, 0))


def _resolved(schema: Any, document: Any) -> Any:
    while "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = document["components"]["schemas"][name]
    return schema
