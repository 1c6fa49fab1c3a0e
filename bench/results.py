"""Results: the line that is printed and the file that is kept."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from bench.rounds import Rounds
from tallystick.books import Proof

Standing = Literal["counts", "void", "invalid"]


class Result(Struct, frozen=True):
    """One figure. Void: the machine was disturbed. Invalid: what was measured went wrong."""

    name: str
    figures: Mapping[str, float]  # as printed: ratio, rate, p99_ms, ...
    note: str
    standing: Standing = "counts"
    rounds: Rounds | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """Such as `P1 ratio=6.30 rate=30900 p99_ms=21.0 bytes=440 note=...`."""
        words = [self.name] if self.standing == "counts" else [self.name, self.standing]
        words += [f"{name}={_number(name, value)}" for name, value in self.figures.items()]
        return " ".join([*words, f"note={self.note}"])


class Audit(Struct, frozen=True):
    """What was found after a scenario; with any fault its figures are invalid."""

    faults: list[str]
    deadlocks: int

    def also(self, faults: Sequence[str]) -> "Audit":
        """The same with further faults, told first."""
        return Audit([*faults, *self.faults], self.deadlocks)


def audited(proof: Proof, deadlocks: int) -> Audit:
    """What the proof and the server's own counter say."""
    faults = [f"the books do not prove: {one.name}" for one in proof.checks if not one.green]
    return Audit([*faults, f"{deadlocks} deadlocks"] if deadlocks else faults, deadlocks)


def paired(
    name: str,
    rounds: Rounds,
    audit: Audit,
    *,
    figures: Mapping[str, float],
    note: str,
) -> Result:
    """The result of a step that was measured beside pgbench."""
    void = rounds.why_void()
    beside = f"pgbench {', '.join(f'{tps:.0f}' for tps in rounds.pgbench_tps)}"
    return Result(
        name=name,
        figures={
            "ratio": rounds.ratio(name),
            "rate": rounds.rate(name),
            **figures,
            "deadlocks": audit.deadlocks,
        },
        note="; ".join(filter(None, [*audit.faults, void, note, beside])),
        standing="invalid" if audit.faults else "void" if void else "counts",
        rounds=Rounds(rounds.pgbench_tps, {name: rounds.ours[name]}),
    )


def unpaired(
    name: str, audit: Audit, *, figures: Mapping[str, float], note: str, details: Mapping[str, Any]
) -> Result:
    """A result that needs no pgbench beside it: sizes, or times of a single event."""
    return Result(
        name=name,
        figures={**figures, "deadlocks": audit.deadlocks},
        note="; ".join([*audit.faults, note]),
        standing="invalid" if audit.faults else "counts",
        details=details,
    )


class Report(Struct, frozen=True):
    """One run as its JSON file tells it."""

    at: datetime
    length: str
    seed: int
    commit: str | None
    hardware: Mapping[str, Any]
    postgres: Mapping[str, str]
    versions: Mapping[str, str]
    results: Sequence[Result]

    def write(self, folder: Path) -> Path:
        """Keep it under the instant of the run."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.at:%Y%m%dT%H%M%SZ}.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")
        return path


def _number(name: str, value: float) -> str:
    if name.startswith("ratio") or name == "kept":
        return f"{value:.2f}"
    if isinstance(value, int) or value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}"
