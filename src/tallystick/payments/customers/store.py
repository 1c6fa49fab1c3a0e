"""SQL of customers and payment methods: one function, one statement. The journal alone writes."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import Check
from tallystick.payments.customers.model import CustomerRow, PaymentMethodRow
from tallystick.payments.pages import PAGE_MAX, Page, page_of, read_cursor
from tallystick.platform.postgres.pools import Database


def _columns(row: type[Struct], alias: str) -> str:
    return ", ".join(f"{alias}.{field}" for field in row.__struct_fields__)


_CUSTOMER: Final = _columns(CustomerRow, "c")
_METHOD: Final = _columns(PaymentMethodRow, "m")
_CUSTOMER_FIELDS: Final = len(CustomerRow.__struct_fields__)


async def find_customer(database: Database, customer_id: UUID) -> CustomerRow | None:
    """One customer, closed or not."""
    record = await database.fetchrow(
        f"SELECT {_CUSTOMER} FROM customers c WHERE c.id = $1", customer_id
    )
    return CustomerRow(*record) if record else None


async def find_customer_by_reference(
    database: Database, merchant_id: UUID, reference: str
) -> CustomerRow | None:
    """The merchant's active customer that goes by this name of the merchant's own."""
    record = await database.fetchrow(
        f"SELECT {_CUSTOMER} FROM customers c"
        " WHERE c.merchant_id = $1 AND c.reference = $2 AND c.status = 'active'",
        merchant_id,
        reference,
    )
    return CustomerRow(*record) if record else None


async def find_payment_method(database: Database, method_id: UUID) -> PaymentMethodRow | None:
    """One payment method, detached or not."""
    record = await database.fetchrow(
        f"SELECT {_METHOD} FROM payment_methods m WHERE m.id = $1", method_id
    )
    return PaymentMethodRow(*record) if record else None


async def find_to_pay_with(
    database: Database, customer_id: UUID, method_id: UUID | None
) -> tuple[CustomerRow | None, PaymentMethodRow | None]:
    """A customer with this method, whosesoever it is, or with its default."""
    record = await database.fetchrow(
        f"SELECT {_CUSTOMER}, {_METHOD} FROM customers c LEFT JOIN payment_methods m"
        " ON m.id = coalesce($2, c.default_method_id) WHERE c.id = $1",
        customer_id,
        method_id,
    )
    if record is None:
        return None, None
    values = tuple(record)
    method = values[_CUSTOMER_FIELDS:]
    return (
        CustomerRow(*values[:_CUSTOMER_FIELDS]),
        PaymentMethodRow(*method) if method[0] else None,
    )


async def find_saved_wallet(
    database: Database, merchant_id: UUID, token: str, customer_id: UUID | None
) -> PaymentMethodRow | None:
    """The wallet as it is saved with a customer of the merchant, or with this one."""
    record = await database.fetchrow(
        f"SELECT {_METHOD} FROM payment_methods m"
        " WHERE m.merchant_id = $1 AND m.token = $2 AND m.method_kind = 'wallet'"
        " AND m.status = 'attached' AND ($3::uuid IS NULL OR m.customer_id = $3)"
        " ORDER BY m.attached_at DESC, m.id DESC LIMIT 1",
        merchant_id,
        token,
        customer_id,
    )
    return PaymentMethodRow(*record) if record else None


async def list_subjects(
    database: Database, customer_id: UUID, after: UUID, limit: int
) -> tuple[UUID, ...]:
    """Whose keys seal what was said of a customer beside intents and payments, in order."""
    records = await database.fetch(
        "SELECT id FROM intents WHERE customer_id = $1 AND id > $2"
        " UNION SELECT coalesce(intent_id, id) FROM payments"
        " WHERE customer_id = $1 AND coalesce(intent_id, id) > $2 ORDER BY 1 LIMIT $3",
        customer_id,
        after,
        limit,
    )
    return tuple(record[0] for record in records)


# Pages ------------------------------------------------------------------------------------------


class CustomersWanted(Struct, frozen=True):
    """Which customers: a merchant's (None: everybody's), of one reference, in one state."""

    merchant_id: UUID | None = None
    reference: str | None = None
    status: str | None = None


async def list_customers(
    database: Database, wanted: CustomersWanted, *, cursor: str | None, limit: int
) -> Page[CustomerRow]:
    """The latest customers. Raises Invalid (invalid_cursor)."""
    whose = "$1::uuid IS NULL" if wanted.merchant_id is None else "c.merchant_id = $1"
    limit = max(1, min(limit, PAGE_MAX))
    records = await database.fetch(
        f"SELECT {_CUSTOMER} FROM customers c WHERE {whose}"
        " AND ($2::text IS NULL OR c.reference = $2) AND ($3::text IS NULL OR c.status = $3)"
        " AND ($4::timestamptz IS NULL OR (c.created_at, c.id) < ($4, $5::uuid))"
        " ORDER BY c.created_at DESC, c.id DESC LIMIT $6",
        *(wanted.merchant_id, wanted.reference, wanted.status),
        *(*_place(cursor), limit + 1),
    )
    return page_of(tuple(CustomerRow(*record) for record in records), limit)


async def list_payment_methods(
    database: Database, customer_id: UUID, *, attached_only: bool = False
) -> tuple[PaymentMethodRow, ...]:
    """A customer's payment methods, the latest first."""
    records = await database.fetch(
        f"SELECT {_METHOD} FROM payment_methods m WHERE m.customer_id = $1"
        " AND (m.status = 'attached' OR NOT $2) ORDER BY m.attached_at DESC, m.id DESC",
        customer_id,
        attached_only,
    )
    return tuple(PaymentMethodRow(*record) for record in records)


