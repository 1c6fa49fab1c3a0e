"""`tallystick events`: what happened to one object, and part of the log told again."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, group
from tallystick.cli.failures import NotThere
from tallystick.cli.instants import read_instant, read_instant_if
from tallystick.cli.terminal import Output, as_json, say, show_json, show_records

if TYPE_CHECKING:
    from uuid import UUID

    from tallystick.delivery import LoggedFact

COLUMNS = ("version", "at", "kind", "data")


def add_events(program: typer.Typer) -> None:
    """`events`."""
    events = group("events", "The history in the log, and telling it again.", under=program)
    command(events, "history", example="tallystick events history pay_01h4...")(history)
    example = "tallystick events replay --since 2026-03-01 --topic audit --dry-run"
    command(events, "replay", example=example)(replay)


async def history(
    name: Annotated[str, typer.Argument(metavar="ID", help="Of a payment, an account, ...")],
    output: Output = None,
) -> None:
    """Everything that happened to one object, in order."""
    from tallystick.cli.database import opened_app

    async with opened_app() as (app, _):
        facts = await app.delivery.events.history(_identifier(name))
    if not facts:
        raise NotThere(f"nothing is known of {name}")
    show_records(output, [_record(fact) for fact in facts], COLUMNS, right=("version",))


async def replay(
    since: Annotated[str, typer.Option(help="From this day or instant on.")],
    until: Annotated[str | None, typer.Option(help="Before this day or instant; now.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only this kind; repeatable.")] = None,
    topic: Annotated[
        str | None, typer.Option(help="All of it to this topic, not to each fact's own.")
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    output: Output = None,
) -> None:
    """Send a part of the log to Kafka again.

    Every event keeps its id, so a consumer that has it drops it; tables are made anew from the
    log by `tallystick journal rebuild`.
    """
    from tallystick.cli.database import opened_app
    from tallystick.delivery import Window

    began = read_instant(since)
    async with opened_app() as (app, _):
        window = Window(began, read_instant_if(until) or app.clock.now(), tuple(kind or ()))
        done = await app.delivery.events.replay(window, topic, dry_run=dry_run)
    if as_json(output):
        show_json({"sent": not dry_run, "facts": done.facts, "messages": done.messages})
        return
    verb = "would send" if dry_run else "sent"
    say(f"{verb} {done.messages:,} messages of {done.facts:,} facts")


def _identifier(name: str) -> "UUID":
    from tallystick.platform.ids import MalformedId, parse_typeid

    try:
        return parse_typeid(name.rpartition("_")[0], name)
    except MalformedId:
        raise NotThere(f"nothing is known of {name}") from None


def _record(fact: "LoggedFact") -> dict[str, Any]:
    return {
        "version": fact.version,
        "at": fact.at,
        "kind": fact.kind,
        "data": fact.data,
        "lane": fact.lane,
        "position": fact.position,
        "request_id": fact.request_id,
    }
