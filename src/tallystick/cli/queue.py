"""`tallystick queue`: facts that a consumer could not deliver, and their second chance."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, group, id_named, opened
from tallystick.cli.failures import WrongUsage
from tallystick.cli.terminal import Output, as_json, say, show_json, show_record, show_records

if TYPE_CHECKING:
    from tallystick.delivery import DeadLetter

COLUMNS = ("id", "consumer", "kind", "status", "attempts", "code", "first_failed_at", "due_at")
STATUSES = ("dead", "retrying", "held", "delivered")

ConsumerName = Annotated[
    str | None, typer.Option("--consumer", help="Only of this consumer, such as ledger.")
]


def add_queue(program: typer.Typer) -> None:
    """`queue`."""
    queue = group("queue", "What the consumers of the log could not deliver.", under=program)
    dead = group("dead", "Dead letters: list, look, let them be tried anew.", under=queue)
    command(dead, "list", example="tallystick queue dead list --consumer ledger")(list_letters)
    command(dead, "show", example="tallystick queue dead show ltr_01h4...")(show)
    example = "tallystick queue dead redrive --consumer ledger --preview"
    command(dead, "redrive", example=example)(redrive)


async def list_letters(
    consumer: ConsumerName = None,
    status: Annotated[
        str | None, typer.Option(help="Only dead, retrying, held or delivered ones.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="At most so many.")] = 50,
    output: Output = None,
) -> None:
    """List what is not delivered, the latest first."""
    if status is not None and status not in STATUSES:
        raise WrongUsage(f"--status is one of {', '.join(STATUSES)}")
    statuses = (status,) if status else STATUSES[:3]
    async with opened() as app:
        letters = await app.delivery.letters.list_letters(consumer, statuses, limit)
    show_records(output, [_record(letter) for letter in letters], COLUMNS, right=("attempts",))


async def show(
    name: Annotated[str, typer.Argument(metavar="LETTER", help="A letter's id (ltr_...).")],
    output: Output = None,
) -> None:
    """Show one letter, and the fact that it is about."""
    async with opened() as app:
        letter = await app.delivery.letters.get_letter(id_named("ltr", name, "letter"))
        (fact,) = await app.delivery.events.facts_behind(letter)
    about = {
        "aggregate_id": letter.aggregate_id,
        "version": letter.version,
        "lane": letter.lane,
        "position": letter.position,
        "data": fact.data,
    }
    show_record(output, _record(letter) | {"detail": letter.detail} | about)


async def redrive(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[LETTER]...", help="Dead letters (ltr_...).")
    ] = None,
    consumer: ConsumerName = None,
    every: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only say which.")] = False,
    output: Output = None,
) -> None:
    """Let dead letters be tried anew by the worker; what is held back behind them follows.

    A fact that had its effect meanwhile has no second one.
    """
    if sum((bool(names), consumer is not None, every)) != 1:
        raise WrongUsage("name letters, or --consumer, or --all")
    chosen = [id_named("ltr", name, "letter") for name in names or ()]
    async with opened() as app:
        letters = app.delivery.letters
        found = await (letters.preview if preview else letters.redrive)(chosen, consumer)
    records = [
        _record(letter) | {"held": held}
        for letter, held in zip(found.letters, found.held, strict=True)
    ]
    if as_json(output):
        show_json({"redriven": not preview, "letters": records})
        return
    show_records(output, records, ("id", "consumer", "kind", "code", "held"), right=("held",))
    if records:
        say("would be tried anew" if preview else "the worker tries them anew")


def _record(letter: "DeadLetter") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    return {
        "id": typeid("ltr", letter.id),
        "consumer": letter.consumer,
        "kind": letter.kind,
        "status": letter.status,
        "attempts": letter.attempts,
        "code": letter.code,
        "first_failed_at": letter.first_failed_at,
        "due_at": letter.due_at,
    }
