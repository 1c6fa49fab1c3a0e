"""What a process remembers of references is bounded, in number and in time."""

from uuid import uuid4

import pytest

from tallystick.intake.dedup.memory import REMEMBERED_S, Memory

IDS = {letter: uuid4() for letter in "abcd"}


def test_whichever_was_asked_for_last_is_kept_longest() -> None:
    memory = Memory(3)
    memory.update({letter: IDS[letter] for letter in "abc"})
    assert memory.get("a") == IDS["a"]
    memory.update({"d": IDS["d"]})

    assert [memory.get(letter) for letter in "abcd"] == [IDS["a"], None, IDS["c"], IDS["d"]]


def test_nothing_is_believed_for_more_than_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [1_000.0]
    monkeypatch.setattr("tallystick.intake.dedup.memory.monotonic", lambda: now_s[0])
    memory = Memory(3)
    memory.update({"a": IDS["a"]})
    now_s[0] += REMEMBERED_S - 1
    assert memory.get("a") == IDS["a"]
    now_s[0] += 2

    assert memory.get("a") is None
    assert len(memory) == 0


def test_a_memory_of_no_size_keeps_nothing() -> None:
    memory = Memory(0)
    memory.update(IDS)

    assert len(memory) == 0
