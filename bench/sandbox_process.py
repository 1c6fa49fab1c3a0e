"""The banks, in a process of their own and without any pause of theirs."""

import asyncio
import signal
from pathlib import Path

import uvloop
from msgspec import Struct

from bench.children import end_with_parent, read_order, say
from tallystick.sandbox import Pace, serve_sandbox


class SandboxOrder(Struct, frozen=True):
    """Where the banks keep their books. Their disk is not ours, so they need not wait for it."""

    folder: Path
    seed: int


async def serve_banks(order: SandboxOrder) -> None:
    """Serve until our parent closes our standard input; the port is the first line we say."""
    pace = Pace(seed=order.seed, calm=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    async with serve_sandbox(order.folder, pace=pace, durable=False) as sandbox:
        end_with_parent()
        say(sandbox.port)
        await ended.wait()


if __name__ == "__main__":
    uvloop.run(serve_banks(read_order(SandboxOrder)))
