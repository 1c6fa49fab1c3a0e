"""A list asks for what is narrowed and for nothing else, so that each question has its index."""

from datetime import UTC, datetime
from uuid import UUID

from tallystick.platform.postgres.latest import Latest

AT, ID = datetime(2026, 3, 2, tzinfo=UTC), UUID(int=7)
ORDER = ("created_at", "id")


def test_what_has_no_value_is_left_out() -> None:
    sql, values = Latest(ORDER, {"a = {}": None, "b = {}": 2}, None, 50).of("SELECT * FROM t")

    assert sql == "SELECT * FROM t WHERE b = $1 ORDER BY created_at DESC, id DESC LIMIT $2"
    assert values == [2, 50]


def test_a_page_goes_on_behind_its_last_row() -> None:
    sql, values = Latest(ORDER, {}, (AT, ID), 50).of("SELECT * FROM t")

    assert "WHERE (created_at, id) < ($1, $2) ORDER BY" in sql
    assert values == [AT, ID, 50]


def test_either_side_is_a_walk_of_its_own() -> None:
    sql, values = Latest(ORDER, {"b = {}": 2}, None, 50).of_either("SELECT * FROM t", "xy", [ID])

    for side in "xy":
        assert f"(SELECT * FROM t WHERE {side} = mine.id AND b = $2 ORDER BY" in sql
    assert values == [[ID], 2, 50, 50]


def test_everybodys_needs_no_walks() -> None:
    latest = Latest(ORDER, {}, None, 50)

    assert latest.of_either("SELECT * FROM t", "xy", None) == latest.of("SELECT * FROM t")
