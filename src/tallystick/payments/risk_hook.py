"""The place where somebody may say no to a payment before a bank hears of it.

The hook is handed down by the hall; without rules everything is permitted. Whoever decides is told
the terms and nothing else, and a "no" leaves no trace but its claim's absence: nothing was asked.
"""

from collections.abc import Awaitable, Callable

from tallystick.payments.decisions import Terms

Assess = Callable[[Terms], Awaitable[str | None]]
"""Why these terms are blocked, in a word; None when nothing speaks against them."""


async def permit(_terms: Terms) -> str | None:
    """Nothing speaks against anything."""
    return None
