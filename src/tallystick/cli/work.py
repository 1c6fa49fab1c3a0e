"""`tallystick work`: the jobs of the timetable, in a process of their own."""

import signal
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.cli.command import command
from tallystick.cli.lifeline import INHERITED, end_at_once_when_asked
from tallystick.cli.terminal import Output

if TYPE_CHECKING:
    from tallystick.platform.settings import Settings


def add_work(program: typer.Typer) -> None:
    """`work`."""
    command(program, "work", example="DATABASE_URL=postgresql://... tallystick work")(work)


def work(
    once: Annotated[bool, typer.Option("--once", help="One round of every job, then end.")] = False,
    inherited: Annotated[int | None, typer.Option(INHERITED, hidden=True)] = None,
    output: Output = None,
) -> None:
    """Run recovery, expiry and the other jobs until SIGTERM; several processes may do so at once.

    With --once the exit code is 1 if a job failed.
    """
    del output
    end_at_once_when_asked()
    import uvloop

    from tallystick.cli.here import settings_here
    from tallystick.cli.running.ports import listen_for_metrics
    from tallystick.platform import crash
    from tallystick.platform.telemetry import configure_logging, count_process

    settings = settings_here()
    configure_logging(settings.log_level)
    crash.arm(settings.crash_at)
    count_process("worker")
    if inherited is not None:
        metrics: socket.socket | None = socket.socket(fileno=inherited)
    else:
        metrics = None if once else listen_for_metrics(settings)
    failed = uvloop.run(_work(settings, metrics, once=once))
    if failed:
        raise SystemExit(1)


async def _work(
    settings: "Settings", metrics: socket.socket | None, *, once: bool
) -> tuple[str, ...]:
    import asyncio

    from tallystick.app import open_app
    from tallystick.platform.timetable import keep_timetable, run_once

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_app(settings) as app:
        if once:
            return await run_once(app.jobs)
        if metrics is None:
            await keep_timetable(app.jobs, stop)
            return ()
        from tallystick.api import metrics_on  # a worker without them needs no server

        async with metrics_on(metrics, app):
            await keep_timetable(app.jobs, stop)
    return ()
