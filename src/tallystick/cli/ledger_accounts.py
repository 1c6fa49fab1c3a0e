"""`tallystick ledger open` and its like: accounts made, described, frozen, limited, closed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, opened
from tallystick.cli.named_account import Name, get_named, terms_record
from tallystick.cli.terminal import Output, show_record
from tallystick.cli.wishes import Key, asked_here

if TYPE_CHECKING:
    from uuid import UUID

    from tallystick.app import App

Text = Annotated[
    list[str] | None,
    typer.Option("--metadata", help="NAME=TEXT, kept sealed; may be repeated."),
]


def add_account_commands(ledger: typer.Typer) -> None:
    """What alters accounts."""
    command(ledger, "open", example="tallystick ledger open petty:cash:INR INR debit")(open_account)
    command(ledger, "open-many", example="tallystick ledger open-many accounts.csv")(open_many)
    example = "tallystick ledger describe petty:cash:INR --metadata desk=3"
    command(ledger, "describe", example=example)(describe)
    command(ledger, "freeze", example="tallystick ledger freeze petty:cash:INR --all")(freeze)
    command(ledger, "thaw", example="tallystick ledger thaw petty:cash:INR")(thaw)
    command(ledger, "limit", example="tallystick ledger limit petty:cash:INR 100000")(limit_account)
    command(ledger, "close", example="tallystick ledger close petty:cash:INR")(close)


async def open_account(
    code: Annotated[str, typer.Argument(help="The new account's code.")],
    currency: Annotated[str, typer.Argument(help="ISO 4217.")],
    side: Annotated[str, typer.Argument(help="On which it grows: debit or credit.")],
    *,
    overdraft: Annotated[
        int | None, typer.Option(min=0, help="How far below zero it may go, in minor units.")
    ] = 0,
    unlimited: Annotated[bool, typer.Option("--unlimited", help="No overdraft limit.")] = False,
    merchant: Annotated[
        str | None, typer.Option(help="Whose it is; default: the platform's.")
    ] = None,
    metadata: Text = None,
    key: Key = None,
    output: Output = None,
) -> None:
    """Open an account; its id follows from its owner and its code."""
    from tallystick.books import account_id
    from tallystick.ledger import Open

    limit = None if unlimited else overdraft
    texts = _texts(metadata)
    async with opened() as app:
        owner = await _owner(app, merchant)
        order = Open(account_id(owner, code), code, currency, side, limit)
        words = f"{owner} {code} {currency} {side} {limit} {texts}"
        asked = asked_here("ledger.open", key, words)
        terms = await app.accounts.open(order, metadata=texts or None, asked=asked)
    show_record(output, terms_record(terms))


async def open_many(
    file: Annotated[
        Path,
        typer.Argument(
            help="A .csv with a header: code, currency, side; and if wanted overdraft, merchant."
        ),
    ],
    *,
    atomic: Annotated[bool, typer.Option("--atomic", help="All of them or none.")] = False,
    output: Output = None,
) -> None:
    """Open the accounts of a file; the same file again opens nothing twice.

    Exit code 1 when one was refused.
    """
    from tallystick.cli.account_files import open_accounts_of, read_accounts
    from tallystick.cli.progress import counted

    rows = read_accounts(file)
    async with opened() as app:
        with counted("accounts", len(rows), output) as tell:
            record = await open_accounts_of(app, rows, tell, atomic=atomic)
    show_record(output, record)
    if record["refused"]:
        raise SystemExit(1)


async def describe(
    account: Name,
    *,
    metadata: Text = None,
    key: Key = None,
    output: Output = None,
) -> None:
    """Replace all metadata of an account; without any, it has none."""
    from tallystick.platform.ids import typeid

    texts = _texts(metadata)
    async with opened() as app:
        found = await get_named(app.ledger, account)
        asked = asked_here("ledger.describe", key, f"{found.id} {texts}")
        kept = await app.account_metadata.put(found.id, texts, asked=asked)
    record = {
        "id": typeid("acc", found.id),
        "code": found.code,
        "metadata": kept.texts,
        "version": kept.version,
        "replayed": kept.replayed,
    }
    show_record(output, record)


async def freeze(
    account: Name,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Nothing may arrive either.")] = False,
    key: Key = None,
    output: Output = None,
) -> None:
    """Stop what leaves an account, or everything."""
    await _frozen(account, "all" if everything else "outflow", key, output)


async def thaw(account: Name, *, key: Key = None, output: Output = None) -> None:
    """Let money move again."""
    await _frozen(account, "no", key, output)


async def limit_account(
    account: Name,
    overdraft: Annotated[
        int, typer.Argument(min=0, help="How far below zero it may go, in minor units.")
    ] = 0,
    *,
    unlimited: Annotated[bool, typer.Option("--unlimited", help="No overdraft limit.")] = False,
    key: Key = None,
    output: Output = None,
) -> None:
    """Set how far an account may be overdrawn."""
    from tallystick.ledger import Limit

    async with opened() as app:
        found = await get_named(app.ledger, account)
        order = Limit(found.id, None if unlimited else overdraft)
        asked = asked_here("ledger.limit", key, f"{order}")
        terms = await app.accounts.limit(order, asked=asked)
    show_record(output, terms_record(terms))


async def close(account: Name, *, key: Key = None, output: Output = None) -> None:
    """Close an empty account for good."""
    from tallystick.ledger import Close

    async with opened() as app:
        found = await get_named(app.ledger, account)
        asked = asked_here("ledger.close", key, f"{found.id}")
        terms = await app.accounts.close(Close(found.id), asked=asked)
    show_record(output, terms_record(terms))


async def _frozen(account: str, stops: str, key: str | None, output: Any) -> None:
    from tallystick.ledger import Freeze

    async with opened() as app:
        found = await get_named(app.ledger, account)
        asked = asked_here("ledger.freeze", key, f"{found.id} {stops}")
        terms = await app.accounts.freeze(Freeze(found.id, stops), asked=asked)
    show_record(output, terms_record(terms))


def _texts(given: list[str] | None) -> dict[str, str]:
    """The texts by their names. Raises WrongUsage."""
    from tallystick.cli.failures import WrongUsage

    pairs = [text.partition("=") for text in given or ()]
    if not all(name and separator for name, separator, _ in pairs):
        raise WrongUsage("metadata is given as NAME=TEXT")
    return {name: text for name, _, text in pairs}


async def _owner(app: "App", merchant: str | None) -> "UUID":
    from tallystick.books import PLATFORM
    from tallystick.cli.merchants import find_named

    return (await find_named(app.merchants, merchant)).id if merchant else PLATFORM
