"""What a run is asked to do: which scenarios, how long, with which seed."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

Length = Literal["full", "quick", "tiny"]
OUT: Final = Path(__file__).parent / "out"


class Plan(Struct, frozen=True):
    """One run. `only` empty means every scenario; `out` is where its JSON file goes."""

    only: tuple[str, ...]
    length: Length
    seed: int
    out: Path
    shared_buffers_mb: int | None = None  # None: as `tallystick up` takes them


def read_plan(arguments: Sequence[str], environment: Mapping[str, str]) -> Plan:
    """The plan in `ONLY=P1,P2`, `QUICK=1` and the arguments. Exits when it cannot be understood."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "scenarios", nargs="*", metavar="P1", help="scenarios to run, beside those in ONLY"
    )
    parser.add_argument("--seed", type=int, default=1, help="of everything that is random here")
    parser.add_argument("--out", type=Path, default=OUT, help="the folder of the JSON file")
    parser.add_argument(
        "--shared-buffers-mb",
        type=int,
        metavar="MB",
        help="PostgreSQL's, as DB_SHARED_BUFFERS_MB of `tallystick up`",
    )
    parser.add_argument(
        "--tiny",
        action="store_true",
        help="a few thousand operations: proves that the bench works, measures nothing",
    )
    asked = parser.parse_args(arguments)
    named = [*environment.get("ONLY", "").replace(",", " ").split(), *asked.scenarios]
    quick = environment.get("QUICK", "") not in {"", "0"}
    return Plan(
        only=tuple(dict.fromkeys(named)),
        length="tiny" if asked.tiny else "quick" if quick else "full",
        seed=asked.seed,
        out=asked.out,
        shared_buffers_mb=asked.shared_buffers_mb,
    )
