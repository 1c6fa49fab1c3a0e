"""`tallystick transfer-schedules`: wallet transfers for later, once or again and again."""

from collections.abc import Callable
from datetime import date, time
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from tallystick.cli.command import command, group, id_named, opened
from tallystick.cli.failures import WrongUsage
from tallystick.cli.named_wallet import WalletName, get_wallet_id
from tallystick.cli.terminal import Amount, Format, Output, show_record, show_records
from tallystick.cli.wishes import Key, asked_here

if TYPE_CHECKING:
    from tallystick.wallets import transfers

Status = Literal["active", "paused", "finished", "stopped", "cancelled"]
COLUMNS = ("id", "status", "frequency", "amount", "currency", "next_run_at", "runs", "failures")
Read = TypeVar("Read", date, time)
ScheduleName = Annotated[str, typer.Argument(help="The schedule's id (sch_...).")]


def add_transfer_schedules(program: typer.Typer) -> None:
    """`transfer-schedules`."""
    schedules = group("transfer-schedules", "Wallet transfers at set times.", under=program)
    example = (
        "tallystick transfer-schedules create wal_01h4... wal_01h5... 250000"
        " --frequency monthly --starts-on 2026-03-31 --at 09:00 --timezone Asia/Kolkata"
    )
    command(schedules, "create", example=example)(create)
    command(schedules, "list", example="tallystick transfer-schedules list --status active")(
        list_schedules
    )
    for verb, run in (("pause", pause), ("resume", resume), ("cancel", cancel)):
        command(schedules, verb, example=f"tallystick transfer-schedules {verb} sch_01h4...")(run)


async def create(
    payer: WalletName,
    payee: WalletName,
    amount: Annotated[int, typer.Argument(min=1, help="In minor units: 1250 is INR 12.50.")],
    *,
    frequency: Annotated[str, typer.Option(help="once, daily, weekly or monthly.")],
    starts_on: Annotated[str, typer.Option(help="Its first day, as 2026-03-31.")],
    at: Annotated[str, typer.Option(help="On a clock of that zone, as 09:00.")],
    timezone: Annotated[str, typer.Option(help="As in Asia/Kolkata.")],
    ends_on: Annotated[str | None, typer.Option(help="Its last day.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="How many times it runs.")] = None,
    stop_after: Annotated[
        int | None, typer.Option(min=1, help="Failures in a row that stop it.")
    ] = None,
    currency: Annotated[str, typer.Option(help="ISO 4217, of both wallets.")] = "INR",
    key: Key = None,
    output: Output = None,
) -> None:
    """Let money move from the first wallet to the second at set times."""
    from tallystick.wallets import transfers

    recurrence = transfers.Recurrence(
        frequency=frequency,
        starts_on=_read(date.fromisoformat, starts_on),
        local_time=_read(time.fromisoformat, at),
        timezone=timezone,
        ends_on=_read(date.fromisoformat, ends_on) if ends_on else None,
        count=count,
    )
    async with opened() as app:
        terms = transfers.ScheduleTerms(
            from_wallet_id=await get_wallet_id(app.ledger, payer),
            to_wallet_id=await get_wallet_id(app.ledger, payee),
            amount_minor=amount,
            currency=currency,
            recurrence=recurrence,
            stop_after_failures=stop_after,
        )
        asked = asked_here("transfer_schedules.create", key, repr(terms))
        scheduled = await app.schedules.create(terms, asked=asked)
    show_record(output, _record(scheduled.row))


async def list_schedules(
    wallet: Annotated[str | None, typer.Option(help="Only those paying from this wallet.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    output: Output = None,
) -> None:
    """List the latest schedules."""
    from tallystick.wallets import transfers

    async with opened() as app:
        wallet_id = await get_wallet_id(app.ledger, wallet) if wallet else None
        wanted = transfers.Wanted(wallet_id=wallet_id, status=status, limit=limit)
        rows = await app.schedules.list_schedules(wanted)
    show_records(output, [_record(row) for row in rows], COLUMNS, right=("amount",))


async def pause(schedule: ScheduleName, output: Output = None) -> None:
    """Do not run it until it is resumed."""
    await _change("pause", schedule, output)


async def resume(schedule: ScheduleName, output: Output = None) -> None:
    """Run it again, from the next time it is due."""
    await _change("resume", schedule, output)


async def cancel(schedule: ScheduleName, output: Output = None) -> None:
    """Never run it again."""
    await _change("cancel", schedule, output)


async def _change(verb: str, schedule: str, output: Format | None) -> None:
    async with opened() as app:
        scheduled = await getattr(app.schedules, verb)(id_named("sch", schedule, "schedule"))
    show_record(output, _record(scheduled.row))


def _read(parse: Callable[[str], Read], text: str) -> Read:
    try:
        return parse(text)
    except ValueError:
        raise WrongUsage(f"{text}: a day is 2026-03-31, a time 09:00") from None


def _record(row: "transfers.ScheduleRow") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    return {
        "id": typeid("sch", row.id),
        "status": row.status,
        "from": typeid("wal", row.from_wallet_id),
        "to": typeid("wal", row.to_wallet_id),
        "amount": Amount(row.amount_minor, row.currency),
        "currency": row.currency,
        "frequency": row.frequency,
        "starts_on": row.starts_on,
        "local_time": row.local_time,
        "timezone": row.timezone,
        "ends_on": row.ends_on,
        "count": row.runs_max,
        "runs": row.runs,
        "failures": row.failures,
        "skipped": row.skipped,
        "last_failure": row.last_failure_code,
        "next_run_at": row.due_at,
    }
