"""A fuzzer reads the OpenAPI document and finds no answer that is not in it."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,unsupported_method,ignored_auth"
)
# `1.0` is an integer to JSON Schema and not to us, and a key may be used twice: 422 for what the
# schema allows is no fault, so `positive_data_acceptance` is not among the checks.


@pytest.mark.parametrize(
    ("who", "phases"), [("operator", "examples,coverage"), ("seller", "examples,fuzzing,stateful")]
)
async def test_no_server_error_and_no_undocumented_answer(
    seller: Caller, operator: Caller, tmp_path: Path, who: str, phases: str
) -> None:
    caller = {"seller": seller, "operator": operator}[who]
    fuzzer = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"),
        *("run", f"{caller.base_url}/openapi.json", "--checks", CHECKS, "--no-color"),
        *("--header", f"Authorization: Bearer {caller.key}"),
        *("--phases", phases),
        *("--max-examples", os.environ.get("FUZZ_EXAMPLES", "5"), "--seed", "20260302"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await fuzzer.communicate()

    assert fuzzer.returncode == 0, told.decode()[-5_000:]
    assert b"Tested: 23" in told
