"""Wallets as the terminal names them: by their id, or by the code of their account."""

from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.cli.failures import NotThere

if TYPE_CHECKING:
    from uuid import UUID

    from tallystick.ledger import Ledger

WalletName = Annotated[
    str, typer.Argument(help="A wallet's id (wal_...), or its code: wallet:usr_...:INR.")
]


async def get_wallet_id(ledger: "Ledger", name: str) -> "UUID":
    """The id behind a wallet's name. Raises NotThere."""
    from tallystick.platform.ids import MalformedId, parse_typeid

    try:
        return parse_typeid("wal", name)
    except MalformedId:
        found = await ledger.find_account_by_code(name)
    if found is None or not name.startswith("wallet:"):
        raise NotThere(f"no wallet is called {name}")
    return found.id
