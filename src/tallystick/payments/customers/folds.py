"""From facts to the rows of customers and payment methods. Pure."""

from typing import Any, Final
from uuid import UUID

from msgspec import Struct, structs

from tallystick.journal import Projection, Told
from tallystick.payments.customers.facts import (
    CUSTOMER_KINDS,
    METHOD_KINDS,
    CustomerClosed,
    CustomerCreated,
    CustomerErased,
    CustomerUpdated,
    DefaultSet,
    MethodAdded,
    MethodAttached,
    MethodRemoved,
)
from tallystick.payments.customers.model import CustomerRow, PaymentMethodRow
from tallystick.payments.errors import IllegalTransition


def fold_customer(row: CustomerRow | None, fact: Told) -> CustomerRow:
    """The row after `fact`. Raises IllegalTransition."""
    if row is None:
        return _new_customer(fact)
    if row.status == "closed" and fact.kind != "customer.erased":
        raise IllegalTransition(f"{fact.kind} cannot follow for a closed customer")
    changes = _changes(row, fact.data) | _endings(row, fact)
    return structs.replace(row, version=fact.version, updated_at=fact.at, **changes)


def _new_customer(fact: Told) -> CustomerRow:
    data: CustomerCreated = fact.data
    return CustomerRow(
        id=fact.aggregate_id,
        version=fact.version,
        merchant_id=data.merchant_id,
        reference=data.reference,
        status="active",
        methods=0,
        default_method_id=None,
        sealed=data.sealed,
        created_at=fact.at,
        updated_at=fact.at,
        closed_at=None,
        erased_at=None,
    )


def _changes(row: CustomerRow, data: Struct) -> dict[str, Any]:
    match data:
        case CustomerUpdated(reference=reference, sealed=sealed):
            return {"reference": reference, "sealed": sealed}
        case MethodAdded(payment_method_id=added, is_default=is_default):
            default = added if is_default else row.default_method_id
            return {"methods": row.methods + 1, "default_method_id": default}
        case MethodRemoved(payment_method_id=removed):
            kept = None if row.default_method_id == removed else row.default_method_id
            return {"methods": row.methods - 1, "default_method_id": kept}
        case DefaultSet(payment_method_id=chosen):
            return {"default_method_id": chosen}
    return {}


def _endings(row: CustomerRow, fact: Told) -> dict[str, Any]:
    if not isinstance(fact.data, CustomerClosed | CustomerErased):
        return {}
    ended = {
        "status": "closed",
        "methods": 0,
        "default_method_id": None,
        "closed_at": row.closed_at or fact.at,
    }
    if isinstance(fact.data, CustomerErased):
        ended |= {"sealed": None, "erased_at": fact.at}
    return ended


def fold_method(row: PaymentMethodRow | None, fact: Told) -> PaymentMethodRow:
    """The row after `fact`. Raises IllegalTransition."""
    if row is None:
        return _new_method(fact)
    if row.status == "detached":
        raise IllegalTransition(f"{fact.kind} cannot follow for a detached payment method")
    return structs.replace(row, version=fact.version, status="detached", detached_at=fact.at)


def _new_method(fact: Told) -> PaymentMethodRow:
    data: MethodAttached = fact.data
    return PaymentMethodRow(
        id=fact.aggregate_id,
        version=fact.version,
        merchant_id=data.merchant_id,
        customer_id=data.customer_id,
        method_kind=data.method_kind,
        token=data.token,
        status="attached",
        sealed=data.sealed,
        attached_at=fact.at,
        detached_at=None,
    )


def _seals(row: CustomerRow | PaymentMethodRow) -> tuple[tuple[UUID, str | None]]:
    return ((row.subject_id, row.sealed),)


CUSTOMERS: Final = Projection("customers", CustomerRow, CUSTOMER_KINDS, fold_customer, seals=_seals)
PAYMENT_METHODS: Final = Projection(
    "payment_methods", PaymentMethodRow, METHOD_KINDS, fold_method, seals=_seals
)
