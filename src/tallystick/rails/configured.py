"""The routes that the settings name."""

from decimal import Decimal

from tallystick.money import Currency, Money
from tallystick.platform.settings import RouteSettings, Settings
from tallystick.rails.model import Route


class SandboxUnknown(Exception):
    """A route has no `base_url` and SANDBOX_PORT does not say where the sandbox is."""


def configured_routes(settings: Settings) -> tuple[Route, ...]:
    """The configured routes; one without an address of its own leads to the sandbox.

    Raises SandboxUnknown.
    """
    return tuple(_route(settings, route) for route in settings.payment_routes)


def _route(settings: Settings, route: RouteSettings) -> Route:
    if route.base_url is None and not settings.sandbox_port:
        raise SandboxUnknown(f"route {route.name} has no base_url: set it, or SANDBOX_PORT")
    currencies = route.currencies or settings.currencies
    return Route(
        name=route.name,
        provider=route.provider,
        base_url=route.base_url or f"http://127.0.0.1:{settings.sandbox_port}/{route.provider}",
        priority=route.priority,
        max_amount_minor={
            code: Money.from_major(route.max_amount, Currency(code)).amount_minor
            for code in currencies
        },
        fee_bp=int(route.fee_percent * Decimal(100)),
    )
