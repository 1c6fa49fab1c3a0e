"""A wallet under contract: orders about it with fresh references, asked of the rail itself."""

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from tallystick.platform.ids import typeid
from tallystick.platform.settings import load_settings
from tallystick.rails import (
    AuthorizeOrder,
    CaptureOrder,
    Outcome,
    RefundOrder,
    VoidOrder,
)
from tallystick.wallets.rail import ROUTE, WalletRail
from tallystick.wallets.rail.orders import Standing
from tallystick.wallets.rail.store import list_orders
from tests.wallets.till import Till

_numbers = itertools.count(1)
TTL = timedelta(days=7)
SETTINGS = load_settings(env_file=None, authorization_ttl_s=7 * 86_400, currencies=("INR", "USD"))


@dataclass(frozen=True)
class WalletCounter:
    """Asks the rail about one wallet, with fresh references."""

    rail: WalletRail
    wallet_id: UUID
    merchant_id: UUID

    def fresh(self) -> str:
        return f"pay_{next(_numbers)}-a1"

    async def authorize(
        self, reference: str, amount_minor: int = 600, *, capture: bool = False, **other: Any
    ) -> Outcome:
        order: dict[str, Any] = {
            "route": ROUTE,
            "reference": reference,
            "amount_minor": amount_minor,
            "currency": "INR",
            "token": typeid("wal", self.wallet_id),
            "capture": capture,
            "merchant": typeid("mer", self.merchant_id),
        }
        return await self.rail.authorize(AuthorizeOrder(**(order | other)))

    async def capture(
        self, authorization: str, reference: str, amount_minor: int, *, final: bool = False
    ) -> Outcome:
        order = CaptureOrder(
            route=ROUTE,
            reference=reference,
            authorization_reference=authorization,
            amount_minor=amount_minor,
            currency="INR",
            final=final,
        )
        return await self.rail.capture(order)

    async def void(self, authorization: str, reference: str) -> Outcome:
        return await self.rail.void(
            VoidOrder(route=ROUTE, reference=reference, authorization_reference=authorization)
        )

    async def refund(self, authorization: str, reference: str, amount_minor: int) -> Outcome:
        order = RefundOrder(
            route=ROUTE,
            reference=reference,
            authorization_reference=authorization,
            amount_minor=amount_minor,
            currency="INR",
        )
        return await self.rail.refund(order)

    async def find(self, reference: str) -> Outcome:
        return await self.rail.find(reference)

    async def moved(self, authorization: str) -> tuple[int, int]:
        """What the rail's own book says was taken and given back."""
        orders = await list_orders(self.rail.wallets.database, authorization)
        standing = Standing.of(orders)
        return standing.captured_minor, standing.refunded_minor


def counter_of(till: Till, wallet_id: UUID, merchant_id: UUID) -> WalletCounter:
    route = WalletRail.over(till.wallets, SETTINGS).route
    return WalletCounter(WalletRail(till.wallets, route, TTL), wallet_id, merchant_id)
