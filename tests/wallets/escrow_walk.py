"""One escrow on its way through the table, without a database: the room's pure half.

The bank is the model: it moves what a step says and refuses what no bank would do, such as moving
frozen money. It knows nothing of escrows.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tallystick.books import PLATFORM, account_id, chart
from tallystick.journal import Told
from tallystick.journal.model import NOBODY
from tallystick.ledger import Close, Freeze, Open, Post
from tallystick.platform.ids import derived_id
from tallystick.wallets.escrows import decisions
from tallystick.wallets.escrows.decisions import EscrowStep, Moment, Ruling, Sides
from tallystick.wallets.escrows.folds import EscrowRow, fold_escrow
from tallystick.wallets.escrows.states import ENDED
from tallystick.wallets.escrows.terms import (
    Agreement,
    EscrowTerms,
    Recipient,
    fee_until,
)
from tallystick.wallets.hold_decisions import Receiver
from tallystick.wallets.model import Tier, Wallet, record_id_of

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
ESCROW = derived_id(PLATFORM, "escrow")
FREE = Tier("unlimited", "INR")
FEES = account_id(PLATFORM, chart.fees_code("INR"))


def wallet(name: str) -> Wallet:
    wallet_id = derived_id(PLATFORM, name)
    return Wallet(
        id=wallet_id,
        record_id=record_id_of(wallet_id),
        version=1,
        owner_id=derived_id(PLATFORM, f"owner of {name}"),
        owner_kind="user",
        currency="INR",
        status="active",
        frozen="no",
        tier="unlimited",
        spent_on=NOW.date(),
        spent_day_minor=0,
        spent_month=NOW.date().replace(day=1),
        spent_month_minor=0,
        opened_at=NOW,
        updated_at=NOW,
    )


BUYER, SELLER, SHOP = wallet("buyer"), wallet("seller"), derived_id(PLATFORM, "shop")
SIDES = Sides(BUYER, (Receiver(SELLER, 0, FREE), None))


def agreement(**changes: Any) -> Agreement:
    recipients = (
        Recipient(SELLER.id, SELLER.owner_id, 2, SELLER.id),
        Recipient(SHOP, derived_id(PLATFORM, "shopkeeper"), 1),
    )
    terms = EscrowTerms(
        recipients=recipients,
        parts=changes.pop("parts", ()),
        fee_percent_bp=changes.pop("bp", 0),
        fee_fixed_minor=changes.pop("fixed", 0),
    )
    return Agreement(
        buyer_wallet_id=BUYER.id,
        buyer_id=BUYER.owner_id,
        currency="INR",
        terms=terms,
        **({"amount_minor": 1_000} | changes),
    )


@dataclass
class Bank:
    """The model: balances, and which account is frozen or closed."""

    balances: dict[UUID, int] = field(default_factory=lambda: {BUYER.id: 10_000})
    frozen: set[UUID] = field(default_factory=set)
    open: set[UUID] = field(default_factory=set)
    posted: list[Post] = field(default_factory=list)

    def take(self, step: EscrowStep) -> None:
        for verb in step.accounts:
            match verb:
                case Open():
                    self.open.add(verb.account_id)
                case Freeze(frozen="all"):
                    self.frozen.add(verb.account_id)
                case Freeze():
                    self.frozen.discard(verb.account_id)
        self.posted += step.transfers
        for post in step.transfers:
            assert post.amount_minor > 0
            assert not {post.debit, post.credit} & self.frozen
            self.balances[post.debit] = self.balances.get(post.debit, 0) - post.amount_minor
            self.balances[post.credit] = self.balances.get(post.credit, 0) + post.amount_minor
            assert self.balances[post.debit] >= 0
        for verb in step.accounts:
            if isinstance(verb, Close):
                assert self.balances.get(verb.account_id, 0) == 0
                self.open.discard(verb.account_id)


@dataclass
class Walk:
    """One escrow on its way, and the bank that believes it every step."""

    bank: Bank
    now: datetime = NOW
    row: EscrowRow | None = None

    def take(self, step: EscrowStep) -> None:
        fact = step.facts[0]
        told = Told(
            0, 1, fact.aggregate_id, fact.version, fact.kind, 1, fact.data, NOBODY, self.now
        )
        self.row = fold_escrow(self.row, told)
        self.bank.take(step)

    @property
    def escrow(self) -> EscrowRow:
        assert self.row is not None
        return self.row

    def require_of_one_mind(self) -> None:
        row, balances = self.escrow, self.bank.balances
        account = row.account_id
        assert balances.get(account, 0) == row.held_minor
        assert (account in self.bank.frozen) == (row.status == "disputed")
        assert (account not in self.bank.open) == (row.status in ENDED)
        assert row.status not in ENDED or row.held_minor == 0
        assert row.status not in ("funded", "disputed") or row.held_minor > 0
        assert sum(balances.values()) == 10_000
        assert 0 <= row.released_minor + row.returned_minor <= row.funded_minor <= row.amount_minor
        parts = row.progress.released_parts
        assert len(set(parts)) == len(parts)
        assert balances.get(FEES, 0) == row.fee_minor == fee_until(row.released_minor, row.terms)
        assert (balances.get(SELLER.id, 0), balances.get(SHOP, 0)) == row.progress.paid_minor
        spent = sum(one.amount_minor for one in row.progress.spendings)
        assert spent == row.funded_minor - row.returned_minor


def steps(walk: Walk, verb: str, amount_minor: int | None, part: str | None) -> EscrowStep:
    """The step that the verb comes to. Raises EscrowNotPossible, InvalidEscrow."""
    row, moment = walk.escrow, Moment(derived_id(ESCROW, str(walk.now)), walk.now)
    some_minor = amount_minor or 0
    match verb:
        case "fund":
            return decisions.decide_funding(row, BUYER, FREE, amount_minor, moment)
        case "release":
            return decisions.decide_release(row, amount_minor, part, SIDES, moment)
        case "return":
            return decisions.decide_return(row, amount_minor, SIDES, moment)
        case "cancel":
            return decisions.decide_cancelling(row, SIDES, moment)
        case "dispute":
            return decisions.decide_dispute(row, None, None, late=bool(part), now=walk.now)
        case "withdraw":
            return decisions.decide_withdrawal(row)
        case "resolve":
            return decisions.decide_resolution(row, Ruling(some_minor), None, SIDES, moment)
        case "time out":
            return decisions.decide_timeout(row, SIDES, moment)
        case _:
            raise AssertionError(verb)
