"""The live picture: payments by state beside money by place, whose two sides must agree."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tallystick.cli.showing.figures import Figures
from tallystick.cli.terminal import Amount

STATES: Final = {
    "captured": "green",
    "partially_refunded": "green",
    "refunded": "cyan",
    "authorized": "blue",
    "pending": "yellow",
    "initiated": "yellow",
    "failed": "red",
    "cancelled": "bright_black",
    "expired": "bright_black",
}
ALWAYS_SHOWN: Final = ("captured", "refunded", "pending", "failed")
BAR_COLUMNS: Final = 14
WIDE_COLUMNS: Final = 100
CURRENCIES_SHOWN: Final = 3
_STATE_COLUMNS: Final = 18
_PLACE_COLUMNS: Final = 20


class View(Struct, frozen=True):
    """Everything the picture shows."""

    figures: Figures
    age_s: float  # of the figures
    uptime_s: float
    per_second: float
    recovered: int
    processes: Mapping[str, str]  # name: running | restarting | stopped
    notices: Sequence[str]  # latest last
    first_payment_s: float | None


def picture(view: View, columns: int) -> RenderableType:
    """The picture for a terminal so many columns wide."""
    sides = Table.grid(padding=(0, 4, 0, 0), pad_edge=False)
    sides.add_row(_payments(view.figures, bars=columns >= WIDE_COLUMNS), money_table(view.figures))
    parts: list[RenderableType] = [_headline(view), Text(), sides, Text(), _proof(view)]
    parts.append(_crew(view))
    parts += [_one_line(notice) for notice in view.notices]
    return Padding(Group(*parts), (0, 1))


def clock(seconds: float) -> str:
    """Hours, minutes and seconds: `1:02:03`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"


def _headline(view: View) -> Text:
    line = Text("Tallystick", style="bold")
    line.append(f"   up {clock(view.uptime_s)}", style="default")
    line.append(f"   {view.figures.total + view.figures.recorded:,} payments")
    line.append(f"   {view.per_second:.1f} a second")
    if view.first_payment_s is not None:
        line.append(f"   the first after {view.first_payment_s:.1f} s", style="dim")
    return line


def _payments(figures: Figures, *, bars: bool) -> Table:
    table = _table()
    table.add_column("Payments", min_width=_STATE_COLUMNS, no_wrap=True)
    table.add_column("", justify="right", min_width=6)
    if bars:
        table.add_column("", width=BAR_COLUMNS)
    counts = {state.status: state.payments for state in figures.payments}
    most = max(counts.values(), default=0)
    for status, colour in STATES.items():
        count = counts.get(status, 0)
        if count or status in ALWAYS_SHOWN:
            bar = [Text(_bar(count, most), style=colour)] if bars else []
            name = Text(status.replace("_", " "), style=colour if count else "dim")
            table.add_row(name, f"{count:,}", *bar)
    table.add_row(Text("recorded elsewhere"), f"{figures.recorded:,}", *([""] if bars else []))
    return table


def _bar(count: int, most: int) -> str:
    eighths = round(count / most * BAR_COLUMNS * 8) if most else 0
    whole, rest = divmod(max(eighths, 1 if count else 0), 8)
    return "█" * whole + (" ▏▎▍▌▋▊▉"[rest] if rest else "")


def money_table(figures: Figures) -> Table:
    """Money by place, the two sides below each other; their sums are equal."""
    currencies = figures.currencies[:CURRENCIES_SHOWN] or ("INR",)
    table = _table()
    table.add_column("Money", min_width=_PLACE_COLUMNS, no_wrap=True)
    for currency in currencies:
        table.add_column(currency, justify="right", min_width=12, no_wrap=True)
    for side in ("debit", "credit"):
        for place in figures.money:
            if place.side == side:
                cells = [_cell(place.amounts.get(c, 0), c) for c in currencies]
                table.add_row(place.place, *cells)
        sums = figures.side(side)
        totals = [Text(str(Amount(sums.get(c, 0), c)), style="bold") for c in currencies]
        name = "we have or are owed" if side == "debit" else "we owe or earned"
        table.add_row(Text(name, style="bold"), *totals)
        if side == "debit":
            table.add_row()
    return table


def _one_line(notice: str) -> Text:
    return Text(notice, style="yellow", no_wrap=True, overflow="ellipsis")


def _cell(amount_minor: int, currency: str) -> Text:
    return Text(str(Amount(amount_minor, currency)), style="" if amount_minor else "dim")


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")


def _proof(view: View) -> Text:
    balanced = view.figures.balanced
    if balanced is None:
        return Text("too many accounts to add up live: tallystick books prove", style="yellow")
    if not balanced:
        return Text("THE BOOKS DO NOT BALANCE: run tallystick books prove", style="bold red")
    line = Text("books balance", style="bold green")
    line.append("  debits equal credits", style="green")
    line.append(f"  seen {view.age_s:.0f} s ago", style="dim")
    if view.recovered:
        line.append(f"  {view.recovered:,} recovered after a time-out", style="dim")
    return line


def _crew(view: View) -> Text:
    line = Text()
    for name, state in view.processes.items():
        line.append("● ", style={"running": "green", "restarting": "yellow"}.get(state, "red"))
        line.append(f"{name}   ", style="dim" if state == "running" else "bold")
    line.append("Ctrl-C stops it all", style="dim")
    return line
