"""What kind of account a code stands for: its class in the chart of accounts. Pure.

| pattern of the code                   | class     |
|---------------------------------------|-----------|
| the house's own accounts              | as listed |
| `asset:...`, `liability:...`, and so on | the first word |
| anything else                         | by its normal side: asset or liability |
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

ASSET: Final = "asset"
LIABILITY: Final = "liability"
EQUITY: Final = "equity"
INCOME: Final = "income"
EXPENSE: Final = "expense"
CLASSES: Final = (ASSET, LIABILITY, EQUITY, INCOME, EXPENSE)
"""In the order of a balance sheet, then of a profit and loss account."""

OTHERS: Final = "others"


class Family(Struct, frozen=True):
    """Accounts that mean the same, each for another route, owner or currency."""

    pattern: str  # `merchant:{merchant}:payable:{CUR}`
    chart_class: str

    @property
    def like(self) -> str:
        """The pattern as SQL's LIKE has it."""
        words = self.pattern.split(":")
        parts = ["%" if word.startswith("{") else word.replace("_", r"\_") for word in words]
        return ":".join(parts)


FAMILIES: Final = (
    Family("rail:{route}:clearing:{CUR}", ASSET),
    Family("platform:bank:{CUR}", ASSET),
    Family("channel:clearing:{CUR}", ASSET),
    Family("loans:receivable:{CUR}", ASSET),
    Family("payouts:{route}:{CUR}", ASSET),
    Family("merchant:{merchant}:payable:{CUR}", LIABILITY),
    Family("merchant:{merchant}:reserve:{CUR}", LIABILITY),
    Family("merchant:{merchant}:advance:{CUR}", LIABILITY),
    Family("wallet:{owner}:{CUR}", LIABILITY),
    Family("escrow:{escrow}", LIABILITY),
    Family("platform:suspense:{CUR}", LIABILITY),
    Family("platform:tax:{CUR}", LIABILITY),
    Family("disputes:held:{CUR}", LIABILITY),
    Family("platform:exchange:{CUR}", EQUITY),
    Family("platform:fees:{CUR}", INCOME),
    Family("platform:rounding:{CUR}", INCOME),
    *(Family(f"{chart_class}:{{anything}}", chart_class) for chart_class in CLASSES),
)
"""The house's own accounts, and the words with which an account says its class itself.

No two patterns fit one code.
"""


def likes(families: Iterable[Family] = FAMILIES) -> list[str]:
    """The patterns as SQL's LIKE has them, in their order."""
    return [family.like for family in families]


def class_of(code: str, normal_side: str) -> str:
    """The class of the account with this code; of an unknown one by its normal side."""
    family = family_of(code)
    return family.chart_class if family else class_of_side(normal_side)


def class_of_side(normal_side: str) -> str:
    """The class of an account whose code says nothing."""
    return ASSET if normal_side == "debit" else LIABILITY


def family_of(code: str) -> Family | None:
    """The family to which the account with this code belongs."""
    words = code.split(":")
    return next((family for family in FAMILIES if _fits(family.pattern.split(":"), words)), None)


def _fits(pattern: list[str], words: list[str]) -> bool:
    """Whether the words fit; like LIKE's `%`, a name in braces may stand for several."""
    if not pattern or not words:
        return pattern == words
    if not pattern[0].startswith("{"):
        return pattern[0] == words[0] and _fits(pattern[1:], words[1:])
    return any(_fits(pattern[1:], words[count:]) for count in range(1, len(words) + 1))
