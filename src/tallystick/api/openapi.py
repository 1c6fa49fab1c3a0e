"""The OpenAPI 3.1 document: FastAPI's own routes and the plain ones, told alike.

It is the truth about the door: a test compares it with the routes, examples are checked against
their schemas, and a fuzzer finds no answer that is not in it.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from tallystick.api.documented import PROBLEM_REF, problem_responses
from tallystick.api.idempotency import HEADER, REPLAYED_HEADER
from tallystick.api.strict_route import PERMISSION

TITLE: Final = "Tallystick"
_REF: Final = "#/components/schemas/{name}"
_DESCRIPTION: Final = """\
Payments, a double-entry ledger and the proof that the books are right.

Amounts are integers in the minor unit of their currency. Everything that moves money takes an
`Idempotency-Key`: the same key with the same body does nothing twice and answers alike, with
`Idempotency-Replayed: true`. Every error is a problem (RFC 9457) with a stable `code`.
"""
_KEY_SCHEME: Final = "ApiKey"
_REQUEST_ID: Final = {
    "description": "The request's id: yours if you sent one, else ours.",
    "schema": {"type": "string", "maxLength": 128},
}
_REPLAYED: Final = {
    "description": "`true` when this answer was given before, to the same key.",
    "schema": {"type": "string", "enum": ["true"]},
}


class ProblemView(msgspec.Struct, rename={"fields": "errors"}):
    """An error, as RFC 9457 has it."""
