"""`tallystick keys`: API keys, made, listed, revoked."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, group, opened
from tallystick.cli.failures import WrongUsage
from tallystick.cli.sealed_names import readable
from tallystick.cli.terminal import Output, as_json, say, show_json, show_record, show_records

if TYPE_CHECKING:
    from uuid import UUID

    from tallystick.identity import ApiKey
    from tallystick.journal import Journal

COLUMNS = ("id", "name", "merchant", "permissions", "created_at", "revoked_at")
Merchant = Annotated[
    str | None, typer.Option("--merchant", help="A merchant's id or its own external id.")
]
Operator = Annotated[
    bool, typer.Option("--operator", help="The platform's operator, who may do everything.")
]


def add_keys(program: typer.Typer) -> None:
    """`keys`."""
    keys = group("keys", "API keys: make, list, revoke.", under=program)
    command(keys, "create", example="tallystick keys create --merchant demo_shop --name web")(
        create
    )
    command(keys, "list", example="tallystick keys list --operator")(list_keys)
    command(keys, "revoke", example="tallystick keys revoke key_01h4...")(revoke)


async def create(
    *,
    merchant: Merchant = None,
    operator: Operator = False,
    name: Annotated[str, typer.Option(help="What it is for.")] = "made in the terminal",
    permission: Annotated[
        list[str] | None, typer.Option(help="read, pay or operate; default: all it may have.")
    ] = None,
    output: Output = None,
) -> None:
    """Make a key and show it: this once, since only its hash is kept."""
    from tallystick.cli.merchants import find_named

    _require_one(merchant, operator=operator)
    async with opened() as app:
        owner = (await find_named(app.merchants, merchant)).id if merchant else None
        row, text = await app.keys.create(owner, name, permission or None)
    record = {**_record(row, name), "key": text}
    if as_json(output):
        show_json(record)
    else:
        show_record(output, record)
        say("\nKeep it now: it is not shown again.")


async def list_keys(
    merchant: Merchant = None, operator: Operator = False, output: Output = None
) -> None:
    """List the keys of a merchant, or of the operator, oldest first."""
    from tallystick.books import PLATFORM
    from tallystick.cli.merchants import find_named

    _require_one(merchant, operator=operator)
    async with opened() as app:
        owner = (await find_named(app.merchants, merchant)).id if merchant else None
        records = [
            _record(row, await readable(_name(app.journal, owner or PLATFORM, row)))
            for row in await app.keys.list_keys(owner)
        ]
    show_records(output, records, COLUMNS)


async def revoke(
    key: Annotated[str, typer.Argument(help="The key's id.")], output: Output = None
) -> None:
    """End a key: within five seconds nobody takes it any more."""
    from tallystick.platform.ids import parse_typeid

    async with opened() as app:
        row = await app.keys.revoke(parse_typeid("key", key))
    show_record(output, _record(row, None))


async def _name(journal: "Journal", owner_id: "UUID", row: "ApiKey") -> str | None:
    clear = await journal.unseal(owner_id, row.name_sealed)
    return str(clear["name"]) if clear else None


def _require_one(merchant: str | None, *, operator: bool) -> None:
    if bool(merchant) == operator:
        raise WrongUsage("say whose: --merchant NAME, or --operator")


def _record(row: "ApiKey", name: str | None) -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    principal = row.principal
    merchant_id = principal.merchant_id
    record = {
        "id": typeid("key", row.id),
        "name": name,
        "merchant": typeid("mer", merchant_id) if merchant_id else None,
        "permissions": sorted(principal.permissions),
        "created_at": row.created_at,
        "revoked_at": row.revoked_at,
    }
    return record if name is not None else {n: v for n, v in record.items() if n != "name"}
