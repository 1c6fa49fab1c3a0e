"""The OpenAPI 3.1 document: FastAPI's own routes and the plain ones, told alike.

It is the truth about the door: a test compares it with the routes, examples are checked against
their schemas, and a fuzzer finds no answer that is not in it.
"""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from tallystick.api.documented import PlainOperation, Problem, problem_responses
from tallystick.api.idempotency import HEADER, KEY_PATTERN, REPLAYED_HEADER
from tallystick.api.payers import PAYER
from tallystick.api.strict_route import PERMISSION

_REF: Final = "#/components/schemas/{name}"
_MODEL_REF: Final = "#/components/schemas/{model}"
_DESCRIPTION: Final = """\
Payments, a double-entry ledger and the proof that the books are right.

Amounts are integers in the minor unit of their currency. Everything that moves money takes an
`Idempotency-Key`: the same key with the same body does nothing twice and answers alike, with
`Idempotency-Replayed: true`. Every error is a problem (RFC 9457) with a stable `code`.
"""
_SCHEME: Final = "ApiKey"
_PAYER_SCHEME: Final = "ClientSecret"
_IDEMPOTENCY_PARAMETER: Final = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "A new value for each new wish; the same value repeats the same wish.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": KEY_PATTERN},
}
_REQUEST_ID: Final = {
    "description": "The request's id: yours if you sent a usable one, else ours.",
    "schema": {"type": "string", "maxLength": 128},
}
_REPLAYED: Final = {
    "description": "`true` when this answer was given before, to the same key.",
    "schema": {"type": "string", "enum": ["true"]},
}
_KEY_MADE: Final = {
    "description": "The key we made, when you sent none: send it to repeat this very wish.",
    "schema": {"type": "string"},
}


def build_document(web: FastAPI, plain: Iterable[PlainOperation]) -> dict[str, Any]:
    """The whole document, ready to be served."""
    document = get_openapi(
        title="Tallystick",
        version=version("tallystick"),
        openapi_version="3.1.0",
        summary="A complete payments platform with provable books",
        description=_DESCRIPTION,
        routes=web.routes,
    )
    components = document.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    schemas.update(_struct_schemas([Problem]))
    components["securitySchemes"] = {
        _SCHEME: {"type": "http", "scheme": "bearer", "description": "`sk_test_...`"},
        _PAYER_SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "description": "`int_..._secret_...`: the payer of this one intent",
        },
    }
    for operation in plain:
        paths = document["paths"].setdefault(operation.path, {})
        paths[operation.method.lower()] = _plain(operation, schemas)
    for item in document["paths"].values():
        for operation in item.values():
            _tell_common(operation)
    _link(document["paths"])
    return document


def _plain(operation: PlainOperation, schemas: dict[str, Any]) -> dict[str, Any]:
    """One operation of a plain route; its schemas join the others."""
    told: dict[str, Any] = {
        "tags": [operation.tag],
        "summary": operation.summary,
        "operationId": _operation_id(operation),
        "parameters": list(operation.headers),
        "responses": {
            **{str(status): told for status, told in problem_responses(operation.problems).items()},
            str(operation.status): _answer(operation, operation.answer, schemas),
        },
    }
    for status, answer in operation.other_answers.items():
        told["responses"][str(status)] = _answer(operation, answer, schemas)
    if operation.permission is not None:
        told[PERMISSION] = operation.permission
    if operation.moves_money:
        told["parameters"].append(_IDEMPOTENCY_PARAMETER)
    if operation.body is not None:
        schemas.update(_model_schemas(operation.body))
        reference = {"$ref": _REF.format(name=operation.body.__name__)}
        told["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": reference}},
        }
    return told


def _answer(
    operation: PlainOperation, answer: type[Any] | None, schemas: dict[str, Any]
) -> dict[str, Any]:
    if answer is None:
        return {
            "description": operation.summary,
            "content": {operation.media_type: {"schema": {"type": "string"}}},
        }
    schemas.update(_struct_schemas([answer]))
    reference = {"$ref": _REF.format(name=answer.__name__)}
    return {
        "description": operation.summary,
        "content": {operation.media_type: {"schema": reference}},
    }


def _tell_common(operation: dict[str, Any]) -> None:
    """What all operations share: the key they ask for and the headers they answer."""
    if PERMISSION in operation:
        operation["security"] = [{_SCHEME: []}]
        if operation.pop(PAYER, False):
            operation["security"].append({_PAYER_SCHEME: []})
    money = any(parameter["name"] == HEADER for parameter in operation.get("parameters", ()))
    for status, response in operation["responses"].items():
        headers = response.setdefault("headers", {})
        headers["X-Request-Id"] = _REQUEST_ID
        if money and status.startswith("2"):
            headers[REPLAYED_HEADER] = _REPLAYED
            headers[HEADER] = _KEY_MADE


def _link(paths: dict[str, Any]) -> None:
    """What is made at one address is found at those below it, under the id it was answered."""
    for path, item in paths.items():
        made = item.get("post", {}).get("responses", {}).get("201")
        below = re.compile(rf"{path}/{{(\w+)}}(/\w+)?")
        found = [
            (match, below_path) for below_path in paths if (match := below.fullmatch(below_path))
        ]
        if made and found:
            made["links"] = {
                operation["operationId"]: {
                    "operationId": operation["operationId"],
                    "parameters": {match[1]: "$response.body#/id"},
                }
                for match, below_path in found
                for operation in paths[below_path].values()
            }


def _operation_id(operation: PlainOperation) -> str:
    words = operation.path.removeprefix("/api/v1/").strip("/").replace("/", "_")
    return f"{operation.method.lower()}_{words}"


def _struct_schemas(structs: Iterable[type[Any]]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = msgspec.json.schema_components(structs, ref_template=_REF)[1]
    told: Mapping[str, Any] = _with_decimal_numbers(found)
    return told


def _with_decimal_numbers(schema: Any) -> Any:
    """A decimal is a number where document 000 says so; msgspec would have it a string."""
    if isinstance(schema, list):
        return [_with_decimal_numbers(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    told = {name: _with_decimal_numbers(value) for name, value in schema.items()}
    return told | {"type": "number"} if told.get("format") == "decimal" else told


def _model_schemas(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_MODEL_REF)
    inner: dict[str, Any] = schema.pop("$defs", {})
    return {**inner, model.__name__: schema}
