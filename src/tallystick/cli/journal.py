"""`tallystick journal`: the log held against its chain, its tables held against the log."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, group, opened
from tallystick.cli.failures import REFUSED, WrongUsage
from tallystick.cli.terminal import Output, as_json, say, show_json, show_records

if TYPE_CHECKING:
    from tallystick.platform.postgres.address import Address
    from tallystick.platform.postgres.pools import Connection


def add_journal(program: typer.Typer) -> None:
    """`journal`."""
    journal = group("journal", "Verify the log, rebuild what is made from it.", under=program)
    command(journal, "verify", example="tallystick journal verify")(verify)
    command(journal, "rebuild", example="tallystick journal rebuild payments")(rebuild)


async def verify(output: Output = None) -> None:
    """Recompute the hash chain, compare it with the heads published in heads.jsonl, and hold
    every table that is made from facts against them; sealed texts are tried. Exit code 1 when
    anything differs.
    """
    async with opened() as app, app.database.reading() as connection:
        chain = await app.journal.verify_chain(connection)
        published, belied = await app.journal.verify_heads(connection, app.heads_path)
        tables = await app.journal.verify_projections(connection)
    found = {
        "chain": chain,
        "published_heads": {"count": published, "breaks": belied},
        "tables": tables,
    }
    if as_json(output):
        show_json(found)
    else:
        _tell(found)
    if chain.breaks or belied or not all(table.sound for table in tables):
        raise SystemExit(REFUSED)


async def rebuild(
    names: Annotated[
        list[str] | None, typer.Argument(help="Tables, such as payments or merchants.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Every table made from facts.")] = False,
    output: Output = None,
) -> None:
    """Make tables equal to their facts again, while everything runs.

    Says what differed before; needs the owner's login (DB_OWNER_URL) at a database of your own.
    """
    from tallystick.app import PROJECTIONS
    from tallystick.cli.database import opened_app

    known = [projection.table for projection in PROJECTIONS]
    wanted = known if every else list(names or ())
    if not wanted or not set(wanted) <= set(known):
        raise WrongUsage(f"name what to rebuild, or say --all: {', '.join(known)}")
    async with opened_app() as (app, reached):
        owner = await _connected(reached.owner)
        try:
            done = [_record(await app.journal.rebuild(owner, table)) for table in wanted]
        finally:
            await owner.close()
    show_records(output, done, ("table", "rows", "mended", "removed"), right=("rows",))


async def _connected(owner: "Address") -> "Connection":
    from tallystick.platform.postgres.pools import connect

    return await connect(owner, server_settings={"search_path": f'"{owner.schema}"'})


def _record(before: Any) -> dict[str, Any]:
    return {
        "table": before.table,
        "rows": before.rows,
        "mended": len(before.differing),
        "removed": len(before.strangers),
    }


def _tell(found: dict[str, Any]) -> None:
    chain = found["chain"]
    say(
        f"chain      {_verdict(not chain.breaks)}  {chain.batches:,} batches, "
        f"{chain.facts:,} facts, {chain.transfers:,} transfers"
    )
    heads = found["published_heads"]
    say(f"published  {_verdict(not heads['breaks'])}  {heads['count']:,} heads in heads.jsonl")
    for broken in (*chain.breaks, *heads["breaks"]):
        say(f"           lane {broken.lane} batch {broken.batch}: {broken.reason}")
    for table in found["tables"]:
        below = f", {table.let_go:,} below the retention cut" if table.let_go else ""
        say(f"table      {_verdict(table.sound)}  {table.table}, {table.rows:,} rows{below}")
        if not table.equal:
            say(
                f"           {len(table.differing)} differ from their facts, "
                f"{len(table.strangers)} have none: tallystick journal rebuild {table.table}"
            )
        if table.tampered:
            say(f"           {len(table.tampered)} hold a sealed text that was changed")


def _verdict(good: bool) -> str:
    return "ok " if good else "RED"
