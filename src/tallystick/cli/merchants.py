"""`tallystick merchants`: brought on board, listed."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, group, opened
from tallystick.cli.sealed_names import readable
from tallystick.cli.terminal import Output, show_record, show_records

if TYPE_CHECKING:
    from tallystick.identity import Merchant, Merchants

COLUMNS = ("id", "external_id", "name", "currencies", "fee", "created_at")


def add_merchants(program: typer.Typer) -> None:
    """`merchants`."""
    merchants = group("merchants", "Merchants: bring on board, list.", under=program)
    example = "tallystick merchants onboard 'Chai & Sons' --external-id shop_7 --currency INR"
    command(merchants, "onboard", example=example)(onboard)
    command(merchants, "list", example="tallystick merchants list --output json")(list_merchants)


async def onboard(
    name: Annotated[str, typer.Argument(help="The merchant's name, which is kept sealed.")],
    *,
    currency: Annotated[
        list[str] | None, typer.Option(help="A currency it is paid in; may be repeated.")
    ] = None,
    external_id: Annotated[str | None, typer.Option(help="Its own name for itself.")] = None,
    fee_percent: Annotated[str, typer.Option(help="What the platform keeps of a capture.")] = "0",
    fee_fixed: Annotated[int, typer.Option(help="And besides, in minor units.")] = 0,
    output: Output = None,
) -> None:
    """Bring a merchant on board, with a payable account in each of its currencies."""
    from tallystick.identity import FeePlan

    plan = FeePlan(percent_bp=_basis_points(fee_percent), fixed_minor=fee_fixed)
    async with opened() as app:
        merchant = await app.merchants.onboard(name, external_id, currency or ["INR"], plan)
        record = await _record(app.merchants, merchant)
    show_record(output, record)


async def list_merchants(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 200,
    output: Output = None,
) -> None:
    """List the merchants in the order in which they came."""
    records: list[dict[str, Any]] = []
    async with opened() as app:
        after = None
        while page := await app.merchants.list_merchants(after=after, limit=limit - len(records)):
            records += [await _record(app.merchants, merchant) for merchant in page]
            after = page[-1].id
            if len(records) >= limit:
                break
    show_records(output, records, COLUMNS)


async def find_named(merchants: "Merchants", name: str) -> "Merchant":
    """The merchant with this external id or id. Raises MerchantNotFound."""
    from tallystick.identity import MerchantNotFound
    from tallystick.platform.ids import MalformedId, parse_typeid

    if found := await merchants.find_merchant_by_external_id(name):
        return found
    try:
        return await merchants.get_merchant(parse_typeid("mer", name))
    except MalformedId:
        raise MerchantNotFound(f"no merchant is called {name}") from None


def _basis_points(percent: str) -> int:
    from tallystick.money import Currency, Money

    # A percent with two decimals is read like an amount with two: strictly, and exactly.
    return Money.parse(percent, Currency("USD")).amount_minor


async def _record(merchants: "Merchants", merchant: "Merchant") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    percent = Decimal(merchant.fee_percent_bp) / 100
    return {
        "id": typeid("mer", merchant.id),
        "external_id": merchant.external_id,
        "name": await readable(merchants.name_of(merchant)),
        "currencies": list(merchant.currency_codes),
        "fee": f"{percent} % + {merchant.fee_fixed_minor}",
        "created_at": merchant.created_at,
    }
