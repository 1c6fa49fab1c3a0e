"""Accounts to open, from a file: a thousand lines are one request."""

import csv
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from tallystick.cli.failures import NotThere, WrongUsage

if TYPE_CHECKING:
    from tallystick.app import App
    from tallystick.cli.progress import Advance

NEEDED: Final = frozenset({"code", "currency", "side"})
KNOWN: Final = NEEDED | {"overdraft", "merchant"}
REFUSALS_SHOWN: Final = 20


def read_accounts(file: Path) -> list[dict[str, str]]:
    """The lines of the file, its columns those of `KNOWN`. Raises NotThere, WrongUsage."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines, strict=True))
    except (OSError, UnicodeError, csv.Error) as error:
        raise NotThere(f"{file}: {error}") from None
    for number, row in enumerate(rows, 2):
        given = {name for name in row if name is not None}
        if not given >= NEEDED or not set(row) <= KNOWN or None in row.values():
            raise WrongUsage(f"{file}:{number}: expected the columns {', '.join(sorted(KNOWN))}")
    if not rows:
        raise WrongUsage(f"{file} holds no account")
    return rows


async def open_accounts_of(
    app: "App", rows: list[dict[str, str]], tell: "Advance", *, atomic: bool
) -> dict[str, Any]:
    """Open them, as many at once as one request takes; what became of them.

    Raises WrongUsage, MerchantNotFound, and for an atomic bulk what refuses it.
    """
    from tallystick.books import AccountBulks
    from tallystick.journal import Asked, JournalError

    wanted = await _wanted(app, rows)
    if atomic and len(wanted) > AccountBulks.LARGEST:
        raise WrongUsage(f"at most {AccountBulks.LARGEST} accounts are opened together")
    opened, refusals = 0, []
    for start in range(0, len(wanted), AccountBulks.LARGEST):
        some = wanted[start : start + AccountBulks.LARGEST]
        # The same file is the same wish, whoever sends it again.
        key = hashlib.sha256(repr((atomic, some)).encode()).hexdigest()
        asked = Asked("operator:ledger.open_many", key, key.encode())
        bulks = app.account_bulks
        opens = bulks.open_all if atomic else bulks.open_each
        for new, outcome in zip(some, await opens(some, asked=asked), strict=True):
            if isinstance(outcome, JournalError):
                refusals.append(f"{new.order.code}: {outcome.code}")
            else:
                opened += 1
        tell(len(some))
    return {
        "opened": opened,
        "refused": len(refusals),
        "refusals": refusals[:REFUSALS_SHOWN],
    }


async def _wanted(app: "App", rows: list[dict[str, str]]) -> list[Any]:
    from tallystick.books import PLATFORM, NewAccount, account_id
    from tallystick.cli.merchants import find_named
    from tallystick.ledger import Open

    names = {row.get("merchant", "") for row in rows} - {""}
    owners: dict[str, UUID] = {"": PLATFORM}
    for name in sorted(names):
        owners[name] = (await find_named(app.merchants, name)).id
    return [
        NewAccount(
            Open(
                account_id(owners[row.get("merchant", "")], row["code"]),
                row["code"],
                row["currency"],
                row["side"],
                _overdraft(row.get("overdraft", "")),
            )
        )
        for row in rows
    ]


def _overdraft(text: str) -> int | None:
    if text == "unlimited":
        return None
    if text and not (text.isascii() and text.isdigit() and len(text) < 20):
        raise WrongUsage(f"an overdraft is a number of minor units, or `unlimited`: {text}")
    return int(text or 0)
