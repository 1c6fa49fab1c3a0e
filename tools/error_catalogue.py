"""Writes the tables of docs/reference/errors.md anew from the code's own.

    python -m tools.error_catalogue

Prose stands in the document; whatever is between its `<!-- table: ... -->` marks is written here.
A test compares the two.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tallystick.api.problem_kinds import KINDS
from tallystick.api.problem_texts import TEXTS, UNLISTED
from tallystick.rails.errors import ADVICE, CODES, PAYOUT_CODES, REASONS

FILE: Final = Path(__file__).parents[1] / "docs" / "reference" / "errors.md"
_TABLE: Final = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

Rows = Iterator[tuple[str, ...]]


def written_anew(document: str) -> str:
    """The document with every table as the code has it now."""
    return _TABLE.sub(lambda mark: f"{mark[1]}\n{_table(*TABLES[mark[2]])}\n{mark[3]}", document)


def _problems() -> Rows:
    for code, kind in sorted(KINDS.items(), key=lambda row: (row[1].status, row[0])):
        text = TEXTS.get(code, UNLISTED)
        again = "yes, same key" if kind.retry_after_s else "no"
        yield str(kind.status), f"`{code}`", kind.title, again, text.advice, text.customer_message


def _declines() -> Rows:
    for code, reason in sorted(REASONS.items()):
        elsewhere = "yes" if reason.retryable else "no"
        yield f"`{code}`", str(reason.category), elsewhere, reason.customer_text


def _categories() -> Rows:
    for category, advice in ADVICE.items():
        yield str(category), advice


def _provider_codes() -> Rows:
    for codes, about in ((CODES, "a payment"), (PAYOUT_CODES, "a payout")):
        for said, ours in sorted({(said, ours) for (_, said), ours in codes.items()}):
            banks = sorted(bank for bank, code in codes if code == said)
            yield f"`{said}`", about, ", ".join(f"`{bank}`" for bank in banks), f"`{ours}`"


TABLES: Final[dict[str, tuple[tuple[str, ...], Callable[[], Rows]]]] = {
    "problems": (
        ("status", "code", "title", "ask again?", "what to do", "`customer_message`"),
        _problems,
    ),
    "declines": (("code", "whose matter", "another route?", "`failure_message`"), _declines),
    "categories": (("whose matter", "what the merchant does"), _categories),
    "provider_codes": (("said by the bank", "about", "by", "our code"), _provider_codes),
}


def _table(heads: tuple[str, ...], rows: Callable[[], Rows]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    FILE.write_text(written_anew(FILE.read_text(encoding="utf-8")), encoding="utf-8")
