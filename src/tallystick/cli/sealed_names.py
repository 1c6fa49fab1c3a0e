"""Names as a list shows them: one that cannot be read must not hide the others."""

from collections.abc import Awaitable

ERASED = "erased"
CHANGED = "changed since it was sealed"


async def readable(opening: Awaitable[str | None]) -> str:
    """The name, or what became of it."""
    from tallystick.journal import SealTampered

    try:
        return await opening or ERASED
    except SealTampered:
        return CHANGED
