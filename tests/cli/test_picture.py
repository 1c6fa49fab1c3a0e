"""The live picture: calm, complete, and never wider than the terminal."""

import pytest
from msgspec.structs import replace
from rich.console import Console

from tallystick.cli.showing.figures import Figures, MoneyAt, PaymentsIn
from tallystick.cli.showing.picture import View, picture

FIGURES = Figures(
    looked_at_s=100.0,
    payments=(
        PaymentsIn("captured", 1_234, {"INR": 123_456_789}),
        PaymentsIn("failed", 12, {"INR": 99}),
    ),
    money=(
        MoneyAt("due from hdfc_bank", "debit", {"INR": 123_456_789}),
        MoneyAt("owed to merchants", "credit", {"INR": 120_000_000}),
        MoneyAt("fees earned", "credit", {"INR": 3_456_789}),
        MoneyAt("suspense", "credit", {}),
    ),
    recorded=7,
    balanced=True,
    currencies=("INR", "USD"),
)
VIEW = View(
    figures=FIGURES,
    age_s=1.4,
    uptime_s=3_723,
    per_second=3.14,
    recovered=2,
    processes={"api 1": "running", "worker": "running", "PostgreSQL": "running"},
    notices=[],
    first_payment_s=2.5,
)


def drawn(view: View, columns: int) -> list[str]:
    console = Console(width=columns, force_terminal=True, color_system=None)
    with console.capture() as captured:
        console.print(picture(view, columns))
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("columns", [80, 100, 200])
def test_every_line_fits_and_so_does_the_whole(columns: int) -> None:
    lines = drawn(replace(VIEW, notices=["a notice that is long " * 10]), columns)

    assert max(map(len, lines)) <= columns
    assert len(lines) <= 20


def test_it_says_what_matters() -> None:
    said = "\n".join(drawn(VIEW, 100))

    assert "up 1:02:03   1,253 payments   3.1 a second   the first after 2.5 s" in said
    assert "books balance  debits equal credits  seen 1 s ago" in said
    assert "recorded elsewhere       7" in said


def test_both_sides_of_the_money_come_to_the_same() -> None:
    lines = drawn(VIEW, 100)
    (ours,) = [line for line in lines if "we have or are owed" in line]
    (theirs,) = [line for line in lines if "we owe or earned" in line]

    assert "1,234,567.89" in ours
    assert "1,234,567.89" in theirs


def test_books_that_do_not_balance_cannot_be_overlooked() -> None:
    said = "\n".join(drawn(replace(VIEW, figures=replace(FIGURES, balanced=False)), 80))

    assert "THE BOOKS DO NOT BALANCE" in said


def test_a_first_look_at_nothing_is_a_picture_too() -> None:
    empty = Figures(100.0, (), (), recorded=0, balanced=True, currencies=())

    assert any("captured" in line for line in drawn(replace(VIEW, figures=empty), 80))
