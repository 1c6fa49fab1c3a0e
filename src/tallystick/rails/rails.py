"""The rails as the rest of the house uses them: choose a route, ask, find."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic

from tallystick.platform.crash import crash_point
from tallystick.platform.settings import Settings
from tallystick.rails import errors, routing
from tallystick.rails.configured import configured_routes
from tallystick.rails.disputes import Acceptance, Dispute, Evidence, Seen
from tallystick.rails.model import (
    AuthorizeOrder,
    CaptureOrder,
    Outcome,
    RefundOrder,
    Route,
    Unanswered,
    VoidOrder,
)
from tallystick.rails.payouts import PayOutOrder, Returned
from tallystick.rails.providers import (
    PROVIDERS,
    Disputes,
    OwnRoute,
    PaysOut,
    Provider,
    TellsDisputes,
)
from tallystick.rails.providers.line import Line, open_session
from tallystick.rails.standings import Standings

_TELLS_NONE = Unanswered("provider_tells_no_disputes")


class UnknownRoute(LookupError):
    """No route has this name (any more, if it was configured once)."""

    code = "route_unavailable"


class UnknownProvider(LookupError):
    """A route names a provider that nobody has written."""

    code = "unknown_provider"


class RouteNameTaken(ValueError):
    """The settings give a route the name of one of the house's own."""

    code = "route_name_taken"


@dataclass(frozen=True)
class Rails:
    """All routes and, by route, who speaks to the provider. Opened by `Rails.open`.

    The orders never raise for what a provider does or fails to do: that is an Outcome.
    """

    routes: tuple[Route, ...]
    providers: Mapping[str, Provider]
    standings: Standings = field(default_factory=Standings)

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

    @classmethod
    def configured(cls, settings: Settings) -> AbstractAsyncContextManager["Rails"]:
        """Rails over the configured routes. Raises SandboxUnknown, UnknownProvider."""
        return cls.open(configured_routes(settings), timeout_ms=settings.provider_timeout_ms)

    def joined_by(self, own: OwnRoute) -> "Rails":
        """These rails and a route of the house's own. Raises RouteNameTaken."""
        if own.route.name in self.providers:
            raise RouteNameTaken(f"no configured route is called {own.route.name}: it is our own")
        providers = {**self.providers, own.route.name: own}
        return Rails((*self.routes, own.route), providers, self.standings)

    def choose(
        self, amount_minor: int, currency: str, method: str, *, wish: str = "balanced"
    ) -> tuple[Route, ...]:
        """The routes that can take this payment, best first by its priority (`routing.choose`)."""
        standings = self.standings.at(monotonic())
        return routing.choose(
            self.routes, amount_minor, currency, method, wish=wish, standings=standings
        )

    async def authorize(self, order: AuthorizeOrder) -> Outcome:
        provider, began_s = self._provider(order.route), monotonic()
        outcome = await provider.authorize(order)
        self.standings.note(order.route, outcome, began_s=began_s, now_s=monotonic())
        return _after_ask(outcome)

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

    # Payouts ----------------------------------------------------------------------------------

    def choose_for_payout(self, amount_minor: int, currency: str, method: str) -> tuple[Route, ...]:
        """The routes whose provider pays out this way (`bank_account`, `upi`), best first."""
        routes = routing.choose_for_payout(self.routes, amount_minor, currency)
        payers = ((route, self._payer(route.name)) for route in routes)
        return tuple(route for route, payer in payers if payer and method in payer.pays_out_to)

    async def pay_out(self, order: PayOutOrder) -> Outcome:
        """Pay somebody; the same order may be put again under its reference, and happens once."""
        provider = self._payer(order.route)
        if provider is None:
            return Unanswered("provider_pays_nobody")
        return _after_ask(await provider.pay_out(order))

    async def find_payout(self, route: str, reference: str) -> Outcome | Returned:
        """What became of a payout, by our reference; as `find`."""
        provider = self._payer(route)
        if provider is None:
            return Unanswered("provider_pays_nobody")
        return await provider.find_payout(reference)

    def _payer(self, route: str) -> PaysOut | None:
        provider = self._provider(route)
        return provider if isinstance(provider, PaysOut) else None

    # Disputes ---------------------------------------------------------------------------------

    @property
    def telling_disputes(self) -> tuple[str, ...]:
        """The routes whose provider tells of disputes."""
        told = (route.name for route in self.routes)
        return tuple(name for name in told if self._disputes(name) is not None)

    async def list_disputes(self, route: str, after: int) -> tuple[Dispute, ...] | Unanswered:
        """The next disputes behind this place, in the order of their opening; empty: no more."""
        disputes = self._disputes(route)
        return _TELLS_NONE if disputes is None else await disputes.list_after(after)

    async def find_dispute(self, route: str, dispute_id: str) -> Seen:
        """How a dispute stands, by the provider's own id. Raises UnknownRoute."""
        disputes = self._disputes(route)
        return _TELLS_NONE if disputes is None else await disputes.find(dispute_id)

    async def answer_dispute(self, answer: Evidence | Acceptance) -> Seen:
        """Contest or accept it, once; how the dispute stands then. Raises UnknownRoute."""
        disputes = self._disputes(answer.route)
        if disputes is None:
            return _TELLS_NONE
        if isinstance(answer, Evidence):
            seen = await disputes.give_evidence(answer)
        else:
            seen = await disputes.accept(answer)
        crash_point("rails.after_ask")
        return seen

    def _disputes(self, route: str) -> Disputes | None:
        provider = self._provider(route)
        return provider.disputes if isinstance(provider, TellsDisputes) else None

    @staticmethod
    def customer_text(code: str) -> str:
        """What the payer, or the payee, may read about a decline of ours."""
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
