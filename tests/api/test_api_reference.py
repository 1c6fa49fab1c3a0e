"""`docs/reference/api.md` lists every address with its permission, and no other."""

import re

import pytest

from tests.api.conftest import Caller
from tests.house_rules.sources import ROOT

pytestmark = pytest.mark.anyio
ROW = re.compile(r"^\| (`(?:GET|POST) .+?) \| .+ \| (?:`(\w+)`|[^|]+) \|$", re.MULTILINE)
# Named in a sentence: the open addresses answer there as well.
AGAIN = {f"/api/v1/monitoring/{word}" for word in ("health", "ready", "metrics")}


def documented() -> dict[tuple[str, str], str | None]:
    """Method and address, with the permission; `{id}` stands for whatever it is called."""
    text = (ROOT / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    found: dict[tuple[str, str], str | None] = {}
    for addresses, permission in ROW.findall(text):
        method, _, first = addresses.split("`")[1].partition(" ")
        first = first.partition("?")[0]
        # Further addresses of a row differ in their last word: `.../freeze`, `/thaw`.
        others = [first.rpartition("/")[0] + word for word in addresses.split("`")[3::2]]
        found |= dict.fromkeys([(method, path) for path in (first, *others)], permission or None)
    return found


async def test_the_reference_lists_every_address_with_its_permission(anybody: Caller) -> None:
    document = (await anybody.get("/openapi.json")).json
    served = {
        (method.upper(), re.sub(r"\{\w+\}", "{id}", path)): operation.get("x-permission")
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if path not in AGAIN
    }

    assert documented() == served
