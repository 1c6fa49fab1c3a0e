"""What clients saw of a ledger, and what the ledger says for itself: the nouns of a history. Pure.

Instants are nanoseconds of one monotonic clock. Accounts are named as the API names them. Every
account grows on the credit side: the money leaves the debit account of a transfer.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct


class Order(Struct, frozen=True):
    """A wish to move or to promise money."""

    kind: str  # post | reserve
    debit: str
    credit: str
    amount_minor: int
    up_to: bool = False


class Promised(Struct, frozen=True):
    """A wish about a reservation. `amount_minor` None is all that remains; a void has none."""

    kind: str  # settle | void
    reservation: str
    amount_minor: int | None = None


class Altered(Struct, frozen=True):
    """A wish about an account's terms: a limit, or what a freeze stops."""

    account: str
    limit_minor: int | None = None
    frozen: str | None = None


Wish = Order | Promised | Altered


class Moved(Struct, frozen=True):
    """A transfer as an answer told it, with both balances after it."""

    transfer: str
    balance_of: Mapping[str, int] = {}


class Seen(Struct, frozen=True):
    """An account as a read showed it."""

    account: str
    version: int
    balance_minor: int
    pending_in_minor: int
    pending_out_minor: int
    limit_minor: int | None
    frozen: str


class Terms(Struct, frozen=True):
    """An account's terms as an alteration answered them."""

    account: str
    revision: int
    limit_minor: int | None
    frozen: str


class Operation(Struct, frozen=True):
    """One request of one client, from its first try to its definite answer.

    It is one transaction: all it moved, saw or altered happened together, or nothing of it. What
    it moved stands in the order of its wishes; a final settle may have given back the rest as one
    transfer more.
    """

    client: int
    invoked_ns: int
    returned_ns: int
    wishes: Sequence[Wish] = ()
    moved: Sequence[Moved] = ()
    seen: Sequence[Seen] = ()
    terms: Terms | None = None
    refusal: str | None = None


class Line(Struct, frozen=True):
    """One line of an account as the ledger lists it; its place in the list is its version."""

    transfer: str
    change: str
    kind: str  # post | reserve | settle | void
    amount_minor: int  # negative for a debit
    balance_after_minor: int


class History(Struct, frozen=True):
    """Everything there is to judge: every operation since the accounts were opened empty."""

    operations: Sequence[Operation]
    lines: Mapping[str, Sequence[Line]]
    openings: Mapping[str, Terms]


class Anomaly(Struct, frozen=True):
    """Something no serial order explains. `name` is the literature's."""

    name: str
    detail: str
