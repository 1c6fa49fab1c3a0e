"""`tallystick up`: everything on this machine, with payments flowing before one's eyes."""

import time
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.cli.command import command
from tallystick.cli.terminal import Format, Output, as_json, say

if TYPE_CHECKING:
    from tallystick.cli.running.stopping import Stop
    from tallystick.platform.settings import Settings

PER_SECOND = 3.0


def add_up(program: typer.Typer) -> None:
    """`up`."""
    command(program, "up", example="PORT=8080 tallystick up --rate 10")(up)


def up(
    *,
    traffic: Annotated[
        bool, typer.Option("--traffic/--no-traffic", help="Play customers of a demo merchant.")
    ] = True,
    rate: Annotated[
        float, typer.Option(min=0.01, max=1000, help="Customers a second, about.")
    ] = PER_SECOND,
    seed: Annotated[int, typer.Option(help="What the customers' chance is drawn from.")] = 1,
    output: Output = None,
) -> None:
    """Start PostgreSQL, the simulated banks, the API and the worker, and watch payments flow.

    Ctrl-C stops everything in order; the next start goes on with the same data.
    """
    from tallystick.cli.here import settings_here
    from tallystick.cli.running.stopping import run_until_asked

    began_s = time.monotonic()
    settings = settings_here()
    pace = rate if traffic and settings.mode == "test" else 0.0
    code = run_until_asked(
        lambda stop: _up(settings, stop, began_s, pace=pace, seed=seed, output=output)
    )
    raise SystemExit(code)


async def _up(
    settings: "Settings",
    stop: "Stop",
    began_s: float,
    *,
    pace: float,
    seed: int,
    output: Format | None,
) -> int:
    from tallystick.cli.running.supervisor import running_platform

    async with running_platform(settings, partial(_tell, output)) as platform:
        # Its imports wait until the children have begun with theirs.
        from tallystick.cli.showing.show import Show
        from tallystick.cli.showing.stage import own_stage

        async with own_stage(settings, platform) as stage:
            show = Show(stage, platform, stop, began_s, output)
            code = await show.play(pace, seed)
        _tell(output, "stopping everything in order ...")
    _tell(output, "stopped")
    return code


def _tell(output: Format | None, text: str) -> None:
    if not as_json(output):
        say(text)
