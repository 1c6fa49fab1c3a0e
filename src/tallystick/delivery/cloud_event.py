"""A fact as one JSON document: CloudEvents 1.0, structured, of the very message on the bus."""

from typing import Final
from uuid import UUID

from msgspec import Raw, Struct, convert

from tallystick.delivery.messages import Message

ATTRIBUTE: Final = "ce_"


class CloudEvent(Struct, frozen=True, omit_defaults=True):
    """`subject` is the id of what it happened to, `sequence` the event's number in its life, from
    1 without a gap; `data` is as on the bus, and `dataschema` names its schema.
    """

    id: UUID
    type: str
    subject: str
    sequence: str
    time: str
    source: str
    dataschema: str
    data: Raw
    specversion: str
    requestid: str | None = None
    datacontenttype: str = "application/json"


def cloud_event(message: Message) -> CloudEvent:
    """The message's headers and value as one."""
    named = [(name, value) for name, value in message.headers if name.startswith(ATTRIBUTE)]
    told = {name.removeprefix(ATTRIBUTE): value for name, value in named}
    return convert(told | {"data": Raw(message.value)}, CloudEvent)
