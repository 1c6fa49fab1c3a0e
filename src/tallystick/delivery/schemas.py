"""The JSON Schema of what a message's value says, by its kind. Pure."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from tallystick.delivery.recorded_event import RecordedEvent

VERSION: Final = 1
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_of(kind: str, value: type[Struct]) -> dict[str, Any]:
    """The schema of one kind's values, `value` being the struct that they are made of."""
    schema = msgspec.json.schema(value)
    if value is RecordedEvent:
        payment = schema["$defs"]["RecordedPayment"]["properties"]
        payment["amount"] = {"type": "number", "exclusiveMinimum": 0}
        payment["metadata"] = {"type": "object"}
        payment["source"] = {"enum": ["staging", "webhook"]}
    return {"$schema": DIALECT, "$id": f"{kind}.v{VERSION}.json", "title": kind, **schema}
