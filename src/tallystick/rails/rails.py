"""The rails as the rest of the house uses them: choose a route, ask, find."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tallystick.platform.crash import crash_point
from tallystick.rails import errors, routing
from tallystick.rails.model import (
    AuthorizeOrder,
    CaptureOrder,
    Outcome,
    RefundOrder,
    Route,
    VoidOrder,
)
from tallystick.rails.providers import PROVIDERS, Provider
from tallystick.rails.providers.line import Line, open_session


class UnknownRoute(LookupError):
    """No route has this name (any more, if it was configured once)."""

    code = "route_unavailable"


class UnknownProvider(LookupError):
    """A route names a provider that nobody has written."""

    code = "unknown_provider"


@dataclass(frozen=True)
class Rails:
    """All routes and, by route, who speaks to the provider. Opened by `Rails.open`.

    The four orders never raise for what a provider does or fails to do: that is an Outcome.
    """

    routes: tuple[Route, ...]
    providers: Mapping[str, Provider]

    @classmethod
    @asynccontextmanager
    async def open(cls, routes: Sequence[Route], *, timeout_ms: int) -> AsyncIterator["Rails"]:
        """Rails over these routes; each exchange may take `timeout_ms`.

        Raises UnknownProvider.
        """
        async with open_session() as session:
            yield cls(
                tuple(routes),
                {
                    route.name: _maker(route)(
                        route.provider, Line(session, route.base_url, timeout_ms)
                    )
                    for route in routes
                },
            )

    def choose(self, amount_minor: int, currency: str, method: str) -> tuple[Route, ...]:
        """The routes that can take this payment, best first."""
        return routing.choose(self.routes, amount_minor, currency, method)

    async def authorize(self, order: AuthorizeOrder) -> Outcome:
        return _after_ask(await self._provider(order.route).authorize(order))

    async def capture(self, order: CaptureOrder) -> Outcome:
        return _after_ask(await self._provider(order.route).capture(order))

    async def void(self, order: VoidOrder) -> Outcome:
        return _after_ask(await self._provider(order.route).void(order))

    async def refund(self, order: RefundOrder) -> Outcome:
        return _after_ask(await self._provider(order.route).refund(order))

    async def find(self, route: str, reference: str) -> Outcome:
        """What became of an order, by our reference.

        NotFound is the provider's word that nothing was done so far; Unanswered, that it could
        not be asked. Raises UnknownRoute, as the orders do.
        """
        return await self._provider(route).find(reference)

    @staticmethod
    def customer_text(code: str) -> str:
        """What the payer may read about a decline of ours."""
        return errors.customer_text(code)

    def _provider(self, route: str) -> Provider:
        try:
            return self.providers[route]
        except KeyError:
            raise UnknownRoute(route) from None


def _maker(route: Route) -> Callable[[str, Line], Provider]:
    try:
        return PROVIDERS[route.provider]
    except KeyError:
        raise UnknownProvider(f"route {route.name}: no provider {route.provider!r}") from None


def _after_ask(outcome: Outcome) -> Outcome:
    # The worst moment to die: the provider has answered and nobody has written it down.
    crash_point("rails.after_ask")
    return outcome
