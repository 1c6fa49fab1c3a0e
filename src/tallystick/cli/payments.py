"""`tallystick payments`: the API, called from the terminal."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.cases import add_cases
from tallystick.cli.command import command, group, opened
from tallystick.cli.failures import CannotRun, WrongUsage
from tallystick.cli.instants import read_instant_if
from tallystick.cli.many_payments import COUNT_MAX, PATIENCE_S, pay_many
from tallystick.cli.terminal import (
    Amount,
    Format,
    Output,
    as_json,
    show_json,
    show_record,
    show_records,
)
from tallystick.cli.wishes import Key

if TYPE_CHECKING:
    from uuid import UUID

    from tallystick.cli.api_client import ApiClient

KEY_VARIABLE = "TALLYSTICK_API_KEY"
PATH = "/api/v1/payments"
REFUNDS = "/api/v1/refunds"
AMOUNTS = ("amount", "captured", "refunded")
LIST_COLUMNS = ("created_at", "id", "status", *AMOUNTS, "currency", "route")
EVENT_COLUMNS = ("version", "timestamp", "event_type", "data")

PaymentId = Annotated[str, typer.Argument(help="The payment's id.")]
Part = Annotated[int | None, typer.Option(min=1, help="In minor units; default: all.")]


def add_payments(program: typer.Typer) -> None:
    """`payments`."""
    payments = group(
        "payments",
        f"Payments over the API, with the key in {KEY_VARIABLE} or the demo merchant's.",
        under=program,
    )
    command(payments, "list", example="tallystick payments list --status captured")(list_payments)
    command(payments, "get", example="tallystick payments get pay_01h4...")(get)
    command(payments, "create", example="tallystick payments create 125000 --token tok_visa")(
        create
    )
    command(payments, "capture", example="tallystick payments capture pay_01h4... --amount 100000")(
        capture
    )
    command(payments, "cancel", example="tallystick payments cancel pay_01h4...")(cancel)
    command(payments, "reverse", example="tallystick payments reverse pay_01h4...")(reverse)
    command(payments, "refund", example="tallystick payments refund pay_01h4... --amount 2500")(
        refund
    )
    example = "tallystick payments refund-cancel ref_01h4..."
    command(payments, "refund-cancel", example=example)(refund_cancel)
    example = "tallystick payments late-failure pay_01h4... --code recalled"
    command(payments, "late-failure", example=example)(late_failure)
    command(payments, "events", example="tallystick payments events pay_01h4...")(events)
    add_cases(payments)


async def list_payments(
    *,
    status: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    merchant: Annotated[str | None, typer.Option(help="Only those of this merchant.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Made on this day or at this instant, or later.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Made before this day or instant.")] = None,
    amount_from: Annotated[
        int | None, typer.Option(min=1, help="Of so much or more, in minor units.")
    ] = None,
    amount_to: Annotated[int | None, typer.Option(min=1, help="Of at most so much.")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only those of this customer.")] = None,
    reference: Annotated[
        str | None, typer.Option(help="The one with this readable reference.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    output: Output = None,
) -> None:
    """List the latest payments, read from the database of this machine."""
    from tallystick.cli.merchants import find_named
    from tallystick.payments import Filters

    only = Filters(
        created_from=read_instant_if(since),
        created_to=read_instant_if(until),
        amount_from_minor=amount_from,
        amount_to_minor=amount_to,
        currency=currency,
        payment_id=_named_by(reference) if reference else None,
        customer_id=_customer(customer) if customer else None,
    )
    records: list[dict[str, Any]] = []
    async with opened() as app:
        merchant_id = (await find_named(app.merchants, merchant)).id if merchant else None
        cursor = None
        while len(records) < limit:
            page = await app.payments.list_payments(
                merchant_id,
                status=status,
                only=only,
                cursor=cursor,
                limit=limit - len(records),
            )
            records += [_listed(row) for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
    show_records(output, records, LIST_COLUMNS, right=AMOUNTS)


async def get(payment: PaymentId, output: Output = None) -> None:
    """Show a payment as it stands."""
    async with opened_api() as api:
        reply = await api.get(f"{PATH}/{payment}")
    _show(output, reply.body)


async def create(
    amount: Annotated[int, typer.Argument(min=1, help="In minor units: 1250 is INR 12.50.")],
    *,
    card: Annotated[
        str | None,
        typer.Option("--token", help="What is paid with; tok_visa, where no customer is named."),
    ] = None,
    wallet: Annotated[
        str | None, typer.Option(help="Pay with this wallet (wal_...), which its owner allows.")
    ] = None,
    customer: Annotated[
        str | None,
        typer.Option(help="Who pays (cus_...), with his default method unless one is said."),
    ] = None,
    saved_method: Annotated[
        str | None, typer.Option(help="The customer's saved method to pay with (pm_...).")
    ] = None,
    off_session: Annotated[
        bool, typer.Option("--off-session", help="He is not there: a saved method only.")
    ] = False,
    currency: Annotated[str, typer.Option(help="ISO 4217.")] = "INR",
    manual: Annotated[bool, typer.Option("--manual", help="Authorize only.")] = False,
    description: Annotated[str | None, typer.Option(help="What for; kept sealed.")] = None,
    count: Annotated[
        int, typer.Option(min=1, max=COUNT_MAX, help="So many payments, each with a key.")
    ] = 1,
    key: Key = None,
    output: Output = None,
) -> None:
    """Pay: authorize, and capture at once unless --manual. A decline is an answer too: exit 1."""
    methods = [method for method in (card, wallet, saved_method) if method]
    if len(methods) > 1:
        raise WrongUsage("one of --token, --wallet and --saved-method, not several")
    paid_with = {"type": "wallet", "wallet_id": wallet} if wallet else saved_method or card
    said = {
        "amount": amount,
        "currency": currency,
        "payment_method": paid_with or (None if customer else "tok_visa"),
        "customer_id": customer,
        "off_session": off_session,
        "capture_method": "manual" if manual else "automatic",
        "description": description,
    }
    body = {name: value for name, value in said.items() if value is not None}
    if count == 1:
        await _post(PATH, body, key, output)
    else:
        await _pay_many(body, count, key, output)


async def capture(
    payment: PaymentId,
    *,
    amount: Part = None,
    final: Annotated[bool, typer.Option("--final", help="Let go of the rest.")] = False,
    key: Key = None,
    output: Output = None,
) -> None:
    """Take authorized money: all that is left, or a part."""
    body = {"final": final} | ({} if amount is None else {"amount": amount})
    await _post(f"{PATH}/{payment}/capture", body, key, output)


async def cancel(
    payment: PaymentId,
    *,
    reason: Annotated[str, typer.Option(help="Why.")] = "requested_by_customer",
    key: Key = None,
    output: Output = None,
) -> None:
    """Give an authorization back, before anything is captured."""
    await _post(f"{PATH}/{payment}/cancel", {"reason": reason}, key, output)


async def reverse(
    payment: PaymentId,
    *,
    reason: Annotated[str, typer.Option(help="Why.")] = "requested_by_customer",
    key: Key = None,
    output: Output = None,
) -> None:
    """Undo a payment: void it while it is only promised, else refund all that was captured."""
    async with opened_api() as api:
        reply = await api.post(f"{PATH}/{payment}/reverse", {"reason": reason}, key=key)
    undone = reply.body["payment"] or reply.body["refund"]
    _show(output, reply.body if as_json(output) else {"way": reply.body["way"], **undone})
    if undone["status"] == "failed":
        raise SystemExit(1)


async def refund(
    payment: PaymentId,
    *,
    amount: Part = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "requested_by_customer",
    key: Key = None,
    output: Output = None,
) -> None:
    """Give captured money back: all that is left, or a part."""
    body = {"payment_id": payment, "reason": reason}
    more = {} if amount is None else {"amount": amount}
    await _post(REFUNDS, body | more, key, output)


async def refund_cancel(
    refund: Annotated[str, typer.Argument(help="The refund's id.")],
    key: Key = None,
    output: Output = None,
) -> None:
    """Call off a refund that its bank does not have; its money is available again."""
    await _post(f"{REFUNDS}/{refund}/cancel", {}, key, output)


async def events(payment: PaymentId, output: Output = None) -> None:
    """Show everything that happened to a payment, oldest first."""
    async with opened_api() as api:
        reply = await api.get(f"{PATH}/{payment}/events")
    show_records(output, reply.body["data"], EVENT_COLUMNS)


async def late_failure(
    payment: PaymentId,
    *,
    code: Annotated[
        str, typer.Option(help="The bank's word: recalled, rejected_late or returned_unpaid.")
    ] = "recalled",
    key: Key = None,
    output: Output = None,
) -> None:
    """Record that captured money never came: what was posted is undone. For operators."""
    async with opened_api(operator=True) as api:
        reply = await api.post(f"{PATH}/{payment}/late-failure", {"code": code}, key=key)
    _show(output, reply.body)


async def _pay_many(
    body: dict[str, Any], count: int, key: str | None, output: Format | None
) -> None:
    from tallystick.cli.progress import counted

    async with opened_api(patience_s=PATIENCE_S) as api:
        with counted("payments", count, output) as tell:
            made = await pay_many(api, PATH, body, count, key=key, tell=tell)
    show_record(output, made)
    if made.get("failed"):
        raise SystemExit(1)


@asynccontextmanager
async def opened_api(
    *, operator: bool = False, patience_s: float = 0.0
) -> "AsyncIterator[ApiClient]":
    """The API of the platform that runs here, or the one the settings name.

    With the key that the environment names, else the demo merchant's or its operator's.
    """
    from tallystick.cli.api_client import ApiClient
    from tallystick.cli.here import find_credentials, find_running
    from tallystick.platform.settings import load_settings

    settings = load_settings()
    home = settings.tallystick_home
    kept = find_credentials(home)
    here = (kept.operator_key if operator else kept.merchant_key) if kept else None
    key = os.environ.get(KEY_VARIABLE) or here
    if key is None:
        raise CannotRun(
            f"no API key: set {KEY_VARIABLE}, or start `tallystick up` once, which makes one"
        )
    running = find_running(home)
    url = running.api_url if running else f"http://{settings.host}:{settings.port}"
    async with ApiClient.open(url, key, patience_s=patience_s) as api:
        yield api


async def _post(path: str, body: dict[str, Any], key: str | None, output: Format | None) -> None:
    async with opened_api() as api:
        reply = await api.post(path, body, key=key)
    _show(output, reply.body)
    if reply.body.get("status") == "failed":
        raise SystemExit(1)


def _show(output: Format | None, body: dict[str, Any]) -> None:
    if as_json(output):
        show_json(body)
        return
    currency = body.get("currency", "")
    shown = {
        name: Amount(value, currency) if type(value) is int and currency else value
        for name, value in body.items()
        if value not in (None, {})
    }
    show_record(output, shown)


def _named_by(reference: str) -> "UUID":
    from tallystick.payments import parse_payment_reference
    from tallystick.platform.ids import MalformedId

    try:
        return parse_payment_reference(reference)
    except MalformedId as error:
        raise WrongUsage(f"{reference}: {error}") from None


def _customer(text: str) -> "UUID":
    from tallystick.platform.ids import MalformedId, parse_typeid

    try:
        return parse_typeid("cus", text)
    except MalformedId as error:
        raise WrongUsage(f"{text}: {error}") from None


def _listed(row: Any) -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    return {
        "created_at": row.created_at,
        "id": typeid("pay", row.id),
        "status": row.status,
        "amount": Amount(row.amount_minor, row.currency),
        "captured": Amount(row.captured_minor, row.currency),
        "refunded": Amount(row.refunded_minor, row.currency),
        "currency": row.currency,
        "route": row.route,
        "failure_code": row.failure_code,
        "reference": row.reference,
    }
