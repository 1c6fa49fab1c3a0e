"""`tallystick customers`: who pays a merchant, and the payment methods he left there."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tallystick.cli.command import command, group, id_named, opened
from tallystick.cli.terminal import Output, show_record, show_records
from tallystick.cli.wishes import Key, asked_here

if TYPE_CHECKING:
    from tallystick.payments.customers import CustomerRow, PaymentMethodRow, Saved

COLUMNS = ("created_at", "id", "reference", "status", "name", "payment_methods")
METHODS = ("created_at", "id", "type", "status", "shown")

CustomerName = Annotated[str, typer.Argument(help="The customer's id (cus_...).")]
MethodName = Annotated[str, typer.Argument(help="The payment method's id (pm_...).")]
Reference = Annotated[str | None, typer.Option(help="The merchant's own name for it.")]
Name = Annotated[str | None, typer.Option(help="Kept sealed.")]
Email = Annotated[str | None, typer.Option(help="Kept sealed.")]
Phone = Annotated[str | None, typer.Option(help="Kept sealed.")]


def add_customers(program: typer.Typer) -> None:
    """`customers`."""
    customers = group("customers", "Who pays, and saved payment methods.", under=program)
    example = "tallystick customers create merchant_123 --reference shop-7 --name 'Asha Rao'"
    command(customers, "create", example=example)(create)
    command(customers, "list", example="tallystick customers list --limit 5")(list_customers)
    command(customers, "show", example="tallystick customers show cus_01h4...")(show)
    example = "tallystick customers update cus_01h4... --email asha@example.com"
    command(customers, "update", example=example)(update)
    command(customers, "close", example="tallystick customers close cus_01h4...")(close)
    command(customers, "erase", example="tallystick customers erase cus_01h4... --yes")(erase)
    command(customers, "methods", example="tallystick customers methods cus_01h4...")(methods)
    example = "tallystick customers attach cus_01h4... tok_visa --last4 4242"
    command(customers, "attach", example=example)(attach)
    command(customers, "default", example="tallystick customers default pm_01h4...")(default)
    command(customers, "detach", example="tallystick customers detach pm_01h4...")(detach)


async def create(
    merchant: Annotated[str, typer.Argument(help="The merchant's id or its own name.")],
    *,
    reference: Reference = None,
    name: Name = None,
    email: Email = None,
    phone: Phone = None,
    key: Key = None,
    output: Output = None,
) -> None:
    """Make a customer of a merchant known."""
    from tallystick.cli.merchants import find_named
    from tallystick.payments.customers import CustomerTerms

    terms = CustomerTerms(reference, name, email, phone)
    async with opened() as app:
        found = await find_named(app.merchants, merchant)
        asked = asked_here("customers.create", key, f"{found.id} {terms}")
        saved = await app.customers.create(found, terms, asked=asked)
    show_record(output, _record(saved))


async def list_customers(
    merchant: Annotated[str | None, typer.Option(help="Only those of this merchant.")] = None,
    reference: Reference = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
    output: Output = None,
) -> None:
    """List customers, the latest first."""
    from tallystick.cli.merchants import find_named
    from tallystick.payments.customers import CustomersWanted

    records: list[dict[str, Any]] = []
    async with opened() as app:
        merchant_id = (await find_named(app.merchants, merchant)).id if merchant else None
        wanted, cursor = CustomersWanted(merchant_id, reference), None
        while len(records) < limit:
            page = await app.customers.list_customers(
                wanted, cursor=cursor, limit=limit - len(records)
            )
            records += [_record(saved) for saved in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
    show_records(output, records, COLUMNS)


async def show(customer: CustomerName, output: Output = None) -> None:
    """Show a customer as it stands."""
    async with opened() as app:
        saved = await app.customers.get(id_named("cus", customer, "customer"))
    show_record(output, _record(saved))


async def update(
    customer: CustomerName,
    *,
    reference: Reference = None,
    name: Name = None,
    email: Email = None,
    phone: Phone = None,
    output: Output = None,
) -> None:
    """Say something else of a customer; what is not mentioned stays, '' takes it away."""
    from tallystick.payments.customers import CustomerTerms

    said = {"reference": reference, "name": name, "email": email, "phone": phone}
    changes: dict[str, Any] = {
        field: text or None for field, text in said.items() if text is not None
    }
    terms = CustomerTerms(**changes)
    async with opened() as app:
        saved = await app.customers.update(id_named("cus", customer, "customer"), terms)
    show_record(output, _record(saved))


async def close(customer: CustomerName, output: Output = None) -> None:
    """Close a customer for good, and detach every payment method."""
    async with opened() as app:
        saved = await app.customers.close(id_named("cus", customer, "customer"))
    show_record(output, _record(saved))


async def erase(
    customer: CustomerName,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="It cannot be undone: say so.")] = False,
    output: Output = None,
) -> None:
    """Destroy the key of a customer's personal text, and close it. Nobody can bring it back."""
    from tallystick.cli.failures import WrongUsage

    if not yes:
        raise WrongUsage("what is erased cannot be brought back: say --yes")
    async with opened() as app:
        saved = await app.customers.erase(id_named("cus", customer, "customer"))
    show_record(output, _record(saved))


