"""What a wish about a customer or a payment method becomes, or why it cannot be. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from msgspec import UNSET, Struct

from tallystick.journal import Fact
from tallystick.payments.customers.facts import (
    KIND_OF,
    CustomerClosed,
    CustomerCreated,
    CustomerErased,
    CustomerUpdated,
    DefaultSet,
    MethodAdded,
    MethodAttached,
    MethodDetached,
    MethodRemoved,
)
from tallystick.payments.customers.model import (
    METHODS_MAX,
    Chosen,
    CustomerRow,
    CustomerTerms,
    MethodWish,
    PaymentMethodRow,
)
from tallystick.payments.customers.tokens import METHOD_KINDS
from tallystick.payments.errors import Invalid, NotFound, NotPossible, PaymentsError

Facts = tuple[Fact, ...]
_REFERENCE: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_TEXTS: Final = ("name", "email", "phone", "description", "metadata")


# Customers --------------------------------------------------------------------------------------


def text_after(before: Mapping[str, Any], terms: CustomerTerms) -> dict[str, Any]:
    """The customer's text once `terms` are said of it."""
    said = {name: getattr(terms, name) for name in _TEXTS if getattr(terms, name) is not UNSET}
    after = {**before, **said}
    return {name: value for name, value in after.items() if value not in (None, "", {})}


def reference_after(before: str | None, terms: CustomerTerms) -> str | None:
    """The merchant's own name for it. Raises Invalid (invalid_customer)."""
    if terms.reference is UNSET:
        return before
    if terms.reference is not None and _REFERENCE.fullmatch(terms.reference) is None:
        raise Invalid("a reference has 1 to 64 letters, digits or . _ : -", "invalid_customer")
    return terms.reference


def decide_creation(
    customer_id: UUID, merchant_id: UUID, reference: str | None, sealed: str | None
) -> Facts:
    """A new customer; whether the reference is free is seen by the table."""
    return (_fact(customer_id, 1, CustomerCreated(merchant_id, reference, sealed)),)


def decide_update(row: CustomerRow, reference: str | None, sealed: str | None) -> Facts:
    """Raises NotPossible (customer_closed)."""
    require_active(row)
    return (_fact(row.id, row.version + 1, CustomerUpdated(reference, sealed)),)


def decide_close(row: CustomerRow, attached: Sequence[PaymentMethodRow]) -> Facts:
    """Closed for good, with every method. Raises NotPossible (customer_closed)."""
    require_active(row)
    return (_fact(row.id, row.version + 1, CustomerClosed()), *map(_detached, attached))


def decide_erasure(row: CustomerRow) -> Facts:
    """Erased; it is closed by then. Raises NotPossible (customer_erased)."""
    if row.erased_at is not None:
        raise NotPossible("the customer's text was erased before", "customer_erased")
    return (_fact(row.id, row.version + 1, CustomerErased()),)


def require_active(row: CustomerRow) -> None:
    """Raises NotPossible (customer_closed)."""
    if row.status != "active":
        raise NotPossible("the customer is closed", "customer_closed")


# Payment methods --------------------------------------------------------------------------------


def require_room(row: CustomerRow, token: str, attached: Sequence[PaymentMethodRow]) -> None:
    """Raises NotPossible (customer_closed, payment_method_attached), Invalid (too many)."""
    require_active(row)
    if any(method.token == token for method in attached):
        raise NotPossible("the customer has this payment method", "payment_method_attached")
    if row.methods >= METHODS_MAX:
        raise Invalid(f"a customer has at most {METHODS_MAX}", "too_many_payment_methods")


def decide_attachment(
    row: CustomerRow, method_id: UUID, attached: MethodAttached, *, make_default: bool
) -> Facts:
    """A new method; the first is the default, whatever was said."""
    is_default = make_default or row.methods == 0
    return (
        _fact(method_id, 1, attached),
        _fact(row.id, row.version + 1, MethodAdded(method_id, is_default)),
    )


