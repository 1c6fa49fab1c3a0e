"""`tallystick events`: what happened, to one object or to all, and part of the log told again."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, group, id_named, opened
from tallystick.cli.failures import NotThere
from tallystick.cli.instants import read_instant, read_instant_if
from tallystick.cli.terminal import Output, as_json, say, show_json, show_record, show_records

if TYPE_CHECKING:
    from uuid import UUID

    from tallystick.delivery import CloudEvent, LoggedFact

COLUMNS = ("version", "at", "kind", "data")
EVENT_COLUMNS = ("time", "type", "subject", "sequence", "id")

Since = Annotated[str | None, typer.Option(help="From this day or instant on.")]
Until = Annotated[str | None, typer.Option(help="Before this day or instant.")]
Kinds = Annotated[list[str] | None, typer.Option("--kind", help="Only this kind; repeatable.")]


def add_events(program: typer.Typer) -> None:
    """`events`."""
    events = group("events", "The history in the log, and telling it again.", under=program)
    example = "tallystick events list --kind payment.captured --since 2026-03-01"
    command(events, "list", example=example)(list_events)
    example = "tallystick events show 0195a3f0-7c11-7000-8000-3f6c1d2e4b5a"
    command(events, "show", example=example)(show)
    command(events, "history", example="tallystick events history pay_01h4...")(history)
    example = "tallystick events replay --since 2026-03-01 --topic audit --dry-run"
    command(events, "replay", example=example)(replay)


async def history(
    name: Annotated[str, typer.Argument(metavar="ID", help="Of a payment, an account, ...")],
    output: Output = None,
) -> None:
    """Everything that happened to one object, in order."""
    async with opened() as app:
        facts = await app.delivery.events.history(_identifier(name))
    if not facts:
        raise NotThere(f"nothing is known of {name}")
    show_records(output, [_record(fact) for fact in facts], COLUMNS, right=("version",))


async def list_events(
    *,
    subject: Annotated[str | None, typer.Option(help="Of this object only, by its id.")] = None,
    kind: Kinds = None,
    since: Since = None,
    until: Until = None,
    lane: Annotated[int, typer.Option(min=0, help="A bulk loader's; 0: everything else.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    output: Output = None,
) -> None:
    """What was told outside, as the bus tells it, in its order."""
    from tallystick.delivery import Wanted

    wanted = Wanted(read_instant_if(since), read_instant_if(until), tuple(kind or ()))
    found: list[CloudEvent] = []
    place: int | None = 0
    async with opened() as app:
        events = app.delivery.events
        while place is not None and (left := limit - len(found)):
            if subject is None:
                page = await events.list_lane(wanted, lane=lane, place=place, limit=left)
            else:
                named = _identifier(subject)
                page = await events.list_life(named, wanted, place=place, limit=left)
            found, place = [*found, *page.events], page.next_place
    show_records(output, [_event(event) for event in found], EVENT_COLUMNS, right=("sequence",))


async def show(
    name: Annotated[str, typer.Argument(metavar="EVENT", help="An event's id on the bus.")],
    output: Output = None,
) -> None:
    """Show one event."""
    async with opened() as app:
        event = await app.delivery.events.get_event(id_named("evt", name, "event"))
    show_record(output, _event(event))


async def replay(
    since: Annotated[str, typer.Option(help="From this day or instant on.")],
    until: Until = None,
    kind: Kinds = None,
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
    from tallystick.delivery import Wanted

    wanted = Wanted(read_instant(since), read_instant_if(until), tuple(kind or ()))
    async with opened() as app:
        messages = await app.delivery.events.replay(wanted, topic, dry_run=dry_run)
    if as_json(output):
        show_json({"sent": not dry_run, "messages": messages})
        return
    say(f"{'would send' if dry_run else 'sent'} {messages:,} messages")


def _identifier(name: str) -> "UUID":
    from tallystick.platform.ids import MalformedId, parse_typeid

    try:
        return parse_typeid(name.rpartition("_")[0], name)
    except MalformedId:
        raise NotThere(f"nothing is known of {name}") from None


def _event(event: "CloudEvent") -> dict[str, Any]:
    import msgspec

    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(event))
    return told


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
