"""The catalogue of errors is the code's own tables, whole, and fit to be read by customers."""

import re

import pytest

from tallystick.api.problem_kinds import KINDS
from tallystick.api.problem_texts import TEXTS, UNLISTED
from tallystick.rails.errors import REASONS
from tools.error_catalogue import FILE, written_anew

NEVER_CERTAIN = re.compile(r"not charged|nothing was charged|no money", re.IGNORECASE)
FROM_INSIDE = r"`|_|\b(fraud|stolen|risk|idempotency|json|ledger|null|server|database)\b"
OURS = re.compile(FROM_INSIDE, re.IGNORECASE)


def customer_texts() -> set[str]:
    told = {text.customer_message for text in (*TEXTS.values(), UNLISTED)}
    return told | {reason.customer_text for reason in REASONS.values()}


def test_every_code_says_what_to_do_and_what_a_customer_may_read() -> None:
    assert set(TEXTS) == set(KINDS)
    assert all(text.advice and text.customer_message for text in TEXTS.values())


def test_the_page_is_what_the_tables_say() -> None:
    page = FILE.read_text(encoding="utf-8")

    assert written_anew(page) == page, "run: python -m tools.error_catalogue"
    assert {f"`{code}`" for code in KINDS} <= set(re.findall(r"`[a-z_0-9]+`", page))


def test_a_stale_page_is_noticed() -> None:
    page = FILE.read_text(encoding="utf-8")

    assert written_anew(page.replace("`insufficient_funds`", "`poor`")) == page


@pytest.mark.parametrize("text", sorted(customer_texts()))
def test_a_customer_reads_a_sentence_and_nothing_from_inside(text: str) -> None:
    assert text[0].isupper()
    assert text.endswith(".")
    assert len(text) <= 100
    assert not NEVER_CERTAIN.search(text)
    assert not OURS.search(text)
