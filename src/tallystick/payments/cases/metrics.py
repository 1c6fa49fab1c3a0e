"""The gauges of what is not known: how much, since when, and what waits for a person."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from itertools import product
from typing import Final

from msgspec import Struct
from prometheus_client import CollectorRegistry, Gauge

from tallystick.payments.cases.states import CASE_KINDS_OF_WORK
from tallystick.payments.cases.store import UnknownTotal
from tallystick.platform.telemetry import REGISTRY

KINDS: Final = ("payment", "refund", "payout")
STATES: Final = ("sending", "unknown")
ELSE: Final = "else"
"""A route or currency that is in the settings no more: gone names would leave gauges behind."""


class Labels(Struct, frozen=True):
    """The routes and currencies of the settings: the gauges that always have a value."""

    routes: tuple[str, ...]
    currencies: tuple[str, ...]

    def place(self, total: UnknownTotal) -> tuple[str, str, str, str]:
        """The labels under which a total is shown."""
        route = total.route if total.route in self.routes else ELSE
        currency = total.currency if total.currency in self.currencies else ELSE
        return total.kind, route, currency, total.state

    def all(self) -> Iterable[tuple[str, str, str, str]]:
        """All labels there can be."""
        return product(KINDS, (*self.routes, ELSE), (*self.currencies, ELSE), STATES)


class UnknownMetrics:
    """What an alarm looks at. Any process may show it; the latest to do so is believed.

    Every round sets every gauge: what one process has shown, another must be able to take back.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        names = ("kind", "route", "currency", "state")
        self._count = _gauge(
            "tallystick_unknown_outcomes",
            "Payments, refunds and payouts whose outcome at the provider is not known",
            names,
            registry,
        )
        self._amount = _gauge(
            "tallystick_unknown_outcomes_amount_minor",
            "Their amounts in the currency's minor unit",
            names,
            registry,
        )
        self._age = _gauge(
            "tallystick_unknown_outcomes_oldest_age_seconds",
            "How long ago the provider was first asked about the oldest of them; 0: there is none",
            ("kind",),
            registry,
        )
        self._cases = _gauge(
            "tallystick_cases_open",
            "Operator cases that nobody knows the outcome of yet",
            ("kind",),
            registry,
        )

    def show(
        self, totals: Sequence[UnknownTotal], cases: Sequence[str], labels: Labels, now: datetime
    ) -> None:
        """Set all gauges; `cases` is the kind of work of each open case."""
        counts = dict.fromkeys(labels.all(), 0)
        amounts = dict.fromkeys(labels.all(), 0)
        ages_s = dict.fromkeys(KINDS, 0.0)
        for total in totals:
            place = labels.place(total)
            counts[place] += total.count
            amounts[place] += total.amount_minor
            age_s = (now - total.oldest_at).total_seconds()
            ages_s[total.kind] = max(ages_s[total.kind], age_s)
        for place in counts:
            self._count.labels(*place).set(counts[place])
            self._amount.labels(*place).set(amounts[place])
        for kind, age_s in ages_s.items():
            self._age.labels(kind).set(age_s)
        for work in CASE_KINDS_OF_WORK:
            self._cases.labels(work).set(cases.count(work))


def _gauge(name: str, text: str, labels: tuple[str, ...], registry: CollectorRegistry) -> Gauge:
    return Gauge(name, text, labels, registry=registry, multiprocess_mode="mostrecent")


@cache
def unknown_metrics(registry: CollectorRegistry = REGISTRY) -> UnknownMetrics:
    """The gauges in this registry, made once: it refuses a name that it knows already."""
    return UnknownMetrics(registry)
