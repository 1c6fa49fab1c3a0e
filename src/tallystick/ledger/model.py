"""The ledger's nouns: accounts, what may be asked of them, and the rows that result.

A transfer has one debit account, one credit account and one positive integer amount in the
minor unit of one currency, so it cannot be unbalanced.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

AMOUNT_MINOR_MAX = 10**15
"""The largest amount of one transfer, in minor units."""


class Side(StrEnum):
    """The side on which an account grows."""

    DEBIT = "debit"  # assets and expenses: clearing, bank
    CREDIT = "credit"  # liabilities and income: payables, wallets, fees


class Frozen(StrEnum):
    """What a freeze stops."""

    NO = "no"
    OUTFLOW = "outflow"  # nothing new may leave; what was reserved before may still settle
    ALL = "all"  # nothing moves but the release of reservations


class Kind(StrEnum):
    """What a transfer row records."""

    POST = "post"  # moved at once
    RESERVE = "reserve"  # promised: pending on both sides
    SETTLE = "settle"  # a promise kept, in whole or in part
    VOID = "void"  # a promise, or the rest of one, given back
    EXPIRE = "expire"  # a promise that ran out


class Post(Struct, frozen=True, gc=False):
    """Move `amount_minor` from the debit to the credit account at once.

    Balancing (`up_to`): move as much as is there, at most `amount_minor`. There is what each
    account that the money leaves has available, before any overdraft.
    """

    debit: UUID
    credit: UUID
    amount_minor: int
    currency: str
    code: str
    effective_at: datetime | None = None  # only when back-dated
    up_to: bool = False


class Reserve(Struct, frozen=True, gc=False):
    """Promise `amount_minor`; the id of the resulting transfer is the reservation's id.

    Balancing (`up_to`): promise as much as is there, at most `amount_minor`, as `Post` does.
    """

    debit: UUID
    credit: UUID
    amount_minor: int
    currency: str
    code: str
    expires_at: datetime | None = None
    up_to: bool = False


class Settle(Struct, frozen=True, gc=False):
    """Keep a promise: all that remains, or `amount_minor` of it.

    With `final` (the default) the rest returns at once, as a void row of its own.
    """

    reservation_id: UUID
    code: str
    amount_minor: int | None = None
    final: bool = True


class Void(Struct, frozen=True, gc=False):
    """Give back all that remains of a promise."""

    reservation_id: UUID
    code: str


class Expire(Struct, frozen=True, gc=False):
    """Record that a promise ran out; refused before its time."""

    reservation_id: UUID
    code: str = "expiry"


Transfer = Post | Reserve | Settle | Void | Expire


class Open(Struct, frozen=True):
    """Open an account. `overdraft_limit_minor` None means without limit."""

    account_id: UUID
    code: str
    currency: str
    normal_side: str  # Side: debit | credit
    overdraft_limit_minor: int | None = 0


class Freeze(Struct, frozen=True):
    """Freeze an account, or thaw it with `Frozen.NO`."""

    account_id: UUID
    frozen: str  # Frozen: no | outflow | all


class Limit(Struct, frozen=True):
    """Set how far an account may be overdrawn (None: without limit)."""

    account_id: UUID
    overdraft_limit_minor: int | None


class Close(Struct, frozen=True):
    """Close an empty account for good."""

    account_id: UUID


class Require(Struct, frozen=True):
    """Refuse the change unless the account's `version` is exactly this: nothing moved since."""

    account_id: UUID
    version: int


AccountVerb = Open | Freeze | Limit | Close | Require


class Account(Struct, gc=False):
    """One account as it stands; fields are the columns of `ledger_accounts`, in their order."""

    id: UUID
    code: str
    currency: str
    normal_side: str
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int
    overdraft_limit: int | None
    frozen: str
    closed_at: datetime | None
    version: int  # counts this account's transfers
    revision: int  # counts this account's own facts: opened, frozen, limited, closed
    last_at: datetime

    @property
    def posted_minor(self) -> int:
        """The posted balance on the account's normal side."""
        if self.normal_side == Side.DEBIT:
            return self.debits_posted - self.credits_posted
        return self.credits_posted - self.debits_posted

    @property
    def pending_out_minor(self) -> int:
        """What is promised to leave."""
        return self.credits_pending if self.normal_side == Side.DEBIT else self.debits_pending

    @property
    def pending_in_minor(self) -> int:
        """What is promised to arrive; not available yet."""
        return self.debits_pending if self.normal_side == Side.DEBIT else self.credits_pending

    @property
    def available_minor(self) -> int:
        """What may leave now, before any overdraft."""
        return self.posted_minor - self.pending_out_minor


class Reservation(Struct, gc=False):
    """One promise as it stands; fields are the columns of `ledger_reservations`, in their order."""

    id: UUID
    debit: UUID
    credit: UUID
    amount: int
    remaining: int
    currency: str
    expires_at: datetime | None
    state: str  # open | settled | voided | expired


class TransferRow(Struct, frozen=True, gc=False, array_like=True):
    """One row of `ledger_transfers`, in the order of its columns.

    `debit_balance` and `credit_balance` are the accounts' posted balances after it, each on its
    account's normal side.
    """

    id: UUID
    change_id: UUID
    lane: int
    batch: int
    debit: UUID
    credit: UUID
    amount: int
    currency: str
    code: str
    kind: str
    reservation_id: UUID | None
    effective_at: datetime | None
    expires_at: datetime | None
    debit_balance: int
    debit_version: int
    credit_balance: int
    credit_version: int


class AccountFact(Struct, frozen=True, gc=False):
    """A change of the account itself, told to the journal; `Require` changes nothing."""

    account_id: UUID
    version: int
    kind: str  # account.opened | account.frozen | account.limited | account.closed
    data: AccountVerb


class Refusal(Exception):
    """A business rule says no. `code` is stable; `detail` says where and why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Verdict(Struct, frozen=True, gc=False):
    """What became of one change: its rows and facts, or the refusal."""

    rows: list[TransferRow]
    facts: list[AccountFact]
    refusal: tuple[str, str] | None = None  # code, detail
