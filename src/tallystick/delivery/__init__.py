"""Delivery: the log goes out, to consumers within the house and to the bus beyond it.

Promises: no fact is skipped, however late its transaction commits; a fact has its effect once for
each consumer, whoever delivers it and how often; the facts of one aggregate have theirs in their
order; what cannot be delivered waits where a person can see it, and keeps back only what comes
after it in its own aggregate.
Tables: `delivery_positions`, `delivery_leases`, `dead_letters`; it reads the journal's.
"""

from tallystick.delivery.cloud_event import CloudEvent
from tallystick.delivery.delivery import Delivery
from tallystick.delivery.events import EventPage
from tallystick.delivery.kafka import BusDown, NoBrokers, ensure_topics
from tallystick.delivery.model import Consumer, DeadLetter, LetterNotFound, LoggedFact, Wanted
from tallystick.delivery.recorded_event import RecordedEvent as RecordedEvent
from tallystick.delivery.schema_registry import register_schemas as register_schemas
from tallystick.delivery.schemas import schema_of as schema_of
from tallystick.delivery.topics import RECORDED as RECORDED
from tallystick.delivery.topics import Topics

__all__ = [
    "BusDown",
    "CloudEvent",
    "Consumer",
    "DeadLetter",
    "Delivery",
    "EventPage",
    "LetterNotFound",
    "LoggedFact",
    "NoBrokers",
    "Topics",
    "Wanted",
    "ensure_topics",
]
