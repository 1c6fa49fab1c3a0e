"""The OpenAPI document as a judge of answers: an answer it does not tell of is a fault."""

import json
import re
from collections.abc import Mapping
from typing import Any

import jsonschema_rs

_REFERENCE = re.compile(r'"\$ref": "#/components/schemas/(\w+)"')


class Truth:
    """Knows which answers each address may give."""

    def __init__(self, document: Any) -> None:
        self._schemas = document["components"]["schemas"]
        self._operations = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), method.upper(), operation)
            for path, item in document["paths"].items()
            for method, operation in item.items()
        ]
        self._validators: dict[str, Any] = {}

    def check(
        self, method: str, path: str, status: int, headers: Mapping[str, str], raw: bytes
    ) -> None:
        """Fails when this answer is undocumented, or of another shape than documented."""
        assert status != 500, raw
        assert "x-request-id" in headers
        operation = self._find(method, path.partition("?")[0])
        if operation is None:
            assert status in (200, 404, 405), (method, path, status)
            return
        assert str(status) in operation["responses"], f"{method} {path} answered {status}: {raw!r}"
        content = operation["responses"][str(status)]["content"]
        media_type = headers["content-type"].partition(";")[0]
        assert media_type in content, f"{method} {path} answered {media_type}"
        if media_type.endswith("json"):
            self._validator(content[media_type]["schema"]).validate(json.loads(raw))

    def _find(self, method: str, path: str) -> Any:
        """The operation; an address without a placeholder goes before one with it."""
        found = [entry for entry in self._operations if entry[0].fullmatch(path)]
        plain = [entry for entry in found if entry[0].pattern == path]
        for _, verb, operation in plain or found:
            if verb == method:
                return operation
        return None

    def _validator(self, schema: Any) -> Any:
        """One for all answers of a shape, knowing what that shape needs: a validator of its own
        for every answer, each with all components, came to 1.3 GB."""
        shape = json.dumps(schema)
        if shape not in self._validators:
            needed: dict[str, Any] = {}
            self._gather(shape, needed)
            whole = {**schema, "components": {"schemas": needed}}
            self._validators[shape] = jsonschema_rs.validator_for(whole)
        return self._validators[shape]

    def _gather(self, shape: str, needed: dict[str, Any]) -> None:
        for name in _REFERENCE.findall(shape):
            if name not in needed:
                needed[name] = self._schemas[name]
                self._gather(json.dumps(needed[name]), needed)
