"""Customers' nouns: the two rows, what a verb answers, and what a payment is made with. Pure."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType

from tallystick.payments.errors import PaymentsError
from tallystick.platform.ids import typeid

METHODS_MAX: Final = 50
"""Payment methods attached to one customer at a time."""


class CustomerRow(Struct, frozen=True):
    """One customer; fields are the columns of `customers`, in their order."""

    id: UUID
    version: int
    merchant_id: UUID
    reference: str | None  # the merchant's own name for it
    status: str  # active | closed
    methods: int  # attached now
    default_method_id: UUID | None
    sealed: str | None
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    erased_at: datetime | None

    @property
    def subject_id(self) -> UUID:
        """Whose key seals the text."""
        return self.id


class PaymentMethodRow(Struct, frozen=True):
    """One payment method; fields are the columns of `payment_methods`, in their order."""

    id: UUID
    version: int
    merchant_id: UUID
    customer_id: UUID
    method_kind: str  # card | upi | wallet
    token: str
    status: str  # attached | detached
    sealed: str | None
    attached_at: datetime
    detached_at: datetime | None

    @property
    def subject_id(self) -> UUID:
        """Whose key seals what is shown of it: erasing the customer erases this too."""
        return self.customer_id


SavedRow = TypeVar("SavedRow", CustomerRow, PaymentMethodRow)


class Saved(Struct, Generic[SavedRow], frozen=True):
    """What a verb answers: the row, its text unsealed, and whether it was said before."""

    row: SavedRow
    text: Mapping[str, Any]
    replayed: bool = False


class CustomerTerms(Struct, frozen=True):
    """What is said of a customer: what is UNSET stays, None takes away. `metadata` is replaced."""

    reference: str | UnsetType | None = UNSET
    name: str | UnsetType | None = UNSET
    email: str | UnsetType | None = UNSET
    phone: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    metadata: Mapping[str, str] | UnsetType | None = UNSET


class Caller(StrEnum):
    """Who asks, hence whose wallets may pay: unless told, he who may least."""

    PAYER = "payer"  # shows an intent's secret: wallets saved with the intent's customer
    MERCHANT = "merchant"  # wallets saved with a customer of his
    OPERATOR = "operator"  # any wallet: he answers for its owner's consent


class MethodWish(Struct, frozen=True):
    """What a payment is to be made with, as the caller says it.

    `method` is a token, a wallet (`wal_...`) or a saved method (`pm_...`); None is the customer's
    default. Off session the payer is not there, so only a method that he has left with the
    merchant will do.
    """

    method: str | None = None
    customer_id: UUID | None = None
    off_session: bool = False
    needed: bool = True  # an intent may wait for its method
    caller: Caller = Caller.PAYER

    @classmethod
    def of(cls, said: "str | MethodWish | None") -> "MethodWish":
        """A wish as it is; a token or a name by itself as a wish."""
        return said if isinstance(said, MethodWish) else cls(said)


class Chosen(Struct, frozen=True):
    """What a payment is made with: the token, and whose saved method it is if it is one.

    A `refusal` waits to be raised by whoever needs the token: the same wish may have been granted
    before, and then it is answered as it was. `seen`: what it was chosen by, and its version: the
    method, or the customer. Closing a customer, and so erasing it, moves both.
    """

    token: str = ""
    customer_id: UUID | None = None
    payment_method_id: UUID | None = None
    off_session: bool = False
    refusal: PaymentsError | None = None
    seen: tuple[tuple[UUID, int], ...] = ()

    def require(self) -> str:
        """The token. Raises the refusal."""
        if self.refusal is not None:
            raise self.refusal
        return self.token


def customer_name(customer_id: UUID) -> str:
    """`cus_...`"""
    return typeid("cus", customer_id)


def payment_method_name(payment_method_id: UUID) -> str:
    """`pm_...`"""
    return typeid("pm", payment_method_id)


def method_said(token: str, payment_method_id: UUID | None) -> str:
    """What callers call a method by: a saved one by its name, never by the token behind it."""
    return token if payment_method_id is None else payment_method_name(payment_method_id)
