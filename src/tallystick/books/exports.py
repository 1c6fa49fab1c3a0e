"""The ledger written to a file: its lines as CSV or Parquet, all of it as beancount text.

A file appears under its name when it is whole. What is written is one snapshot, read row by row in
the order of the transfers' ids; the order of an account's lines is that of their versions.
"""

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

import duckdb

from tallystick.books import beancount
from tallystick.books.model import BooksError
from tallystick.ledger import Ledger
from tallystick.platform.ids import typeid

COLUMNS: Final = {
    "created_at": "TIMESTAMPTZ",
    "effective_at": "TIMESTAMPTZ",
    "transaction_id": "VARCHAR",
    "transfer_id": "VARCHAR",
    "account_id": "VARCHAR",
    "account": "VARCHAR",
    "account_version": "BIGINT",
    "entry_type": "VARCHAR",
    "amount_minor": "BIGINT",
    "currency": "VARCHAR",
    "balance_after_minor": "BIGINT",
    "kind": "VARCHAR",
    "code": "VARCHAR",
}
"""The columns of an exported line and their types in a Parquet file."""

_OFFLINE: Final[dict[str, str | bool | int | float | list[str]]] = {
    "threads": 1,
    "autoinstall_known_extensions": False,
}
_MOVED: Final = frozenset({"post", "settle"})


class Unwritable(BooksError):
    """The file cannot be written there."""

    code = "unwritable_file"


async def export_csv(
    ledger: Ledger,
    path: Path,
    *,
    prefix: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """The lines of all accounts whose code begins so, recorded in [`since`, `until`); how many.

    Two lines a transfer, debits negative. Raises Unwritable, Overloaded.
    """
    count = 0
    with _appearing(path) as draft, _opened(draft) as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(COLUMNS)
        async with ledger.snapshot() as snapshot:
            async for written in snapshot.written(since, until):
                for line in _lines(written, prefix):
                    lines.writerow(line)
                    count += 1
    return count


async def export_parquet(
    ledger: Ledger,
    path: Path,
    *,
    prefix: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """The same as a Parquet file, whose amounts are integers and whose instants have a zone."""
    text = path.with_name(f".{path.name}.csv")
    try:
        count = await export_csv(ledger, text, prefix=prefix, since=since, until=until)
        with _appearing(path) as draft, duckdb.connect(config=_OFFLINE) as connection:
            lines = connection.read_csv(str(text), header=True, columns=COLUMNS)
            lines.write_parquet(str(draft), compression="zstd")
    finally:
        text.unlink(missing_ok=True)
    return count


async def export_beancount(ledger: Ledger, path: Path, *, until: datetime | None = None) -> int:
    """The whole ledger as recorded before `until` (None: now) as beancount text; how many
    transactions. `bean-check` accepts it, and every balance in it is asserted.

    All accounts are kept in memory. Raises Unwritable, Overloaded.
    """
    with _appearing(path) as draft, _opened(draft) as file:
        async with ledger.snapshot() as snapshot:
            accounts = [standing async for standing in snapshot.standing(until)]
            names = beancount.account_names(accounts)
            first = await snapshot.first_at()
            day = first.date() if first else date(1970, 1, 1)
            _say(file, beancount.heading(sorted({account.currency for account in accounts})))
            for each in accounts:
                _say(file, beancount.opening(day, names[each.id], each.currency, each.code))
            count, last = 0, day
            async for written in snapshot.written(None, until):
                if written.kind in _MOVED:
                    _say(file, beancount.transaction(written, names))
                    last = max(last, beancount.value_day(written))
                    count += 1
        for each in accounts:
            _say(file, [_ending(each, names[each.id], last, until)])
    return count


def _ending(account: Any, name: str, last: date, until: datetime | None) -> str:
    """The account's close, if it was closed by then, or what it holds after the last day."""
    closed: datetime | None = account.closed_at
    if closed and (until is None or closed < until):
        return beancount.closing(max(closed.date(), last), name)
    after = last + timedelta(days=1)
    return beancount.assertion(after, name, account.net_minor, account.currency)


def _lines(written: Any, prefix: str) -> Iterator[tuple[Any, ...]]:
    """Both lines of a transfer, as far as their accounts are wanted."""
    for side, sign in (("debit", -1), ("credit", 1)):
        account = getattr(written, f"{side}_code")
        if not account.startswith(prefix):
            continue
        yield (
            written.created_at.isoformat(),
            written.effective_at.isoformat() if written.effective_at else None,
            typeid("chg", written.change_id),
            typeid("tra", written.id),
            typeid("acc", getattr(written, side)),
            account,
            getattr(written, f"{side}_version"),
            side.upper(),
            sign * written.amount_minor,
            written.currency,
            getattr(written, f"{side}_balance_minor"),
            written.kind,
            written.code,
        )


def _say(file: IO[str], lines: Iterable[str]) -> None:
    file.writelines(f"{line}\n" for line in lines)


@contextmanager
def _appearing(path: Path) -> Iterator[Path]:
    """A draft beside the file, which takes its name when it is whole. Raises Unwritable."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        yield draft
        draft.replace(path)
    except (ConnectionError, TimeoutError):
        raise  # the database's line, not the file
    except (OSError, duckdb.Error) as error:
        raise Unwritable(f"{path}: {error}") from error
    finally:
        draft.unlink(missing_ok=True)


def _opened(draft: Path) -> IO[str]:
    return draft.open("w", encoding="utf-8", newline="")
