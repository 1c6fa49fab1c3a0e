"""Every call of the API that a page shows is made, in the page's order, and is answered as it says.

The card tutorial is not among them: a test of its own types it into a shell.
"""

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from string import Template
from typing import Any

import pytest
from msgspec import Struct

from tests.api.conftest import Caller
from tests.house_rules.sources import ROOT, documents

pytestmark = pytest.mark.anyio
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
HERE = "http://127.0.0.1:3004"
SOMEBODY_S = "_01kjpy44e0fh0r68j79jejabkn"  # an id that stands for one of the reader's own
TYPED = ROOT / "docs" / "tutorial" / "accept-a-card-payment.md"


class Said(Struct):
    """A call as a page has it: its variables, and `...` for what was answered, still in it."""

    path: str
    headers: dict[str, str]
    body: str | None


def calls(document: Path) -> Iterator[Said]:
    for block in BLOCK.findall(document.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("curl ") and f" {HERE}" in line:
                yield read(shlex.split(line))


def read(words: list[str]) -> Said:
    """Raises StopIteration for a call without an address, ValueError for a header without one."""
    path = next(word.removeprefix(HERE) for word in words if word.startswith(HERE))
    given = list(pairwise(words))
    headers = dict(value.split(": ", 1) for flag, value in given if flag == "-H")
    return Said(path, headers, next((value for flag, value in given if flag == "-d"), None))


PAGES = [page for page in documents() if page != TYPED and list(calls(page))]


class Reader:
    """Somebody who follows a page, and keeps what he is answered for what comes next."""

    def __init__(self, anybody: Caller, **keys: str) -> None:
        self._anybody = anybody
        self._known = keys
        self._accounts: list[str] = []

    async def call(self, said: Said) -> tuple[int, str]:
        headers = {name: self._filled_in(value) for name, value in said.headers.items()}
        body = None if said.body is None else self._filled_in(said.body).encode()
        method = "GET" if body is None else "POST"
        answer = await self._anybody.send(method, self._filled_in(said.path), body, headers)
        if answer.status < 300:
            self._learn(answer.json)
        return answer.status, answer.raw.decode()

    def _filled_in(self, text: str) -> str:
        return Template(text).substitute(self._known).replace("pay_...", self._known["PAYMENT"])

    def _learn(self, told: dict[str, Any]) -> None:
        names = {"pay": "PAYMENT", "int": "INTENT", "acc": "ACCOUNT"}
        if name := names.get(told["id"][:3]):
            self._known[name] = told["id"]
        if name == "ACCOUNT":
            self._accounts.append(told["id"])
            self._known |= dict(zip(("TILL", "WALLET"), self._accounts, strict=False))
        if "client_secret" in told:
            self._known["CLIENT_SECRET"] = told["client_secret"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
async def test_every_call_a_page_shows_is_answered(
    page: Path, anybody: Caller, seller: Caller, operator: Caller
) -> None:
    assert seller.key is not None
    assert operator.key is not None
    reader = Reader(
        anybody,
        TALLYSTICK_API_KEY=seller.key,
        TALLYSTICK_KEY=seller.key,
        OPERATOR_KEY=operator.key,
        PAYMENT="pay_...",
    )
    for said in calls(page):
        status, told = await reader.call(said)
        if SOMEBODY_S in (said.body or ""):
            assert status in (403, 404, 422), told  # the call is a sound one, only his is not here
            assert "invalid_fields" not in told
        else:
            assert status in (200, 201), f"{said.path}: {told}"


def test_the_pages_with_calls_are_found() -> None:
    assert {"README", "first-payment", "take-the-ledger-alone", "api"} <= {p.stem for p in PAGES}
