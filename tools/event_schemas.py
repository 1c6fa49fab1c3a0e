"""Writes a JSON Schema for every kind of event, and the AsyncAPI document of all topics.

    python -m tools.event_schemas

A kind's schema of one version may grow by fields and nothing else: whoever reads that version must
be able to read what is written tomorrow. Anything else needs a new `schema_version`, and this tool
refuses to write it under the old one. A test compares the files with the code.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from tallystick.cli.event_schemas import told_kinds, told_schemas
from tallystick.delivery.schemas import VERSION
from tallystick.delivery.topics import Topics

REFERENCE: Final = Path(__file__).parents[1] / "docs" / "reference"
FOLDER: Final = REFERENCE / "events"
ASYNCAPI: Final = REFERENCE / "asyncapi.json"
TOPICS: Final = Topics()
NAMES_ELSEWHERE: Final = {
    "PaymentCreated": "payment.initiated",
    "PaymentCompleted": "payment.captured",
    "PAYMENT_COMPLETED": "payment.captured",
    "PAYMENT_FAILED": "payment.failed",
    "SUCCESS": "payment.captured",
}
"""What the documents call events, and what they are called here."""
_SAID: Final = {
    TOPICS.recorded: "Payments made elsewhere, as document 000's PaymentRecordedEvent; the key is "
    "the payment's reference.",
    "payment-events": "Payments through our rails and what belongs to them; the key is the id of "
    "what it happened to.",
    "ledger.events": "Accounts, transfers and exchange; the key is the id of what it happened to.",
    "wallet.events": "Wallets, holds, escrows, payouts; the key is the id of what it happened to.",
}


def broken_promises(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What a reader of the old schema would miss or misread in what the new one allows."""
    then, now = old.get("$defs", {}), new.get("$defs", {})
    for name, definition in then.items():
        if name not in now:
            yield f"{name} is gone"
            continue
        before, after = definition.get("properties", {}), now[name].get("properties", {})
        for field, kind in before.items():
            if field not in after:
                yield f"{name}.{field} is gone"
            elif _plain(kind) != _plain(after[field]):
                yield f"{name}.{field} is of another type"
        for field in definition.get("required", ()):
            if field in after and field not in now[name].get("required", ()):
                yield f"{name}.{field} may be missing now"


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The type alone: a default or a sentence about it binds nobody."""
    return {key: value for key, value in schema.items() if key not in ("default", "description")}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document: every topic, and every kind that is told there."""
    kinds = told_kinds()
    channels = {
        topic: {
            "address": topic,
            "description": said,
            "messages": {
                kind: {"$ref": f"#/components/messages/{kind}"}
                for kind in kinds
                if TOPICS.of(kind) == topic
            },
        }
        for topic, said in _SAID.items()
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tallystick",
            "version": str(VERSION),
            "description": "Facts of the log on Kafka, at least once, in the order of their "
            "aggregate. CloudEvents attributes stand in the headers (binary mode); drop repeats "
            "by ce_id.",
            "x-names-elsewhere": NAMES_ELSEWHERE,
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": {
            f"tell-{topic}": {"action": "send", "channel": {"$ref": f"#/channels/{topic}"}}
            for topic in channels
        },
        "components": {
            "messages": {kind: _message(kind) for kind in kinds},
            "messageTraits": {"cloudEvent": {"headers": _headers()}},
        },
    }


def _message(kind: str) -> dict[str, Any]:
    return {
        "name": kind,
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {"$ref": f"events/{kind}.v{VERSION}.json"},
    }


def _headers() -> dict[str, Any]:
    text = {"type": "string"}
    names = ("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject")
    named = (*names, "ce_dataschema", "ce_sequence", "event-type", "source-service")
    properties = dict.fromkeys((*named, "ce_requestid", "content-type"), text)
    return {"type": "object", "properties": properties, "required": list(named)}


def text_of(document: Mapping[str, Any]) -> str:
    """A document as it stands in its file."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def files() -> dict[Path, str]:
    """Every file and its text."""
    texts = {
        FOLDER / f"{kind}.v{VERSION}.json": text_of(schema)
        for kind, schema in told_schemas().items()
    }
    return texts | {ASYNCAPI: text_of(asyncapi())}


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    faults = []
    for path, text in files().items():
        if path.exists() and path != ASYNCAPI:
            old, new = msgspec.json.decode(path.read_bytes()), msgspec.json.decode(text)
            faults += [f"{path.name}: {fault}" for fault in broken_promises(old, new)]
    if faults:
        print("\n".join([*faults, "these need a new schema_version"]), file=sys.stderr)
        return 1
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
