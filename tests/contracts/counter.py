"""A provider under contract: orders with fresh references, and its own book to check against."""

import itertools
from datetime import UTC, datetime

from tallystick.rails import (
    AuthorizeOrder,
    CaptureOrder,
    Outcome,
    Rails,
    RefundOrder,
    VoidOrder,
)
from tallystick.sandbox import BankBook, standings
from tallystick.sandbox.rules import Standing

_numbers = itertools.count(1)


class Counter:
    """Asks one provider through the rails."""

    def __init__(self, rails: Rails, route: str, book: BankBook) -> None:
        self.rails = rails
        self.route = route
        self.book = book

    def fresh(self) -> str:
        return f"pay_{next(_numbers)}-a1"

    async def authorize(
        self,
        reference: str,
        token: str = "tok_visa",
        amount_minor: int = 1_000,
        *,
        challenge: bool = False,
    ) -> Outcome:
        order = AuthorizeOrder(
            route=self.route,
            reference=reference,
            amount_minor=amount_minor,
            currency="INR",
            token=token,
            merchant="mer_1",
            challenge=challenge,
            return_url="https://shop.example/paid" if challenge else None,
        )
        return await self.rails.authorize(order)

    async def capture(
        self, authorization: str, reference: str, amount_minor: int, *, final: bool = True
    ) -> Outcome:
        order = CaptureOrder(
            route=self.route,
            reference=reference,
            authorization_reference=authorization,
            amount_minor=amount_minor,
            currency="INR",
            final=final,
        )
        return await self.rails.capture(order)

    async def void(self, authorization: str, reference: str) -> Outcome:
        order = VoidOrder(
            route=self.route, reference=reference, authorization_reference=authorization
        )
        return await self.rails.void(order)

    async def refund(self, authorization: str, reference: str, amount_minor: int) -> Outcome:
        order = RefundOrder(
            route=self.route,
            reference=reference,
            authorization_reference=authorization,
            amount_minor=amount_minor,
            currency="INR",
        )
        return await self.rails.refund(order)

    async def find(self, reference: str) -> Outcome:
        return await self.rails.find(self.route, reference)

    async def moved(self, authorization: str) -> tuple[int, int]:
        """What the provider's own book says was taken and given back."""
        standing = await self.standing(authorization)
        return standing.captured_minor, standing.refunded_minor

    async def standing(self, authorization: str) -> Standing:
        """How the provider's own book sees it; an empty standing when it never heard of it."""
        book = standings(await self.book.operations(), datetime.max.replace(tzinfo=UTC))
        return book.get(authorization, Standing())
