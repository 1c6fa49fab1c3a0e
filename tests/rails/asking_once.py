"""Asks hdfc_bank once, in a process that is armed to die: address and crash point are arguments."""

import asyncio
import sys

from tallystick.platform.crash import arm
from tallystick.rails import AuthorizeOrder, Rails, Route


async def ask(url: str) -> None:
    route = Route(
        name="hdfc",
        provider="hdfc_bank",
        base_url=url,
        priority=1,
        max_amount_minor={"INR": 1_000},
        fee_bp=50,
    )
    order = AuthorizeOrder(
        route="hdfc", reference="pay_1-a1", amount_minor=1_000, currency="INR", token="tok_visa"
    )
    async with Rails.open([route], timeout_ms=2_000) as rails:
        await rails.authorize(order)


if __name__ == "__main__":
    arm(sys.argv[2])
    asyncio.run(ask(sys.argv[1]))
