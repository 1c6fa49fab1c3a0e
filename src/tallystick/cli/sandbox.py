"""`tallystick sandbox`: the simulated banks."""

import signal
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.cli.command import command
from tallystick.cli.lifeline import end_at_once_when_asked
from tallystick.cli.terminal import Format, Output, as_json, say, show_json

if TYPE_CHECKING:
    from tallystick.platform.settings import Settings
    from tallystick.sandbox import Pace


def add_sandbox(program: typer.Typer) -> None:
    """`sandbox`."""
    command(program, "sandbox", example="tallystick sandbox --port 20404")(sandbox)


def sandbox(
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; default SANDBOX_PORT, 0 chooses one.")
    ] = None,
    calm: Annotated[bool, typer.Option("--calm", help="Answer without the usual latency.")] = False,
    seed: Annotated[int, typer.Option(help="What ids and latencies are drawn from.")] = 1,
    output: Output = None,
) -> None:
    """Serve the simulated banks on loopback until Ctrl-C; docs/reference/sandbox.md says more."""
    end_at_once_when_asked()
    import uvloop

    from tallystick.platform.secrets_file import make_home
    from tallystick.platform.settings import load_settings
    from tallystick.sandbox import Pace

    settings = load_settings() if port is None else load_settings(sandbox_port=port)
    make_home(settings.tallystick_home)
    uvloop.run(_serve(settings, Pace(seed=seed, calm=calm), output))


async def _serve(settings: "Settings", pace: "Pace", output: Format | None) -> None:
    import asyncio

    from tallystick.platform.clock import configured_clock
    from tallystick.sandbox import serve_sandbox

    # Banks keep the machine's time, unless time is turned by hand for everybody.
    now = configured_clock(settings).now if settings.test_clock == "hand" else None
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    books = settings.tallystick_home / "sandbox"
    async with serve_sandbox(books, pace=pace, port=settings.sandbox_port, now=now) as served:
        addresses = {bank: served.base_url(bank) for bank in served.books}
        if as_json(output):
            show_json(addresses)
        else:
            for bank, address in addresses.items():
                say(f"{bank:<12} {address}")
        await stop.wait()
