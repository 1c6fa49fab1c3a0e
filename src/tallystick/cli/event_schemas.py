"""The schema of every kind of event that is told outside, from whatever room it comes."""

from typing import Any

from msgspec import Struct

from tallystick.app import PROJECTIONS
from tallystick.books import FACT_KINDS
from tallystick.delivery import RECORDED, RecordedEvent, Topics, schema_of
from tallystick.journal import ACCOUNT_KINDS


def fact_kinds() -> dict[str, type[Struct]]:
    """Every kind of fact, and the struct that is its data."""
    found: dict[str, type[Struct]] = {**ACCOUNT_KINDS, **FACT_KINDS}
    for projection in PROJECTIONS:
        found |= projection.kinds
    return found


def told_kinds() -> dict[str, type[Struct]]:
    """Every kind that is told on a topic, and the struct of its value, by name."""
    topics, found = Topics(), fact_kinds()
    found[RECORDED] = RecordedEvent
    return {kind: found[kind] for kind in sorted(found) if topics.of(kind)}


def told_schemas() -> dict[str, dict[str, Any]]:
    """The schemas of their values."""
    return {kind: schema_of(kind, value) for kind, value in told_kinds().items()}
