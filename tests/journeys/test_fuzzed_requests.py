"""Thousands of requests made from our own OpenAPI document, good ones and bad ones.

Schemathesis knows only the document. Whatever it sends, no answer is a fault of ours (5xx), and
none has a status, a type, a header or a shape that the document does not tell; what the document
forbids is refused, and every address that asks for a key really does. Afterwards the books prove.
"""

import asyncio
from collections import Counter
from typing import Any, Final

import pytest
import schemathesis
from schemathesis.engine import events, from_schema

from tallystick.platform.settings import Settings
from tests.servers.http_client import Caller
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio

# A merchant's addresses, and those of an operator and of anybody.
TILL: Final = "^/api/v1/(intents|payments|refunds)"
DESK: Final = "^(?!/api/v1/(intents|payments|refunds))"
# A rule of business may refuse what the document allows: an intent that is cancelled already.
NOT_CHECKED: Final = {"positive_data_acceptance": {"enabled": False}}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Unsigned webhooks, so that their bodies are judged."""
    return settings.model_copy(update={"webhook_auth_enabled": False, "claim_patience_ms": 100})


@pytest.mark.parametrize("addresses", [TILL, DESK])
async def test_no_answer_is_a_fault_or_a_surprise(platform: Platform, addresses: str) -> None:
    """Money's addresses in every phase; the others without the systematic one, which is long."""
    caller = platform.till if addresses == TILL else platform.operator

    told = await asyncio.to_thread(
        fuzz, platform.base_url, caller, addresses, examples=3, systematic=addresses == TILL
    )

    print(f"seed 1: {told.statuses.total()} requests, {dict(told.statuses)}")  # noqa: T201
    assert not told.faults, told.complaint
    assert told.statuses.total() > 400
    assert {200, 401, 404, 422} <= set(told.statuses)
    await withdraw_assertions(platform.operator)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2])
async def test_nor_in_the_long_run(platform: Platform, seed: int) -> None:
    seen: Counter[int] = Counter()
    for addresses, caller in ((TILL, platform.till), (DESK, platform.operator)):
        told = await asyncio.to_thread(
            fuzz, platform.base_url, caller, addresses, examples=90, seed=seed
        )
        seen += told.statuses
        print(f"seed {seed}: {told.statuses.total()} requests, {dict(told.statuses)}")  # noqa: T201
        assert not told.faults, told.complaint
    assert seen.total() >= 20_000
    await withdraw_assertions(platform.operator)


async def withdraw_assertions(operator: Caller) -> None:
    """What was asserted at random is wrong, and no proof should accept it."""
    place = "/api/v1/books/assertions"
    cursor: str | None = ""
    while cursor is not None:
        page = (await operator.get(f"{place}?limit=200{cursor and f'&cursor={cursor}'}")).json
        for assertion in page["data"]:
            if assertion["withdrawn_at"] is None:
                answer = await operator.post(f"{place}/{assertion['id']}/withdraw")
                assert answer.status == 200, answer.raw
        cursor = page["next_cursor"]


class Told:
    """What a run found: how often each status came, and each sort of fault with an example."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.faults: dict[str, str] = {}

    @property
    def complaint(self) -> str:
        """Every sort of fault with its example, in full."""
        return "\n\n".join(f"{name}\n{fault}" for name, fault in self.faults.items())

    def learn(self, event: events.EngineEvent) -> None:
        if isinstance(event, events.NonFatalError | events.FatalError):
            self.faults[type(event).__name__] = repr(event)
        if not isinstance(event, events.ScenarioFinished):
            return
        recorder = event.recorder
        for interaction in recorder.interactions.values():
            if interaction.response is None:
                self.faults["no answer"] = recorder.label
            else:
                self.statuses[interaction.response.status_code] += 1
        for case_id, checks in recorder.checks.items():
            for check in checks:
                if check.failure_info is not None:
                    command = recorder.cases[case_id].value.as_curl_command()
                    fault = f"{check.failure_info.failure}\n{command}"
                    self.faults.setdefault(f"{check.name}: {recorder.label}", fault)


def fuzz(
    base_url: str,
    caller: Caller,
    addresses: str,
    *,
    examples: int,
    seed: int = 1,
    systematic: bool = True,
) -> Told:
    """Run the phases against these addresses; `examples` is for each operation.

    The systematic phase goes through every limit of every field, one at a time.
    """
    config: dict[str, Any] = {
        "seed": seed,
        "base-url": base_url,
        "headers": {"Authorization": f"Bearer {caller.api_key}"},
        "generation": {
            "mode": "all",
            "max-examples": examples,
            "deterministic": seed == 1,
            "no-shrink": True,
            "database": "none",
        },
        "phases": {"coverage": {"enabled": systematic}},
        "checks": NOT_CHECKED,
        "continue-on-failure": True,
        "warnings": False,
    }
    schema = schemathesis.openapi.from_url(
        f"{base_url}/openapi.json", config=schemathesis.Config.from_dict(config)
    )
    told = Told()
    for event in from_schema(schema.include(path_regex=addresses)).execute():
        told.learn(event)
    return told
