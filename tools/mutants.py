"""Counts what `make mutate` left behind: how many sown faults the tests noticed, file by file.

    make mutate

mutmut changes one thing in one function at a time and asks the tests that run through it. Prints
the survivors and the table of docs/explanation/mutation-testing.md; fails below the promise.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PROMISE_PERCENT = 90
# mutmut keeps what pytest said: 1 a failed test, 3 a fault within it. 0 is a mutant that lives.
_KILLED = {1, 3}
_TIMED_OUT = {-24, 24, 36, 152, 255}


class Score(NamedTuple):
    """The mutants of one file: how many there are, and which of them nobody noticed."""

    file: str
    mutants: int
    survivors: tuple[str, ...]

    @property
    def killed(self) -> int:
        return self.mutants - len(self.survivors)

    @property
    def percent(self) -> float:
        return 100 * self.killed / self.mutants


def read_scores(folder: Path) -> Iterator[Score]:
    """The scores of all files that have mutants. Raises LookupError when a run broke off."""
    for path in sorted(folder.rglob("*.py.meta")):
        exit_codes: dict[str, int | None] = json.loads(path.read_bytes())["exit_code_by_key"]
        if None in exit_codes.values():
            raise LookupError(f"not all mutants of {path.name} were asked about")
        if exit_codes:
            living = [name for name, code in exit_codes.items() if not _is_noticed(code)]
            file = path.relative_to(folder / "src" / "tallystick").as_posix()
            yield Score(file.removesuffix(".meta"), len(exit_codes), tuple(living))


def _is_noticed(code: int | None) -> bool:
    return code in _KILLED or code in _TIMED_OUT


def total_of(scores: list[Score]) -> Score:
    """All files as one. Raises LookupError when there is none."""
    if not scores:
        raise LookupError("there are no mutants: run `make mutate`")
    survivors = tuple(name for score in scores for name in score.survivors)
    return Score("together", sum(score.mutants for score in scores), survivors)


def main() -> int:
    scores = list(read_scores(ROOT / "mutants"))
    total = total_of(scores)
    for name in total.survivors:
        print(f"lives: {name}")
    print("| file | mutants | killed | % |\n|---|---:|---:|---:|")
    for score in [*scores, total]:
        file = f"`{score.file}`" if score is not total else score.file
        print(f"| {file} | {score.mutants} | {score.killed} | {score.percent:.1f} |")
    return int(total.percent < PROMISE_PERCENT)


if __name__ == "__main__":
    sys.exit(main())
