"""Which routes can take a payment or make a payout, best first. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from tallystick.rails.model import Route, Standing

_UNTRIED: Final = Standing()
_ANSWERS_ENOUGH: Final = 0.5


def choose(
    routes: Iterable[Route],
    amount_minor: int,
    currency: str,
    method: str,
    *,
    wish: str = "balanced",
    standings: Mapping[str, Standing] | None = None,
) -> tuple[Route, ...]:
    """The routes that take this method, currency and amount, best first.

    Best is what the payment's `priority` (here `wish`, as routes have a priority of their own)
    says: `cost`, the smallest fee; `speed`, the quickest of late, after which come those that
    leave most asks unanswered; `reliability`, the largest share of answers of late, in tenths;
    anything else, the order that the settings give. That order also decides where two are equal,
    then the name. `standings`, by name, may lack a route: an untried one is thought well of, so
    that it is tried. A route's largest amount itself still passes. None at all is an empty tuple.
    """
    able = [route for route in routes if _takes(route, amount_minor, currency, method)]
    if len(able) > 1 and (rank := _RANKS.get(wish)):
        known = standings or {}
        able.sort(key=lambda route: (rank(route, known.get(route.name, _UNTRIED)), *_given(route)))
        return tuple(able)
    return tuple(sorted(able, key=_given))


def choose_for_payout(
    routes: Iterable[Route], amount_minor: int, currency: str
) -> tuple[Route, ...]:
    """The routes that move this currency and amount, by priority, then by name.

    What a route may be paid with says nothing about whom it can pay.
    """
    able = [route for route in routes if amount_minor <= route.max_amount_minor.get(currency, -1)]
    return tuple(sorted(able, key=_given))


def _takes(route: Route, amount_minor: int, currency: str, method: str) -> bool:
    limit_minor = route.max_amount_minor.get(currency)
    return method in route.methods and limit_minor is not None and amount_minor <= limit_minor


def _given(route: Route) -> tuple[int, str]:
    return route.priority, route.name


def _cost(route: Route, _standing: Standing) -> int:
    return route.fee_bp


def _delay(_route: Route, standing: Standing) -> tuple[bool, float]:
    # A route that is down refuses in no time.
    return standing.answered < _ANSWERS_ENOUGH, standing.delay_ms


def _silence(_route: Route, standing: Standing) -> int:
    return -round(standing.answered * 10)


_RANKS: Final[Mapping[str, Callable[[Route, Standing], Any]]] = {
    "cost": _cost,
    "speed": _delay,
    "reliability": _silence,
}