def _place(cursor: str | None) -> tuple[datetime | None, Any]:
    if cursor is None:
        return None, None
    place = read_cursor(cursor)
    return place.created_at, place.id


# What must hold ---------------------------------------------------------------------------------

_METHODS_COUNTED: Final = """
SELECT c.id, c.status, c.methods, c.default_method_id, m.attached
  FROM customers c
  LEFT JOIN (SELECT customer_id, count(*) AS attached, array_agg(id) AS ids
               FROM payment_methods WHERE status = 'attached' GROUP BY 1) m ON m.customer_id = c.id
 WHERE c.methods <> coalesce(m.attached, 0)
    OR (c.status = 'closed' AND m.attached > 0)
    OR (c.default_method_id IS NOT NULL AND NOT c.default_method_id = ANY(coalesce(m.ids, '{}')))
"""
_METHODS_OWNED: Final = """
SELECT m.id, m.customer_id, m.merchant_id, c.merchant_id AS customers_merchant_id
  FROM payment_methods m LEFT JOIN customers c ON c.id = m.customer_id
 WHERE m.merchant_id IS DISTINCT FROM c.merchant_id
"""
_PAID_WITH_OWN: Final = """
SELECT p.id, p.merchant_id, p.customer_id, p.payment_method_id
  FROM (SELECT * FROM payments WHERE customer_id IS NOT NULL OR payment_method_id IS NOT NULL) p
  LEFT JOIN customers c ON c.id = p.customer_id
  LEFT JOIN payment_methods m ON m.id = p.payment_method_id
 WHERE c.merchant_id IS DISTINCT FROM p.merchant_id
    OR (p.payment_method_id IS NOT NULL
        AND (m.customer_id IS DISTINCT FROM p.customer_id
             OR m.token IS DISTINCT FROM p.payment_method))
"""

CHECKS: Final = (
    Check(
        "customers_methods",
        "a customer counts its attached methods, its default is one, and a closed one has none",
        _METHODS_COUNTED,
        "customers",
    ),
    Check(
        "methods_owned",
        "every payment method belongs to a customer of its own merchant",
        _METHODS_OWNED,
        "payment_methods",
    ),
    Check(
        "paid_with_saved_methods",
        "whoever paid with a saved method paid with one of his own, by its token",
        _PAID_WITH_OWN,
        "payments",
    ),
)
