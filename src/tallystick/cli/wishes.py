"""What is wanted once: the key that says so, and the no that stands under it as a yes would."""

import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from tallystick.journal import Journal

Key = Annotated[
    str | None,
    typer.Option("--key", help="Idempotency key: the same key never does the same thing twice."),
]
_wish: Final[ContextVar[Any]] = ContextVar("wish", default=None)


def asked_here(scope: str, key: str | None, words: str) -> Any:
    """What makes a repeat with the same key answer instead of doing it again."""
    from tallystick.journal import Asked

    asked = Asked(scope=f"operator:{scope}", key=key or os.urandom(16).hex(), body=words.encode())
    if key:
        _wish.set(asked)
    return asked


async def raise_as_before(journal: "Journal", error: Exception) -> None:
    """Let this command's key remember what was refused; raise what it has been told before."""
    wish = _wish.get()
    if wish is None:
        return
    from tallystick.api import remembered

    told = await remembered(journal, wish, error)
    if told is not error:
        raise told from None
