"""`tallystick demo`: a number of payments, a summary, and the proof."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.cli.command import command
from tallystick.cli.failures import INTERRUPTED, CannotRun
from tallystick.cli.terminal import Format, Output, as_json, say

if TYPE_CHECKING:
    from tallystick.cli.showing.stage import Stage
    from tallystick.platform.settings import Settings


def add_demo(program: typer.Typer) -> None:
    """`demo`."""
    command(program, "demo", example="tallystick demo --payments 200 --once")(demo)


def demo(
    *,
    payments: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many a round.")] = 200,
    once: Annotated[bool, typer.Option("--once", help="One round; else until Ctrl-C.")] = False,
    seed: Annotated[int, typer.Option(help="What the customers' chance is drawn from.")] = 1,
    output: Output = None,
) -> None:
    """Take payments as fast as is sound, then prove the books and compare the banks' with ours.

    Uses the platform that runs here, or starts one for as long as it takes. Exit code 0 only if
    the books prove, the banks' own books equal ours, and every payment ended as it must.
    """
    from tallystick.cli.here import settings_here
    from tallystick.cli.running.stopping import run_until_asked

    settings = settings_here()
    if settings.mode != "test":
        raise CannotRun("the demo plays with made-up cards: TALLYSTICK_MODE must be test")
    code = run_until_asked(
        lambda _: _demo(settings, payments, once, seed, output),
        if_asked=INTERRUPTED if once else 0,  # without --once there is no other end
    )
    raise SystemExit(code)


async def _demo(
    settings: "Settings", payments: int, once: bool, seed: int, output: Format | None
) -> int:
    async with _found_stage(settings, output) as stage:
        from tallystick.cli.showing.demo_round import play_round

        while True:
            code = await play_round(stage, payments, seed, output)
            if once or code:
                return code
            seed += 1  # other customers the next time


@asynccontextmanager
async def _found_stage(settings: "Settings", output: Format | None) -> "AsyncIterator[Stage]":
    """The running platform's stage, or one of our own."""
    from tallystick.cli.database import reached_database
    from tallystick.cli.here import find_running
    from tallystick.cli.running.supervisor import running_platform

    running = find_running(settings.tallystick_home)
    if running is not None:
        async with reached_database(settings) as reached:
            from tallystick.cli.showing.stage import borrowed_stage

            _tell(output, f"using the platform that runs at {running.api_url}")
            async with borrowed_stage(settings, running, reached) as stage:
                yield stage
        return
    began_s = time.monotonic()
    async with running_platform(settings, partial(_tell, output), port=0) as platform:
        from tallystick.cli.showing.stage import own_stage

        async with own_stage(settings, platform) as stage:
            _tell(output, f"ready after {time.monotonic() - began_s:.1f} s")
            yield stage


def _tell(output: Format | None, text: str) -> None:
    if not as_json(output):
        say(text)
