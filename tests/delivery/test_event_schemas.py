"""Every kind of event has its schema, the schemas are the code's, and a version only ever grows."""

import json
from typing import Any

import msgspec
import pytest

from tallystick.cli.event_schemas import fact_kinds, told_kinds
from tallystick.delivery.topics import FAMILIES, Topics
from tallystick.journal.log import ACCOUNT_KINDS
from tools.event_schemas import ASYNCAPI, FOLDER, broken_promises, files

UNTOLD = {"api_key", "books", "dispute_feed", "recorded_month", "references"}


def test_the_files_are_what_the_code_tells() -> None:
    written = {path: path.read_text(encoding="utf-8") for path in files() if path.exists()}

    assert files() == written, "run: python -m tools.event_schemas"
    assert {path.name for path in FOLDER.iterdir()} <= {path.name for path in files()}


def test_every_kind_is_told_or_known_to_be_nobodys_business() -> None:
    families = {kind.partition(".")[0] for kind in fact_kinds()}

    assert families <= set(FAMILIES)
    assert {family for family, topic in FAMILIES.items() if topic is None} == UNTOLD
    assert set(told_kinds()) == {kind for kind in fact_kinds() if Topics().of(kind)}


def test_the_asyncapi_document_names_every_kind_on_its_topic() -> None:
    document = json.loads(ASYNCAPI.read_text(encoding="utf-8"))
    named = {
        kind: topic
        for topic, channel in document["channels"].items()
        for kind in channel["messages"]
    }

    assert named == {kind: Topics().of(kind) for kind in told_kinds()}
    for message in document["components"]["messages"].values():
        assert (ASYNCAPI.parent / message["payload"]["$ref"]).exists()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda fact: fact["properties"].pop("code"), "Open.code is gone"),
        (lambda fact: fact["properties"].update(code={"type": "integer"}), "of another type"),
        (lambda fact: fact["required"].remove("code"), "may be missing"),
    ],
)
def test_a_change_that_a_reader_would_stumble_over_is_refused(change: Any, fault: str) -> None:
    old = msgspec.json.schema(ACCOUNT_KINDS["account.opened"])
    new = msgspec.json.decode(msgspec.json.encode(old))
    change(new["$defs"]["Open"])

    assert fault in " ".join(broken_promises(old, new))


def test_a_field_more_breaks_nothing() -> None:
    old = msgspec.json.schema(ACCOUNT_KINDS["account.opened"])
    new = msgspec.json.decode(msgspec.json.encode(old))
    new["$defs"]["Open"]["properties"]["colour"] = {"type": "string"}

    assert list(broken_promises(old, new)) == []
