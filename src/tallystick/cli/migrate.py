"""`tallystick migrate`: the database's tables, brought up to date."""

from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.cli.command import command
from tallystick.cli.terminal import Output, as_json, say, show_json

if TYPE_CHECKING:
    from tallystick.platform.settings import Settings


def add_migrate(program: typer.Typer) -> None:
    """`migrate`."""
    command(program, "migrate", example="DB_OWNER_URL=postgresql://... tallystick migrate")(migrate)


async def migrate(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be applied.")
    ] = False,
    output: Output = None,
) -> None:
    """Apply what is new, admit the servers' login and make the coming months' partitions.

    With KAFKA_ENABLED it also makes the topics that are not there, and tells
    KAFKA_SCHEMA_REGISTRY_URL, if it is set, the events' schemas.

    Connects as DB_OWNER_URL, or as the servers' login when that is unset; without a database of
    your own it is the embedded one.
    """
    from tallystick.cli.database import bring_up_to_date, reached_database
    from tallystick.platform.postgres.migrations import pending
    from tallystick.platform.settings import load_settings

    settings = load_settings()
    async with reached_database(settings, migrated=False) as reached:
        names = await pending(reached.owner) if dry_run else await bring_up_to_date(reached)
    if settings.kafka_enabled and not dry_run:
        names = (*names, *await _topics(settings), *await _schemas(settings))
    if as_json(output):
        show_json({"pending" if dry_run else "applied": list(names)})
        return
    for name in names:
        say(f"{'would apply' if dry_run else 'applied'} {name}")
    if not names:
        say("up to date")


async def _topics(settings: "Settings") -> list[str]:
    from tallystick.delivery import ensure_topics

    return [f"topic {name}" for name in await ensure_topics(settings)]


async def _schemas(settings: "Settings") -> list[str]:
    from tallystick.cli.event_schemas import told_schemas
    from tallystick.delivery import register_schemas

    return [f"schema {name}" for name in await register_schemas(settings, told_schemas())]
