"""Which routes can take a payment or make a payout, best first. Pure."""

from collections.abc import Iterable

from tallystick.rails.model import Route


def choose(
    routes: Iterable[Route], amount_minor: int, currency: str, method: str
) -> tuple[Route, ...]:
    """The routes that take this method, currency and amount, by priority, then by name.

    A route's largest amount itself still passes. None at all is an empty tuple.
    """
    able = [route for route in routes if _takes(route, amount_minor, currency, method)]
    return tuple(sorted(able, key=lambda route: (route.priority, route.name)))


def choose_for_payout(
    routes: Iterable[Route], amount_minor: int, currency: str
) -> tuple[Route, ...]:
    """The routes that move this currency and amount, by priority, then by name.

    What a route may be paid with says nothing about whom it can pay.
    """
    able = [route for route in routes if amount_minor <= route.max_amount_minor.get(currency, -1)]
    return tuple(sorted(able, key=lambda route: (route.priority, route.name)))


def _takes(route: Route, amount_minor: int, currency: str, method: str) -> bool:
    limit_minor = route.max_amount_minor.get(currency)
    return method in route.methods and limit_minor is not None and amount_minor <= limit_minor
