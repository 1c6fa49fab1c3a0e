"""Many payments of one kind: `tallystick payments create --count`."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tallystick.cli.api_client import ApiClient
    from tallystick.cli.progress import Advance

AT_ONCE: Final = 8
COUNT_MAX: Final = 100_000
PATIENCE_S: Final = 60.0
"""For a server that says it is busy: it is asked again, with the same key."""


async def pay_many(
    api: "ApiClient",
    path: str,
    body: dict[str, Any],
    count: int,
    *,
    key: str | None,
    tell: "Advance",
) -> dict[str, Any]:
    """Make `count` payments, each under a key of its own; how they ended.

    With the same `key` the same payments are made, and none twice. What is refused ends it all.
    Raises ApiRefused, ApiAway.
    """
    import asyncio

    base = key or os.urandom(12).hex()
    numbers = iter(range(1, count + 1))
    statuses: Counter[str] = Counter()

    async def pay_on(numbers: Iterator[int]) -> None:
        for number in numbers:
            reply = await api.post(path, body, key=f"{base}:{number}")
            statuses[reply.body["status"]] += 1
            tell(1)

    ends = await asyncio.gather(
        *(_or_stop(pay_on(numbers), numbers) for _ in range(min(AT_ONCE, count))),
        return_exceptions=True,
    )
    for end in ends:
        if end is not None:
            raise end
    return {"payments": statuses.total(), **dict(sorted(statuses.items())), "key": base}


async def _or_stop(paying: Any, numbers: Iterator[int]) -> None:
    """Whoever fails leaves nothing to do for the others."""
    try:
        await paying
    except BaseException:
        for _ in numbers:
            pass
        raise
