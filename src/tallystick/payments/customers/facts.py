"""What can happen to a customer and to a payment method, as this room tells it to the journal.

Names, addresses and what is shown of a card are inside `sealed`, under the customer's own key.
"""

from typing import Final
from uuid import UUID

from msgspec import Struct


class CustomerCreated(Struct, frozen=True, omit_defaults=True):
    """A merchant knows somebody who pays."""

    merchant_id: UUID
    reference: str | None = None
    sealed: str | None = None


class CustomerUpdated(Struct, frozen=True, omit_defaults=True):
    """The customer is as said here from now on: all of it, not what changed."""

    reference: str | None = None
    sealed: str | None = None


class MethodAdded(Struct, frozen=True):
    """A payment method was attached; `is_default`: it is the one to pay with unless told."""

    payment_method_id: UUID
    is_default: bool


class MethodRemoved(Struct, frozen=True):
    """A payment method was detached; if it was the default, there is none."""

    payment_method_id: UUID


class DefaultSet(Struct, frozen=True):
    """This method is the one to pay with unless told."""

    payment_method_id: UUID


class CustomerClosed(Struct, frozen=True):
    """Nothing is paid for this customer any more; every method is detached."""


class CustomerErased(Struct, frozen=True):
    """The key of all personal text was destroyed. In older logs it closes the customer, too."""


class MethodAttached(Struct, frozen=True, omit_defaults=True):
    """A customer may be charged by this token, also when not present."""

    merchant_id: UUID
    customer_id: UUID
    method_kind: str
    token: str
    sealed: str | None = None


class MethodDetached(Struct, frozen=True):
    """Nothing is paid with it any more, for good."""


CUSTOMER_KINDS: Final[dict[str, type[Struct]]] = {
    "customer.created": CustomerCreated,
    "customer.updated": CustomerUpdated,
    "customer.method_added": MethodAdded,
    "customer.method_removed": MethodRemoved,
    "customer.default_set": DefaultSet,
    "customer.closed": CustomerClosed,
    "customer.erased": CustomerErased,
}
METHOD_KINDS: Final[dict[str, type[Struct]]] = {
    "payment_method.attached": MethodAttached,
    "payment_method.detached": MethodDetached,
}
KIND_OF: Final = {data: kind for kind, data in (CUSTOMER_KINDS | METHOD_KINDS).items()}
