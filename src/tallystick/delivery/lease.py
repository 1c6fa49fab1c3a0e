"""Who reads: one process at a time under each name, so that the order of an aggregate is kept.

Correctness does not hang on it: effects are claimed, and a former holder can move no position.
It keeps two processes from doing the same work, and the order from being mixed.
"""

import time
import uuid
from dataclasses import dataclass, field
from typing import Final

from tallystick.delivery import store
from tallystick.delivery.model import LeaseLost
from tallystick.delivery.notebook import Notebook

LEASE_S: Final = 5.0


@dataclass
class Lease:
    """The right to read under one name, renewed while it is used."""

    notebook: Notebook
    reader: str
    ttl_s: float = LEASE_S
    holder: uuid.UUID = field(default_factory=uuid.uuid4)
    _fence: int | None = None
    _renew_at_s: float = 0.0

    async def held(self) -> bool:
        """Whether it is ours now, taken or renewed if need be."""
        if self._fence is not None and time.monotonic() < self._renew_at_s:
            return True
        began_s = time.monotonic()
        async with self.notebook.writing() as connection:
            self._fence = await store.take_lease(connection, self.reader, self.holder, self.ttl_s)
        self._renew_at_s = began_s + self.ttl_s / 3
        return self._fence is not None

    @property
    def token(self) -> tuple[uuid.UUID, int]:
        """What a position is moved with. Raises LeaseLost."""
        if self._fence is None:
            raise LeaseLost(f"{self.reader} is read by another process")
        return self.holder, self._fence

    def lose(self) -> None:
        """Somebody else has it."""
        self._fence = None

    async def give_back(self) -> None:
        """Let the next one read at once."""
        if self._fence is not None:
            self._fence = None
            async with self.notebook.writing() as connection:
                await store.give_back_lease(connection, self.reader, self.holder)
