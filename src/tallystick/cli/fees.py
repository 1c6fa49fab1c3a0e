"""`tallystick fees`: what the platform keeps of captures."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, group, opened
from tallystick.cli.merchants import find_named
from tallystick.cli.terminal import Amount, Output, show_record, show_records
from tallystick.cli.wishes import Key, asked_here

if TYPE_CHECKING:
    from tallystick.payments.fees import FeePlanRow

COLUMNS = ("valid_from", "merchant", "currency", "method", "percent_bp", "fixed", "id")
MONEY = ("percent_bp", "fixed", "minimum", "cap")

Merchant = Annotated[
    str | None, typer.Option(help="Its id or external id; else the default for all.")
]
BasisPoints = Annotated[int, typer.Option(min=0, max=10_000, help="In basis points.")]
Part = Annotated[int, typer.Option(min=0, help="In minor units.")]


def add_fees(program: typer.Typer) -> None:
    """`fees`."""
    fees = group("fees", "Fee plans: set, show, see what a payment would cost.", under=program)
    example = "tallystick fees set INR --percent-bp 200 --fixed 300 --tax-bp 1800"
    command(fees, "set", example=example)(set_plan)
    command(fees, "show", example="tallystick fees show --merchant shop_7")(show)
    example = "tallystick fees preview shop_7 INR 10000 --method card"
    command(fees, "preview", example=example)(preview)


async def set_plan(
    currency: Annotated[str, typer.Argument(help="ISO 4217.")],
    *,
    merchant: Merchant = None,
    method: Annotated[str, typer.Option(help="any, card, upi or wallet.")] = "any",
    percent_bp: BasisPoints = 0,
    fixed: Part = 0,
    minimum: Part = 0,
    cap: Annotated[int | None, typer.Option(min=0, help="In minor units; else none.")] = None,
    tax_bp: BasisPoints = 0,
    reserve_bp: BasisPoints = 0,
    reserve_days: Annotated[int, typer.Option(min=0, help="How long a reserve is held.")] = 0,
    on_refund: Annotated[str, typer.Option(help="The fee is kept or returned.")] = "kept",
    valid_from: Annotated[
        str | None, typer.Option(help="From when, such as 2026-03-02T09:30:00Z; else now.")
    ] = None,
    key: Key = None,
    output: Output = None,
) -> None:
    """Charge payments that are made from now on, or from another instant on, by this plan."""
    from tallystick.cli.instants import read_instant_if
    from tallystick.payments.fees import FeePlanSet

    async with opened() as app:
        found = await find_named(app.merchants, merchant) if merchant else None
        plan = FeePlanSet(
            currency=currency,
            method=method,
            valid_from=read_instant_if(valid_from) or app.clock.now(),
            percent_bp=percent_bp,
            fixed_minor=fixed,
            merchant_id=found.id if found else None,
            minimum_minor=minimum,
            cap_minor=cap,
            tax_bp=tax_bp,
            reserve_bp=reserve_bp,
            reserve_days=reserve_days,
            on_refund=on_refund,
        )
        parts = (percent_bp, fixed, minimum, cap, tax_bp, reserve_bp, reserve_days, on_refund)
        words = f"{merchant} {currency} {method} {parts} {valid_from}"
        asked = asked_here("fees.set", key, words)
        done = await app.payments.operations.fee_plans.set(plan, asked=asked)
    show_record(output, _plan(done.row) | {"replayed": done.replayed})


async def show(
    merchant: Annotated[
        str | None, typer.Option(help="Only this one's: id or external id.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    output: Output = None,
) -> None:
    """List the plans that were set, the latest first."""
    async with opened() as app:
        found = await find_named(app.merchants, merchant) if merchant else None
        plans = app.payments.operations.fee_plans
        rows = await plans.list_plans(found.id if found else None, limit=limit)
    show_records(output, [_plan(row) for row in rows], COLUMNS, right=MONEY)


async def preview(
    merchant: Annotated[str, typer.Argument(help="Its id or external id.")],
    currency: Annotated[str, typer.Argument(help="ISO 4217.")],
    amount: Annotated[int, typer.Argument(min=1, max=10**15, help="In minor units.")],
    *,
    method: Annotated[str, typer.Option(help="card, upi or wallet.")] = "card",
    output: Output = None,
) -> None:
    """Say what a payment made now would cost."""
    from tallystick.platform.ids import typeid

    async with opened() as app:
        found = await find_named(app.merchants, merchant)
        plans = app.payments.operations.fee_plans
        said = await plans.preview(found, amount, currency, method)
    charge, plan_id = said.charge, said.terms.plan_id
    record = {
        "amount": Amount(amount, currency),
        "fee": Amount(charge.fee_minor, currency),
        "tax": Amount(charge.tax_minor, currency),
        "reserve": Amount(charge.reserve_minor, currency),
        "payable": Amount(said.payable_minor, currency),
        "plan": typeid("fpl", plan_id) if plan_id else None,
    }
    show_record(output, record)


def _plan(row: "FeePlanRow") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    cap = row.cap_minor
    return {
        "id": typeid("fpl", row.id),
        "merchant": typeid("mer", row.merchant_id) if row.merchant_id else None,
        "currency": row.currency,
        "method": row.method,
        "percent_bp": row.percent_bp,
        "fixed": Amount(row.fixed_minor, row.currency),
        "minimum": Amount(row.minimum_minor, row.currency),
        "cap": None if cap is None else Amount(cap, row.currency),
        "tax_bp": row.tax_bp,
        "reserve_bp": row.reserve_bp,
        "reserve_days": row.reserve_days,
        "on_refund": row.on_refund,
        "valid_from": row.valid_from,
        "set_at": row.set_at,
    }
