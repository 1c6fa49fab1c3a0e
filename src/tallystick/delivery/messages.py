"""A fact as a message on the bus: key, value and headers. Pure.

The attributes of CloudEvents 1.0 stand in the headers (the Kafka binding's binary mode), beside
the two that document 000 asks for. The value is the fact's data, letter by letter as the log has
it; on the topic of recorded payments it is document 000's event.
"""

from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.delivery.model import LoggedFact, fact_id
from tallystick.delivery.recorded_event import javascript_time, recorded_event
from tallystick.delivery.topics import RECORDED, Topics

SOURCE: Final = "payment-service"
ID: Final = "ce_id"
SUBJECT: Final = "ce_subject"
SEQUENCE: Final = "ce_sequence"
Headers = list[tuple[str, str | bytes | None]]
_FIXED: Final[Headers] = [
    ("content-type", "application/json"),
    ("ce_specversion", "1.0"),
    ("ce_source", f"/{SOURCE}"),
    ("source-service", SOURCE),
]


class Message(Struct, frozen=True, gc=False):
    """What the bus carries."""

    topic: str
    key: str
    value: bytes
    headers: Headers


def message_of(fact: LoggedFact, topics: Topics) -> Message | None:
    """The message of a fact; None for what is told nowhere.

    `ce_sequence` is the fact's version in its aggregate, from 1 without a gap.
    """
    topic = topics.of(fact.kind)
    if topic is None:
        return None
    subject, event_id = str(fact.aggregate_id), str(fact_id(fact.aggregate_id, fact.version))
    at = javascript_time(fact.at)
    if fact.kind == RECORDED:
        key, value = recorded_event(fact.data, event_id=event_id, payment_id=subject, timestamp=at)
    else:
        key, value = subject, fact.data.encode()
    headers: Headers = [
        *_FIXED,
        ("event-type", fact.kind),
        ("ce_type", fact.kind),
        ("ce_dataschema", f"{fact.kind}.v{fact.schema_version}.json"),
        (ID, event_id),
        ("ce_time", at),
        (SUBJECT, subject),
        (SEQUENCE, str(fact.version)),
    ]
    if fact.request_id:
        headers.append(("ce_requestid", fact.request_id))
    return Message(topic, key, value, headers)


def named_fact(
    headers: Headers | dict[str, str | bytes | None] | None,
) -> tuple[UUID, int] | None:
    """Which fact a message tells of; None when its headers are not ours."""
    told = dict(headers or ())
    try:
        aggregate_id, version = UUID(_text(told[SUBJECT])), int(_text(told[SEQUENCE]))
        event_id = UUID(_text(told[ID]))
    except (KeyError, ValueError):
        return None
    if not 0 < version < 2**31 or event_id != fact_id(aggregate_id, version):
        return None
    return aggregate_id, version


def _text(value: str | bytes | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""
