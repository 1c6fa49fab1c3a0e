"""Routes are chosen among those that can take the payment, as the payment wishes."""

import pytest

from tallystick.rails import Route
from tallystick.rails.model import Standing
from tallystick.rails.routing import choose

HDFC = Route(
    name="upi_hdfc",
    provider="hdfc_bank",
    base_url="http://bank",
    priority=1,
    max_amount_minor={"INR": 200_000_00, "JPY": 200_000},
    fee_bp=50,
)
ICICI = Route(
    name="upi_icici",
    provider="icici_bank",
    base_url="http://bank",
    priority=2,
    max_amount_minor={"INR": 100_000_00, "USD": 100_000_00},
    fee_bp=60,
    methods=("card", "upi"),
)

# amount, currency, method, routes in order
CASES = [
    (1, "INR", "card", ["upi_hdfc", "upi_icici"]),
    (100_000_00, "INR", "card", ["upi_hdfc", "upi_icici"]),
    (100_000_01, "INR", "card", ["upi_hdfc"]),
    (200_000_00, "INR", "card", ["upi_hdfc"]),  # Rs 2,00,000.00 passes,
    (200_000_01, "INR", "card", []),  # one paisa more is refused
    (200_000, "JPY", "card", ["upi_hdfc"]),
    (1, "USD", "card", ["upi_icici"]),
    (1, "EUR", "card", []),
    (1, "INR", "upi", ["upi_icici"]),
    (1, "INR", "wallet", []),
]


@pytest.mark.parametrize(("amount", "currency", "method", "names"), CASES)
def test_routes_that_can_take_the_payment_come_by_priority(
    amount: int, currency: str, method: str, names: list[str]
) -> None:
    for routes in ([HDFC, ICICI], [ICICI, HDFC]):
        chosen = choose(routes, amount, currency, method)
        assert [route.name for route in chosen] == names


def test_equal_priorities_are_ordered_by_name() -> None:
    twins = [
        Route(
            name=name,
            provider="hdfc_bank",
            base_url="",
            priority=1,
            max_amount_minor={"INR": 1},
            fee_bp=0,
        )
        for name in ("b", "c", "a")
    ]

    assert [route.name for route in choose(twins, 1, "INR", "card")] == ["a", "b", "c"]


def test_a_route_knows_its_currencies() -> None:
    assert HDFC.currencies == ("INR", "JPY")


CHEAP = Route(
    name="cheap",
    provider="hdfc_bank",
    base_url="",
    priority=3,
    max_amount_minor={"INR": 100},
    fee_bp=10,
)
# the payment's priority, how routes have done of late (ms, share answered), routes in order
WISHES = [
    ("balanced", {}, ["upi_hdfc", "upi_icici", "cheap"]),
    ("cost", {}, ["cheap", "upi_hdfc", "upi_icici"]),
    ("speed", {}, ["upi_hdfc", "upi_icici", "cheap"]),
    ("speed", {"upi_hdfc": (80, 1)}, ["upi_icici", "cheap", "upi_hdfc"]),
    ("speed", {"upi_hdfc": (80, 1), "upi_icici": (9, 1)}, ["cheap", "upi_icici", "upi_hdfc"]),
    ("speed", {"upi_hdfc": (1, 0.4), "cheap": (9, 1)}, ["upi_icici", "cheap", "upi_hdfc"]),
    ("reliability", {}, ["upi_hdfc", "upi_icici", "cheap"]),
    ("reliability", {"upi_hdfc": (1, 0.8)}, ["upi_icici", "cheap", "upi_hdfc"]),
    ("reliability", {"upi_hdfc": (1, 0.96)}, ["upi_hdfc", "upi_icici", "cheap"]),
]


@pytest.mark.parametrize(("wish", "of_late", "names"), WISHES)
def test_a_payment_says_what_makes_a_route_the_best(
    wish: str, of_late: dict[str, tuple[float, float]], names: list[str]
) -> None:
    standings = {name: Standing(*standing) for name, standing in of_late.items()}
    routes = [ICICI, CHEAP, HDFC]

    chosen = choose(routes, 1, "INR", "card", wish=wish, standings=standings)
    assert [route.name for route in chosen] == names


def test_no_wish_opens_a_route_that_does_not_take_the_payment() -> None:
    assert choose([HDFC, CHEAP], 101, "INR", "card", wish="cost") == (HDFC,)
