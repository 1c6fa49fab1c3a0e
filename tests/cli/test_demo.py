"""`tallystick demo` on a machine where nothing runs."""

import json

import pytest

from tallystick.cli import main
from tallystick.cli.showing.stories import STORIES, deal
from tests.cli.terminals import Place


@pytest.mark.usefixtures("clean_environment")
def test_twenty_payments_end_by_themselves_and_prove(
    at: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(at.home.parent)
    monkeypatch.setenv("TALLYSTICK_HOME", str(at.home))
    with pytest.raises(SystemExit) as left:  # the supervisor in this process, the rest in others
        main(["demo", "--payments", "20", "--once", "--output", "json"])

    told = json.loads(capsys.readouterr().out)
    assert left.value.code == 0, told["troubles"]
    assert set(told["kinds"]) == set(STORIES)
    assert told["recovered"] == 1
    assert told["proof"]["green"] is True
    assert told["banks"]["references"] >= 18
    assert told["banks"]["differences"] == []
    assert at.processes() == {}


def test_the_same_seed_deals_the_same_stories_and_any_twenty_have_every_kind() -> None:
    first, again = ([deal(number, 7)[0] for number in range(40)] for _ in range(2))

    assert first == again
    assert first != [deal(number, 8)[0] for number in range(40)]
    assert set(first[:20]) == set(first[20:]) == set(STORIES)
