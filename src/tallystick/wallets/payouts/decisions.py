"""What becomes of a wish to be paid out, and of the provider's answers. Pure.

Postings: the money is reserved from the wallet (or the merchant's payable) to `payouts:{route}`,
what that rail has paid for us and not been paid back; *paid* settles it, *failed* and *cancelled*
void it, and *returned* posts it back. What happened at the bank cannot be undone by an account that
will not have it, nor by an owner who had called it off: then `platform:suspense` stands in.
"""

from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import PLATFORM, account_id, chart
from tallystick.journal import Fact, Origin, Told
from tallystick.ledger import Post, Reserve, Settle, Void
from tallystick.platform.settings import Settings
from tallystick.rails import Approved, Declined, NotFound, Outcome, Pending, Unanswered, payouts
from tallystick.wallets.payouts.folds import PayoutRow, fold_payout, payout_name
from tallystick.wallets.payouts.states import (
    PAYOUT_KIND_OF,
    PayoutAskedAgain,
    PayoutCancelled,
    PayoutConfirmed,
    PayoutCreated,
    PayoutFailed,
    PayoutLookUnanswered,
    PayoutOutcomeUnknown,
    PayoutPaid,
    PayoutReturned,
    PayoutSent,
)

PAYOUT: Final = "payout"
RETURN: Final = "payout_return"
_DAY_S: Final = 86_400
RETURN_WATCH_S: Final = 5 * _DAY_S
"""How long a payout is watched: credit transfers come back within three banking days (EPC, SEPA
Credit Transfer rulebook, returns), and a weekend lies between."""

Transfers = tuple[Reserve | Settle | Void | Post, ...]
Found = Outcome | payouts.Returned


class PayoutTimes(Struct, frozen=True):
    """The times payouts keep to, from the settings."""

    provider_timeout_ms: int = 10_000
    provider_settle_ms: int = 30_000  # how long "not found" is not believed
    recovery_schedule_s: tuple[int, ...] = (60, 300, 3_600, 86_400)
    claim_patience_ms: int = 5_000
    ask_margin_ms: int = 2_000

    @classmethod
    def of(cls, settings: Settings) -> "PayoutTimes":
        """The times that the settings name."""
        return cls(
            provider_timeout_ms=settings.provider_timeout_ms,
            provider_settle_ms=settings.provider_settle_ms,
            recovery_schedule_s=settings.recovery_schedule_s,
            claim_patience_ms=settings.claim_patience_ms,
        )

    @property
    def ask_limit_s(self) -> float:
        """After this long nobody can still be waiting for the provider's answer."""
        return (self.provider_timeout_ms + self.ask_margin_ms) / 1_000

    def check_after_s(self, checks: int) -> int:
        """The pause before the next look, after `checks` of them."""
        return self.recovery_schedule_s[min(checks, len(self.recovery_schedule_s) - 1)]


class Moment(Struct, frozen=True):
    """What a decision needs beside the row: the time, the change's id, the times to keep."""

    now: datetime
    change_id: UUID
    times: PayoutTimes


class Source(Struct, frozen=True):
    """Whose money leaves, and from which ledger account."""

    kind: str  # wallet | merchant
    owner_id: UUID
    account_id: UUID
    currency: str


class PayoutTerms(Struct, frozen=True):
    """What is to be paid, and how; the destination is sealed already."""

    source: Source
    amount_minor: int
    method: str
    route: str
    sealed: str
    spent_on: date | None = None


class Steps(Struct, frozen=True):
    """What one beat tells of the payout, in order, and what it moves.

    `frees`: the money stays with its owner, or is his again, and does not count as spent.
    """

    told: tuple[Struct, ...]
    transfers: Transfers = ()

    @property
    def frees(self) -> bool:
        return any(map(_leaves_the_money, self.told))

    def facts(self, payout_id: UUID, version: int) -> tuple[Fact, ...]:
        """The facts behind a row that has `version` of them."""
        return tuple(
            Fact(payout_id, number, PAYOUT_KIND_OF[type(data)], data)
            for number, data in enumerate(self.told, version + 1)
        )


