"""Routes are chosen by priority among those that can take the payment."""

import pytest

from tallystick.rails import Route
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
