"""`tallystick serve`: the API, one process of it."""

import socket
from typing import Annotated, Final

import typer

from tallystick.cli.command import command
from tallystick.cli.failures import CannotRun
from tallystick.cli.terminal import Output

INHERITED: Final = "--inherited"
"""The hidden option with which the supervisor hands a listening socket down."""


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
    import uvloop

    from tallystick.api import listening_socket
    from tallystick.api import serve as serve_api
    from tallystick.app import open_app
    from tallystick.cli.here import settings_here
    from tallystick.platform import crash
    from tallystick.platform.telemetry import configure_logging

    chosen = {"host": host, "port": port}
    settings = settings_here(**{name: value for name, value in chosen.items() if value is not None})
    configure_logging(settings.log_level)
    crash.arm(settings.crash_at)
    if inherited is not None:
        listener = socket.socket(fileno=inherited)
    else:
        try:
            listener = listening_socket(settings.host, settings.port)
        except OSError as error:
            raise CannotRun(
                f"cannot listen on {settings.host}:{settings.port}: {error.strerror}; "
                "choose another port with --port or PORT"
            ) from None
    uvloop.run(serve_api(lambda: open_app(settings), settings, [listener]))
