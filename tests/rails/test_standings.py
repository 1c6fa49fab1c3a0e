"""A route's standing is how its asks went of late."""

import pytest

from tallystick.rails import Approved, Declined, Outcome, Pending, Rails, Route, Unanswered
from tallystick.rails.model import AuthorizeOrder, Standing
from tallystick.rails.standings import FORGOTTEN_AFTER_S, LATEST_WEIGHS, Standings

ANSWERS = [
    Approved("b1"),
    Pending(),
    Declined("insufficient_funds", retryable=False, provider_code=""),
]
SILENCES = [Unanswered("timed_out"), Declined("route_busy", retryable=True, provider_code="")]


@pytest.mark.parametrize("outcome", ANSWERS)
def test_a_bank_that_says_no_has_answered(outcome: Outcome) -> None:
    standings = Standings()
    standings.note("main", outcome, began_s=1.0, now_s=1.25)

    assert standings.at(2.0) == {"main": Standing(delay_ms=250.0, answered=1.0)}


@pytest.mark.parametrize("outcome", SILENCES)
def test_a_route_that_is_busy_or_silent_has_not(outcome: Outcome) -> None:
    standings = Standings()
    standings.note("main", outcome, began_s=1.0, now_s=1.25)

    assert standings.at(2.0)["main"].answered == 0.0


def test_the_latest_ask_moves_a_standing_a_little() -> None:
    standings = Standings()
    standings.note("main", Approved("b1"), began_s=0.0, now_s=0.1)
    standings.note("main", Unanswered("timed_out"), began_s=1.0, now_s=1.3)

    found = standings.at(2.0)["main"]
    assert found.answered == pytest.approx(1 - LATEST_WEIGHS)
    assert found.delay_ms == pytest.approx(100 + LATEST_WEIGHS * 200)


def test_a_standing_nobody_has_renewed_is_forgotten() -> None:
    standings = Standings()
    standings.note("main", Unanswered("timed_out"), began_s=0.0, now_s=1.0)

    assert standings.at(1.0 + FORGOTTEN_AFTER_S)
    assert standings.at(1.5 + FORGOTTEN_AFTER_S) == {}
    standings.note("main", Approved("b1"), began_s=400.0, now_s=400.5)
    assert standings.at(401.0)["main"].answered == 1.0


@pytest.mark.anyio
async def test_rails_note_what_they_ask() -> None:
    def route(name: str, priority: int) -> Route:
        return Route(
            name=name,
            provider="hdfc_bank",
            base_url="http://127.0.0.1:1",  # nobody listens there
            priority=priority,
            max_amount_minor={"INR": 100},
            fee_bp=50,
        )

    order = AuthorizeOrder(
        route="first", reference="pay_1-a1", amount_minor=1, currency="INR", token="tok_visa"
    )
    async with Rails.open([route("first", 1), route("second", 2)], timeout_ms=1_000) as rails:
        await rails.authorize(order)

        for wish, names in (("balanced", ["first", "second"]), ("speed", ["second", "first"])):
            chosen = rails.choose(1, "INR", "card", wish=wish)
            assert [route.name for route in chosen] == names