def decide_default(row: CustomerRow, method: PaymentMethodRow) -> Facts:
    """Pay with this unless told. Raises NotPossible."""
    require_active(row)
    require_attached(method)
    return (_fact(row.id, row.version + 1, DefaultSet(method.id)),)


def decide_detachment(row: CustomerRow, method: PaymentMethodRow) -> Facts:
    """For good: a token that is wanted again is attached anew. Raises NotPossible."""
    require_attached(method)
    return (_detached(method), _fact(row.id, row.version + 1, MethodRemoved(method.id)))


def require_attached(method: PaymentMethodRow) -> None:
    """Raises NotPossible (payment_method_detached)."""
    if method.status != "attached":
        raise NotPossible("the payment method is detached", "payment_method_detached")


# Paying with them -------------------------------------------------------------------------------


def choose_method(
    wish: MethodWish,
    merchant_id: UUID,
    customer: CustomerRow | None,
    method: PaymentMethodRow | None,
) -> Chosen:
    """What to pay with. `method` is the saved one of the wish, or the customer's default."""
    try:
        return _chosen(wish, merchant_id, customer, method)
    except PaymentsError as refusal:
        return Chosen(refusal=refusal)


def _chosen(
    wish: MethodWish,
    merchant_id: UUID,
    customer: CustomerRow | None,
    method: PaymentMethodRow | None,
) -> Chosen:
    saved = wish.method is None or is_saved(wish.method)
    if wish.off_session and not saved:
        raise Invalid("off session only a saved method can be used", "payment_method_not_saved")
    if wish.customer_id is None:
        raise _without_customer(wish)
    if customer is None or customer.merchant_id != merchant_id:
        raise NotFound("there is no such customer", "customer_not_found")
    require_active(customer)
    if not saved or (wish.method is None and not wish.needed):
        seen = ((customer.id, customer.version),)
        return Chosen(wish.method or "", customer.id, seen=seen)
    return chosen_method(_required(wish, customer, method), wish)


def chosen_method(found: PaymentMethodRow, wish: MethodWish) -> Chosen:
    """A saved method, to be paid with as it stands."""
    seen = ((found.id, found.version),)
    return Chosen(found.token, found.customer_id, found.id, wish.off_session, seen=seen)


def _without_customer(wish: MethodWish) -> PaymentsError:
    if wish.method is None and not wish.off_session:
        return Invalid("a payment method is needed, or a customer's", "payment_method_missing")
    return Invalid("a saved method is used together with its customer", "customer_missing")


def _required(
    wish: MethodWish, customer: CustomerRow, method: PaymentMethodRow | None
) -> PaymentMethodRow:
    if wish.method is None and method is None:
        raise Invalid("the customer has no default payment method", "payment_method_missing")
    if method is None or method.merchant_id != customer.merchant_id:
        raise NotFound("there is no such payment method", "payment_method_not_found")
    if method.customer_id != customer.id:
        raise Invalid("this is another customer's payment method", "payment_method_foreign")
    require_attached(method)
    if method.method_kind not in METHOD_KINDS:
        raise Invalid(f"no route is paid by {method.method_kind} yet", "invalid_payment_method")
    return method


def no_consent() -> NotPossible:
    """The refusal of a wallet whose owner has not allowed it, as far as we know."""
    detail = "an operator saves a wallet with a customer once its owner has consented"
    return NotPossible(detail, "wallet_consent_missing")


def is_saved(method: str) -> bool:
    """Whether a caller's word for a method means a saved one."""
    return method.startswith("pm_")


def _detached(method: PaymentMethodRow) -> Fact:
    return _fact(method.id, method.version + 1, MethodDetached())


def _fact(aggregate_id: UUID, version: int, data: Struct) -> Fact:
    return Fact(aggregate_id, version, KIND_OF[type(data)], data)
