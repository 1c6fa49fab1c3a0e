"""The other documents' status words: the whole table, as the documentation shows it."""

import re

import pytest

from tallystick.payments.legacy_status import LEGACY_STATUSES, legacy_status
from tallystick.payments.states import PAYMENT_TABLE
from tests.house_rules.sources import ROOT

ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|$", re.MULTILINE)


def test_every_state_has_its_words() -> None:
    assert set(LEGACY_STATUSES) == set(PAYMENT_TABLE) - {None}


def test_only_the_documents_own_words_are_used() -> None:
    assert {words.document_001 for words in LEGACY_STATUSES.values()} == {
        "pending", "processing", "completed", "failed",
    }  # fmt: skip
    assert {words.document_003 for words in LEGACY_STATUSES.values()} == {
        "PENDING", "SUCCESS", "FAILED",
    }  # fmt: skip


def test_the_documentation_shows_the_table() -> None:
    page = (ROOT / "docs" / "explanation" / "payment-states.md").read_text(encoding="utf-8")

    assert {state: (one, three) for state, one, three in ROW.findall(page)} == {
        state: (words.document_001, words.document_003) for state, words in LEGACY_STATUSES.items()
    }


@pytest.mark.parametrize("status", ["", "PENDING", "lost"])
def test_what_is_no_state_has_none(status: str) -> None:
    with pytest.raises(KeyError):
        legacy_status(status)
