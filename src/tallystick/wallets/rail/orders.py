"""The rail's own book: one row a reference, what was asked under it and what came of it. Pure.

An order is concluded the moment it is asked, by its only fact. So a reference can never stand for
two of them, whoever asks at the same time.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct, structs

from tallystick.journal import Fact, Projection, Told
from tallystick.platform.ids import derived_id, typeid
from tallystick.wallets.model import IllegalTransition

APPROVED: Final = "wallet_order.approved"
DECLINED: Final = "wallet_order.declined"

AUTHORIZATION: Final = "authorization"  # the amount is held
CHARGE: Final = "charge"  # the amount is taken at once, without a hold
CAPTURE: Final = "capture"
VOID: Final = "void"
REFUND: Final = "refund"


class WalletOrder(Struct, frozen=True, kw_only=True):
    """What is asked; a void lets go of whatever is left, so its amount is 0.

    `reference` and `authorization_reference` are the payment's; of an authorization or a charge
    they are the same.
    """

    reference: str
    authorization_reference: str
    order_kind: str
    wallet_id: UUID
    amount_minor: int
    currency: str

    @property
    def id(self) -> UUID:
        """Where its one fact stands."""
        return derived_id(self.wallet_id, f"order {self.reference}")

    @property
    def name(self) -> str:
        """`wor_...`, which the payment keeps as its provider's reference."""
        return order_name(self.id)


class OrderApproved(WalletOrder, frozen=True, kw_only=True):
    """It was done: `posting_id` is the change that moved the money, or reserved or freed it."""

    posting_id: UUID
    hold_id: UUID | None = None


class OrderDeclined(WalletOrder, frozen=True, kw_only=True):
    """It was not, and will not be."""

    code: str


ORDER_KINDS: Final[Mapping[str, type[Struct]]] = {APPROVED: OrderApproved, DECLINED: OrderDeclined}


class WalletOrderRow(Struct, frozen=True):
    """One order; fields are the columns of `wallet_orders`, in their order."""

    id: UUID
    version: int
    reference: str
    authorization_reference: str
    order_kind: str  # authorization | charge | capture | void | refund
    status: str  # approved | declined
    wallet_id: UUID
    hold_id: UUID | None
    amount_minor: int
    currency: str
    code: str | None  # why it was declined
    posting_id: UUID | None
    asked_at: datetime

    @property
    def name(self) -> str:
        """`wor_...`"""
        return order_name(self.id)

    def stands_for(self, order: WalletOrder) -> bool:
        """Whether it is this very order that was asked under the reference."""
        names = WalletOrder.__struct_fields__
        return all(getattr(self, name) == getattr(order, name) for name in names)


class Standing(Struct, frozen=True):
    """What was taken under one authorization, and what of it was given back."""

    captured_minor: int = 0
    refunded_minor: int = 0

    @classmethod
    def of(cls, rows: "tuple[WalletOrderRow, ...]") -> "Standing":
        """The sum of what was approved."""
        done = [row for row in rows if row.status == "approved"]
        return cls(
            sum(row.amount_minor for row in done if row.order_kind in (CHARGE, CAPTURE)),
            sum(row.amount_minor for row in done if row.order_kind == REFUND),
        )

    @property
    def refundable_minor(self) -> int:
        """What of it may still be given back."""
        return self.captured_minor - self.refunded_minor


def order_name(order_id: UUID) -> str:
    """What an order is called outside."""
    return typeid("wor", order_id)


def approved(order: WalletOrder, posting_id: UUID, hold_id: UUID | None) -> Fact:
    """The fact that it was done."""
    data = OrderApproved(**structs.asdict(order), posting_id=posting_id, hold_id=hold_id)
    return Fact(order.id, 1, APPROVED, data)


def declined(order: WalletOrder, code: str) -> Fact:
    """The fact that it was not."""
    return Fact(order.id, 1, DECLINED, OrderDeclined(**structs.asdict(order), code=code))


def fold_order(row: WalletOrderRow | None, fact: Told) -> WalletOrderRow:
    """The row after its only fact. Raises IllegalTransition."""
    if row is not None:
        raise IllegalTransition(f"{fact.kind} cannot follow on an order that is {row.status}")
    data: OrderApproved | OrderDeclined = fact.data
    done = data if isinstance(data, OrderApproved) else None
    refused = data if isinstance(data, OrderDeclined) else None
    return WalletOrderRow(
        id=fact.aggregate_id,
        version=fact.version,
        reference=data.reference,
        authorization_reference=data.authorization_reference,
        order_kind=data.order_kind,
        status="approved" if done else "declined",
        wallet_id=data.wallet_id,
        hold_id=done.hold_id if done else None,
        amount_minor=data.amount_minor,
        currency=data.currency,
        code=refused.code if refused else None,
        posting_id=done.posting_id if done else None,
        asked_at=fact.at,
    )


WALLET_ORDERS: Final = Projection("wallet_orders", WalletOrderRow, ORDER_KINDS, fold_order)