def _leaves_the_money(told: Struct) -> bool:
    match told:
        case PayoutFailed() | PayoutCancelled() | PayoutPaid(booked_to="suspense"):
            return True
        case PayoutReturned(booked_to="account"):
            return True
    return False


def row_after(row: PayoutRow | None, facts: tuple[Fact, ...], at: datetime) -> PayoutRow:
    """The row once these facts are recorded: what reading it anew would show."""
    for fact in facts:
        told = Told(
            0, 0, fact.aggregate_id, fact.version, fact.kind, 1, fact.data, _TOLD_LOCALLY, at
        )
        row = fold_payout(row, told)
    if row is None:
        raise LookupError("nothing was told of this payout")
    return row


def decide_payout(
    payout_id: UUID, terms: PayoutTerms, claim_id: UUID | None, moment: Moment
) -> Steps:
    """Reserve the money and tell what is about to be asked."""
    source = terms.source
    created = PayoutCreated(
        source=source.kind,
        owner_id=source.owner_id,
        account_id=source.account_id,
        amount_minor=terms.amount_minor,
        currency=source.currency,
        method=terms.method,
        route=terms.route,
        reference=payout_name(payout_id),
        reservation_id=moment.change_id,  # a change's first transfer has the change's id
        sealed=terms.sealed,
        check_after_s=moment.times.ask_limit_s,
        spent_on=terms.spent_on,
        claim_id=claim_id,
    )
    # Never expires: whether the money is gone only the provider knows.
    reserve = Reserve(
        source.account_id,
        clearing_id(terms.route, source.currency),
        terms.amount_minor,
        source.currency,
        PAYOUT,
    )
    return Steps((created,), (reserve,))


def conclude(row: PayoutRow, outcome: Found, moment: Moment, *, to_suspense: bool = False) -> Steps:
    """What an open payout becomes now that the provider has said, or not said, this."""
    match outcome:
        case Approved():
            return _paid(row, outcome.provider_reference, moment, to_suspense=to_suspense)
        case payouts.Returned():
            # It was paid and is back before anybody looked: both happened, and both are told.
            paid = _paid(row, outcome.provider_reference, moment, to_suspense=to_suspense)
            back = _returned(row, outcome, moment, to_suspense=to_suspense)
            return Steps(paid.told + back.told, paid.transfers + back.transfers)
        case Declined(retryable=False):
            failed = PayoutFailed(outcome.code, outcome.provider_code)
            return Steps((failed,), (Void(row.reservation_id, PAYOUT),))
        case Pending() if row.status == "pending":
            return Steps((PayoutSent(_pause_s(row, moment)),))
    return Steps((PayoutOutcomeUnknown(_why(outcome), _pause_s(row, moment)),))


def decide_asking_again(moment: Moment) -> Steps:
    """Tell that the order is about to be put once more."""
    return Steps((PayoutAskedAgain(moment.times.ask_limit_s),))


def decide_cancelling(row: PayoutRow, moment: Moment) -> Steps:
    """Call it off: the money is free again. The provider does not have it."""
    cancelled = PayoutCancelled(moment.times.check_after_s(0))
    return Steps((cancelled,), (Void(row.reservation_id, PAYOUT),))


def never_arrived(row: PayoutRow, outcome: Found, moment: Moment) -> bool:
    """Whether the provider does not have it, nor can an order be on its way that we put."""
    times = moment.times
    quiet_s = max(times.provider_settle_ms / 1_000, times.ask_limit_s)
    if moment.now < row.asked_at + timedelta(seconds=quiet_s):
        return False
    return isinstance(outcome, NotFound)


def is_end(outcome: Found) -> bool:
    """Whether the provider has decided for good."""
    if isinstance(outcome, Declined):
        return not outcome.retryable
    return isinstance(outcome, Approved | payouts.Returned)


