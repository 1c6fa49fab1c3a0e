"""The first layer: references this process has seen lately. It is asked for every report."""

from collections.abc import Mapping
from time import monotonic
from typing import Final
from uuid import UUID

from cachetools import LRUCache

REMEMBERED_MAX: Final = 10_000
REMEMBERED_S: Final = 3_600  # document 000's


class Memory:
    """At most `size` payments by their reference: whichever was asked for last is kept longest.

    Each is believed for an hour. With size 0 nothing is kept.
    """

    def __init__(self, size: int) -> None:
        self._known: LRUCache[str, tuple[UUID, float]] = LRUCache(size)

    def __len__(self) -> int:
        return len(self._known)

    def get(self, reference: str) -> UUID | None:
        """The payment that has `reference`, if it is remembered."""
        known = self._known.get(reference)
        if known is None:
            return None
        payment_id, until_s = known
        if until_s < monotonic():
            del self._known[reference]
            return None
        return payment_id

    def update(self, payments: Mapping[str, UUID]) -> None:
        """Remember these, the last one longest."""
        if self._known.maxsize:
            until_s = monotonic() + REMEMBERED_S
            self._known.update({name: (found, until_s) for name, found in payments.items()})

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()
