"""One round of the demo: customers, then the reckoning."""

import inspect
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from tallystick.books import Proof
from tallystick.cli.books import show_broken
from tallystick.cli.failures import REFUSED
from tallystick.cli.showing.bank_books import Comparison, compare_with_banks
from tallystick.cli.showing.figures import Figures, read_figures
from tallystick.cli.showing.picture import money_table
from tallystick.cli.showing.stage import Stage
from tallystick.cli.showing.stories import STORIES
from tallystick.cli.showing.traffic import Tally, Traffic
from tallystick.cli.terminal import Format, Record, as_json, say, show, show_json, show_records

DIFFERENCES_SHOWN = 10
TROUBLES_SHOWN = 5


class Reckoning(Struct, frozen=True):
    """What a round came to."""

    payments: int
    seconds: float
    kinds: dict[str, int]
    outcomes: dict[str, int]
    recovered: int
    unexpected: int
    troubles: list[str]
    figures: Figures
    proof: Proof
    banks: Comparison

    @property
    def good(self) -> bool:
        return self.proof.green and self.banks.equal and not self.unexpected


async def play_round(stage: Stage, payments: int, seed: int, output: Format | None) -> int:
    """Take so many payments, tell what they came to; the exit code."""
    traffic = Traffic(stage.api, stage.webhook, seed)
    began_s = time.monotonic()
    with _progress(traffic.tally, payments, output):
        await traffic.take(payments)
    seconds = time.monotonic() - began_s
    reckoning = await _reckon(stage, traffic.tally, seconds)
    if as_json(output):
        show_json(reckoning)
    else:
        _tell(reckoning)
    return 0 if reckoning.good else REFUSED


async def _reckon(stage: Stage, tally: Tally, seconds: float) -> Reckoning:
    return Reckoning(
        payments=tally.told,
        seconds=round(seconds, 3),
        kinds=dict(tally.kinds),
        outcomes=dict(tally.outcomes),
        recovered=tally.outcomes["recovered"],
        unexpected=tally.outcomes["unexpected"],
        troubles=tally.troubles,
        banks=await compare_with_banks(stage.app, stage.home),
        proof=await stage.app.prove(),
        figures=await read_figures(stage.app),
    )


def _tell(reckoning: Reckoning) -> None:
    pace = reckoning.payments / max(reckoning.seconds, 0.001)
    say(
        f"\n{reckoning.payments:,} payments in {reckoning.seconds:.1f} s ({pace:.0f} a second), "
        f"{reckoning.recovered:,} timed out and recovered\n"
    )
    show_records(Format.TEXT, _stories(reckoning), ("story", "count", "what"), right=("count",))
    say()
    show(money_table(reckoning.figures))
    say()
    for trouble in reckoning.troubles[:TROUBLES_SHOWN]:
        say(f"unexpected: {trouble}")
    show_broken(reckoning.proof)
    _tell_verdicts(reckoning)


def _stories(reckoning: Reckoning) -> list[Record]:
    return [
        {"story": kind, "count": reckoning.kinds[kind], "what": inspect.getdoc(STORIES[kind])}
        for kind in STORIES
        if kind in reckoning.kinds
    ]


def _tell_verdicts(reckoning: Reckoning) -> None:
    proof, banks = reckoning.proof, reckoning.banks
    for difference in banks.differences[:DIFFERENCES_SHOWN]:
        say(
            f"{difference.bank} {difference.reference} {difference.what}: "
            f"ours {difference.ours:,}, theirs {difference.theirs:,}"
        )
    say(
        f"books proven: {_yes(proof.green)} ({len(proof.checks)} checks in "
        f"{proof.duration_ms / 1000:.1f} s)"
    )
    say(f"banks' own books equal ours: {_yes(banks.equal)} ({banks.references:,} references)")
    ended = f"{reckoning.unexpected:,} did not" if reckoning.unexpected else "yes"
    say(f"every payment ended as it must: {ended}")


def _yes(good: bool) -> str:
    return "yes" if good else "NO"


@contextmanager
def _progress(tally: Tally, payments: int, output: Format | None) -> Iterator[None]:
    """A bar on stderr, where a person watches."""
    if as_json(output) or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("payments", total=payments)
        tally.on_end = lambda: bar.advance(task)
        yield