def conclude_watch(
    row: PayoutRow, outcome: Found, moment: Moment, *, to_suspense: bool = False
) -> Steps:
    """What a paid or cancelled payout becomes after a look whether it still is so."""
    if row.status == "cancelled":
        return _after_all(row, outcome, moment)
    if isinstance(outcome, payouts.Returned):
        return _returned(row, outcome, moment, to_suspense=to_suspense)
    if not isinstance(outcome, Approved):
        return _unanswered(row, outcome, moment)
    return _confirmed(row, row.paid_at or moment.now, moment)


def clearing_id(route: str, currency: str) -> UUID:
    """The account of what this rail has paid out for us."""
    return account_id(PLATFORM, chart.payouts_code(route, currency))


def _after_all(row: PayoutRow, outcome: Found, moment: Moment) -> Steps:
    """A cancelled one that was paid after all, and perhaps came back; or it stays cancelled."""
    match outcome:
        case Approved() | payouts.Returned():
            paid = PayoutPaid(
                posting_id=moment.change_id,
                provider_reference=outcome.provider_reference,
                watch_after_s=moment.times.check_after_s(0),
                booked_to="suspense",
            )
            if isinstance(outcome, Approved):
                return Steps((paid,), (_stands_in(row),))
            back = _returned(row, outcome, moment, to_suspense=True)
            return Steps((paid, *back.told), (_stands_in(row), *back.transfers))
        case NotFound() | Declined():
            return _confirmed(row, row.asked_at, moment)
    return _unanswered(row, outcome, moment)


def _confirmed(row: PayoutRow, since: datetime, moment: Moment) -> Steps:
    is_watched = (moment.now - since).total_seconds() < RETURN_WATCH_S
    return Steps((PayoutConfirmed(_watch_pause_s(row, moment) if is_watched else None),))


def _unanswered(row: PayoutRow, outcome: Found, moment: Moment) -> Steps:
    return Steps((PayoutLookUnanswered(_why(outcome), _watch_pause_s(row, moment)),))


def _watch_pause_s(row: PayoutRow, moment: Moment) -> int:
    return min(moment.times.check_after_s(row.checks + 1), _DAY_S)


def _paid(row: PayoutRow, reference: str, moment: Moment, *, to_suspense: bool) -> Steps:
    paid = PayoutPaid(
        posting_id=moment.change_id,
        provider_reference=reference,
        watch_after_s=moment.times.check_after_s(0),
        booked_to="suspense" if to_suspense else "account",
    )
    if not to_suspense:
        return Steps((paid,), (Settle(row.reservation_id, PAYOUT),))
    return Steps((paid,), (Void(row.reservation_id, PAYOUT), _stands_in(row)))


def _stands_in(row: PayoutRow) -> Post:
    """What the provider paid, out of suspense."""
    clearing = clearing_id(row.route, row.currency)
    return Post(_suspense(row), clearing, row.amount_minor, row.currency, PAYOUT)


def _returned(
    row: PayoutRow, back: payouts.Returned, moment: Moment, *, to_suspense: bool
) -> Steps:
    suspense = to_suspense or row.booked_to == "suspense"
    returned = PayoutReturned(
        posting_id=moment.change_id,
        code=back.code,
        provider_code=back.provider_code,
        booked_to="suspense" if suspense else "account",
    )
    home = _suspense(row) if suspense else row.account_id
    clearing = clearing_id(row.route, row.currency)
    return Steps((returned,), (Post(clearing, home, row.amount_minor, row.currency, RETURN),))


def _suspense(row: PayoutRow) -> UUID:
    return account_id(PLATFORM, chart.suspense_code(row.currency))


def _pause_s(row: PayoutRow, moment: Moment) -> int:
    return moment.times.check_after_s(row.checks)


def _why(outcome: Found) -> str:
    """In a word, why the outcome is not known yet."""
    match outcome:
        case Unanswered(reason=reason):
            return reason
        case Declined(code=code):
            return code
        case Pending():
            return "provider_pending"
        case NotFound():
            return "not_found"
    return "not_known"


_TOLD_LOCALLY: Final = Origin()
