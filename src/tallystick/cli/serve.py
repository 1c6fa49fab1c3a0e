"""`tallystick serve`: the API, one process of it."""

import socket
from typing import Annotated

import typer

from tallystick.cli.command import command
from tallystick.cli.lifeline import INHERITED, end_at_once_when_asked
from tallystick.cli.terminal import Output


def add_serve(program: typer.Typer) -> None:
    """`serve`."""
    command(program, "serve", example="DATABASE_URL=postgresql://... tallystick serve --port 8080")(
        serve
    )


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default PORT.")] = None,
    inherited: Annotated[int | None, typer.Option(INHERITED, hidden=True)] = None,
    output: Output = None,
) -> None:
    """Serve the API on the database that the settings name, in this one process."""
    del output
    end_at_once_when_asked()
    import uvloop

    from tallystick.api import serve as serve_api
    from tallystick.app import open_app
    from tallystick.cli.here import settings_here
    from tallystick.cli.running.ports import listen, listen_for_metrics
    from tallystick.platform import crash
    from tallystick.platform.telemetry import configure_logging, count_process

    chosen = {"host": host, "port": port}
    settings = settings_here(**{name: value for name, value in chosen.items() if value is not None})
    configure_logging(settings.log_level)
    crash.arm(settings.crash_at)
    count_process("api")
    metrics = None  # the supervisor's worker shows them, of all processes
    if inherited is not None:
        listener = socket.socket(fileno=inherited)
    else:
        listener = listen(settings.host, settings.port)
        metrics = listen_for_metrics(settings)
    uvloop.run(serve_api(lambda: open_app(settings), settings, [listener], metrics))
