"""The sandbox in a process of its own, to be killed: prints where hdfc_bank answers."""

import asyncio
import sys
from pathlib import Path

from tallystick.sandbox import Pace, serve_sandbox


async def serve(folder: Path) -> None:
    async with serve_sandbox(folder, pace=Pace(calm=True)) as sandbox:
        sys.stdout.write(sandbox.base_url("hdfc_bank") + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
