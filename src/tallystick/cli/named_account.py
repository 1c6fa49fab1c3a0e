"""Accounts as the terminal names and shows them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.terminal import Amount

if TYPE_CHECKING:
    from tallystick.ledger import Ledger

Name = Annotated[str, typer.Argument(help="An account's code, or its id (acc_...).")]


async def get_named(ledger: "Ledger", name: str) -> Any:
    """The account with this id or code. Raises NotThere."""
    from tallystick.cli.failures import NotThere
    from tallystick.platform.ids import MalformedId, parse_typeid

    try:
        found = await ledger.find_account(parse_typeid("acc", name))
    except MalformedId:
        found = await ledger.find_account_by_code(name)
    if found is None:
        raise NotThere(f"no account is called {name}; tallystick ledger accounts lists them")
    return found


def account_record(account: Any) -> dict[str, Any]:
    """An account with its balances."""
    from tallystick.platform.ids import typeid

    limit = account.overdraft_limit
    return {
        "id": typeid("acc", account.id),
        "code": account.code,
        "currency": account.currency,
        "side": account.normal_side,
        "balance": Amount(account.posted_minor, account.currency),
        "available": Amount(account.available_minor, account.currency),
        "pending_in": Amount(account.pending_in_minor, account.currency),
        "pending_out": Amount(account.pending_out_minor, account.currency),
        "overdraft_limit": None if limit is None else Amount(limit, account.currency),
        "frozen": account.frozen,
        "closed_at": account.closed_at,
        "transfers": account.version,
    }


def terms_record(terms: Any) -> dict[str, Any]:
    """An account's terms."""
    from tallystick.platform.ids import typeid

    limit = terms.overdraft_limit_minor
    return {
        "id": typeid("acc", terms.id),
        "code": terms.code,
        "currency": terms.currency,
        "side": terms.normal_side,
        "overdraft_limit": None if limit is None else Amount(limit, terms.currency),
        "frozen": terms.frozen,
        "closed_at": terms.closed_at,
        "replayed": terms.replayed,
    }
