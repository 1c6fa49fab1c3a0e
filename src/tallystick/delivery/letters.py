"""Dead letters for a person: list them, look at one, let them be tried anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.delivery import store
from tallystick.delivery.model import DeadLetter, LetterNotFound
from tallystick.delivery.notebook import Notebook
from tallystick.platform.clock import Clock
from tallystick.platform.postgres.pools import Database

OPEN: Final = ("dead", "retrying", "held")
STATUSES: Final = (*OPEN, "delivered")
LETTERS_MAX: Final = 1_000


class Redrive(Struct, frozen=True):
    """Dead letters that are tried anew, and how many facts wait behind each."""

    letters: tuple[DeadLetter, ...]
    held: tuple[int, ...]


@dataclass(frozen=True)
class DeadLetters:
    """The verbs of letters."""

    database: Database
    notebook: Notebook
    clock: Clock

    async def list_letters(
        self,
        consumer: str | None = None,
        statuses: Sequence[str] = OPEN,
        limit: int = LETTERS_MAX,
    ) -> tuple[DeadLetter, ...]:
        """The newest first; of every consumer unless one is named."""
        return await store.list_letters(self.database, consumer, statuses, limit)

    async def get_letter(self, letter_id: UUID) -> DeadLetter:
        """One letter. Raises LetterNotFound."""
        letter = await store.find_letter(self.database, letter_id)
        if letter is None:
            raise LetterNotFound(f"no letter is called {letter_id}")
        return letter

    async def preview(
        self, letter_ids: Sequence[UUID] = (), consumer: str | None = None
    ) -> Redrive:
        """What a redrive would try anew: these letters, or all dead ones of a consumer, or all.

        Raises LetterNotFound.
        """
        letters = [await self.get_letter(letter_id) for letter_id in letter_ids]
        if not letter_ids:
            letters = list(await self.list_letters(consumer, ("dead",)))
        dead = tuple(letter for letter in letters if letter.status == "dead")
        held = [len(await store.letters_behind(self.database, letter)) for letter in dead]
        return Redrive(dead, tuple(held))

    async def redrive(
        self, letter_ids: Sequence[UUID] = (), consumer: str | None = None
    ) -> Redrive:
        """Let dead letters be tried anew by the worker's next round; what is held back behind
        them follows. What had its effect meanwhile has no second one.

        Raises LetterNotFound.
        """
        chosen = await self.preview(letter_ids, consumer)
        async with self.notebook.writing() as connection:
            names = [letter.id for letter in chosen.letters]
            await store.redrive_letters(connection, names, self.clock.now())
        return chosen
