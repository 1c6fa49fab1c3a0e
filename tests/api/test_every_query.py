"""Every GET of the document that takes a query: what it cannot mean is refused, never a fault."""

import re

import pytest

from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio
# %ff is no UTF-8, and PostgreSQL takes no NUL.
HOSTILE = ("%00", "%ff", "a%00b", "%F0%9F%98%80", "-1", "99999999999999999999", "9" * 400, "%27--")
NOBODY = "00000000-0000-7000-8000-000000000000"


async def test_no_query_is_a_fault_of_ours(operator: Caller) -> None:
    document = (await operator.get("/openapi.json")).json
    faults = {}
    for path, item in document["paths"].items():
        asked = item.get("get", {}).get("parameters", ())
        for name in (one["name"] for one in asked if one["in"] == "query"):
            for text in HOSTILE:
                query = f"{re.sub(r'{.+?}', NOBODY, path)}?{name}={text}"
                answer = await operator.get(query)
                if answer.status >= 500:
                    faults[query] = answer.status

    assert faults == {}
