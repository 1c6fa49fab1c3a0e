"""The states of intents, payments and refunds, case by case."""

from pathlib import Path

import pytest

from tests.payments.story import Story, expected, read_cases

CASES = read_cases(Path(__file__).parent / "cases")


@pytest.mark.parametrize(("title", "lines"), CASES, ids=[title for title, _ in CASES])
def test_the_story_goes_as_told(title: str, lines: list[str]) -> None:
    story = Story()
    for number, line in enumerate(lines, 1):
        if line.startswith("wait"):
            story.step(line)
            continue
        step, status, figures = expected(line)

        assert story.step(step) == status, f"line {number}: {line}"
        found = {name: story.figures().get(name) for name in figures}
        assert found == figures, f"line {number}: {line}"
