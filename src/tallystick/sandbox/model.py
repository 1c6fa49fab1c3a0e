"""An acquirer's nouns: what it is, what it is asked and what it writes down.

Amounts are integers in minor units, instants are UTC.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

Now = Callable[[], datetime]


class Kind(StrEnum):
    """What a bank can be asked to do with money."""

    AUTHORIZATION = "authorization"  # hold it; with `capture`, take it in the same breath
    CAPTURE = "capture"  # take what was held, or a part of it
    VOID = "void"  # let go of what was held
    REFUND = "refund"  # give back what was taken, or a part of it


class Status(StrEnum):
    """What became of it."""

    APPROVED = "approved"
    DECLINED = "declined"
    PENDING = "pending"  # accepted, decided a moment later


class Bank(Struct, frozen=True, kw_only=True):
    """One simulated acquirer.

    `limits_minor` names the currencies it knows and the largest amount of each, in minor units.
    `reaches_every_issuer` is false for a bank whose line to one issuer is down, so that failover
    to the other bank can be seen.
    """

    name: str
    id_prefix: str
    limits_minor: Mapping[str, int]
    fee_bp: int
    latency_ms: tuple[int, int]
    reaches_every_issuer: bool = True


class Pace(Struct, frozen=True, kw_only=True):
    """How a bank times its answers. `calm` takes all latency away, for tests and measurements.

    `slow_ms` is the delay of a slow answer when the caller does not name his own limit; a pending
    operation is decided after `pending_ms`, a payout comes back `return_ms` after it was made, a
    dispute is decided `review_ms` after its evidence was given, and a challenge waits
    `challenge_ms` for its payer.
    """

    seed: int = 1
    calm: bool = False
    slow_ms: int = 20_000
    pending_ms: int = 500
    return_ms: int = 2_000
    review_ms: int = 2_000
    challenge_ms: int = 900_000


class Order(Struct, frozen=True, kw_only=True):
    """What a caller asks, under his own `reference`.

    `authorization_reference` is the order's own reference when it is an authorization. A void has
    no amount; currency, token, capture and merchant are said by authorizations only, `final` by
    captures only.
    """

    kind: Kind
    reference: str
    authorization_reference: str
    amount_minor: int = 0
    currency: str = ""
    token: str = ""
    merchant: str = ""
    capture: bool = False
    final: bool = True


class Operation(Struct, frozen=True, kw_only=True):
    """What the bank wrote down about one order; fields are the columns of its book, in order.

    The decision is made when the row is written, but stands only from `decided_at` on.
    """

    reference: str
    kind: Kind
    authorization_reference: str
    amount_minor: int
    currency: str
    token: str
    merchant: str
    capture: bool
    final: bool
    id: str
    decision: Status  # approved | declined
    code: str | None  # why it was declined
    fee_minor: int
    created_at: datetime
    decided_at: datetime

    def status_at(self, now: datetime) -> Status:
        """Pending until the decision stands."""
        return self.decision if now >= self.decided_at else Status.PENDING

    def answers(self, order: Order) -> bool:
        """Whether this row is what became of exactly this order: else its reference was reused."""
        return all(getattr(self, name) == value for name, value in _said(order))


def _said(order: Order) -> Iterable[tuple[str, object]]:
    """What the caller said; the book fills in a capture's or a refund's currency by itself."""
    for name in order.__struct_fields__:
        if name != "currency" or order.kind is Kind.AUTHORIZATION:
            yield name, getattr(order, name)