async def methods(customer: CustomerName, output: Output = None) -> None:
    """List a customer's payment methods, with what may be shown of them."""
    async with opened() as app:
        found = await app.customers.methods.list_methods(id_named("cus", customer, "customer"))
    show_records(output, [_method(saved) for saved in found], METHODS)


async def attach(
    customer: CustomerName,
    token: Annotated[str, typer.Argument(help="tok_... or upi_...; never a number.")],
    *,
    last4: Annotated[str | None, typer.Option(help="The last four digits, to be shown.")] = None,
    make_default: Annotated[bool, typer.Option("--default", help="Pay with it.")] = False,
    key: Key = None,
    output: Output = None,
) -> None:
    """Keep a token for a customer; the first is the default."""
    from tallystick.payments.customers import CardDetails

    card = CardDetails(last4=_four_digits(last4)) if last4 else None
    async with opened() as app:
        saved = await app.customers.methods.attach(
            id_named("cus", customer, "customer"),
            token,
            card=card,
            make_default=make_default,
            asked=asked_here("payment_methods.attach", key, f"{customer} {token} {card}"),
        )
    show_record(output, _method(saved))


async def default(method: MethodName, output: Output = None) -> None:
    """Make a payment method what its customer pays with unless told."""
    async with opened() as app:
        saved = await app.customers.methods.set_default(id_named("pm", method, "payment method"))
    show_record(output, _record(saved))


async def detach(method: MethodName, output: Output = None) -> None:
    """Pay with a payment method no more, for good."""
    async with opened() as app:
        saved = await app.customers.methods.detach(id_named("pm", method, "payment method"))
    show_record(output, _method(saved))


def _four_digits(text: str) -> str:
    from tallystick.cli.failures import WrongUsage

    if len(text) != 4 or not (text.isascii() and text.isdigit()):
        raise WrongUsage("--last4 takes the last four digits of a card, no more")
    return text


def _record(saved: "Saved[CustomerRow]") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    row, text = saved.row, saved.text
    chosen = row.default_method_id
    return {
        "created_at": row.created_at,
        "id": typeid("cus", row.id),
        "merchant": typeid("mer", row.merchant_id),
        "reference": row.reference,
        "status": row.status,
        "name": text.get("name"),
        "email": text.get("email"),
        "phone": text.get("phone"),
        "payment_methods": row.methods,
        "default_payment_method": typeid("pm", chosen) if chosen else None,
        "closed_at": row.closed_at,
        "erased_at": row.erased_at,
    }


def _method(saved: "Saved[PaymentMethodRow]") -> dict[str, Any]:
    from tallystick.platform.ids import typeid

    row, card = saved.row, saved.text.get("card", {})
    words = (card.get("brand"), card.get("last4"), saved.text.get("upi_handle"))
    return {
        "created_at": row.attached_at,
        "id": typeid("pm", row.id),
        "customer": typeid("cus", row.customer_id),
        "type": row.method_kind,
        "status": row.status,
        "shown": " ".join(word for word in words if word),
        "detached_at": row.detached_at,
    }
