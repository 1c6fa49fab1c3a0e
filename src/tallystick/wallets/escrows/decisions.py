"""What follows from every step of an escrow: its fact, the wallets' facts, and the money. Pure.

Each step is one change, so the escrow and its account never tell different stories. The account
is opened with the escrow, frozen while a dispute lasts, and closed, empty, in the change that
ends it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from msgspec import Struct, structs

from tallystick.books import PLATFORM, account_id, chart
from tallystick.journal import Fact
from tallystick.ledger import Close, Freeze, Open, Post
from tallystick.wallets import limits
from tallystick.wallets.escrows import states as told
from tallystick.wallets.escrows.errors import EscrowNotPossible, InvalidEscrow
from tallystick.wallets.escrows.folds import EscrowRow, taken_back
from tallystick.wallets.escrows.states import (
    DisputeWithdrawn,
    EscrowDisputed,
    EscrowFunded,
    EscrowOpened,
    EscrowPaid,
    TimeoutDelayed,
)
from tallystick.wallets.escrows.terms import (
    Agreement,
    Division,
    divide,
    escrow_account_id,
    escrow_code,
    require_shares,
    require_sound,
)
from tallystick.wallets.hold_decisions import Receiver
from tallystick.wallets.model import Tier, Wallet

FUNDING_CODE: Final = "escrow_funding"
RELEASE_CODE: Final = "escrow_release"
FEE_CODE: Final = "escrow_fee"
RETURN_CODE: Final = "escrow_return"
DELAY: Final = timedelta(minutes=1)
DELAY_MAX: Final = timedelta(days=1)


class EscrowStep(Struct, frozen=True):
    """One change of an escrow: its own fact first, then the wallets', and what moves."""

    facts: tuple[Fact, ...]
    transfers: tuple[Post, ...] = ()
    accounts: tuple[Open | Freeze | Close, ...] = ()


class Sides(Struct, frozen=True):
    """Where money may go: the buyer's wallet, and a receiver for each recipient with a wallet."""

    buyer: Wallet
    receivers: tuple[Receiver | None, ...]


class Moment(Struct, frozen=True):
    """When a step is decided, and the change it will be recorded in."""

    change_id: UUID
    now: datetime


class Ruling(Struct, frozen=True):
    """How much of what is held is released; the rest goes back. `shares`: the arbiter's own."""

    released_minor: int
    shares: tuple[int, ...] | None = None


# Before it is funded ------------------------------------------------------------------------------


def decide_opening(
    escrow_id: UUID, agreement: Agreement, sealed: str | None, now: datetime
) -> EscrowStep:
    """Raises InvalidEscrow."""
    require_sound(agreement, now)
    terms = agreement.terms
    account = escrow_account_id(escrow_id)
    data = EscrowOpened(
        buyer_wallet_id=agreement.buyer_wallet_id,
        buyer_id=agreement.buyer_id,
        account_id=account,
        amount_minor=agreement.amount_minor,
        currency=agreement.currency,
        recipients=terms.recipients,
        parts=terms.parts,
        fee_percent_bp=terms.fee_percent_bp,
        fee_fixed_minor=terms.fee_fixed_minor,
        arbiter_id=agreement.arbiter_id,
        times_out_at=agreement.times_out_at,
        on_timeout=agreement.on_timeout,
        sealed=sealed,
    )
    order = Open(account, escrow_code(escrow_id), agreement.currency, "credit", 0)
    return EscrowStep((Fact(escrow_id, 1, told.OPENED, data),), accounts=(order,))


def decide_funding(
    row: EscrowRow, buyer: Wallet, tier: Tier, amount_minor: int | None, moment: Moment
) -> EscrowStep:
    """Take in all that is missing, or `amount_minor` of it, within the buyer's limits.

    Raises EscrowNotPossible, and what the limits refuse.
    """
    require_state(row, "open")
    require_in_time(row, moment.now)
    missing_minor = row.amount_minor - row.funded_minor
    taken_minor = missing_minor if amount_minor is None else amount_minor
    if taken_minor > missing_minor:
        raise EscrowNotPossible(f"{missing_minor} minor units are missing", "escrow_exceeded")
    spent = limits.outgoing(buyer, taken_minor, tier, moment.now)
    kind = told.FUNDED if taken_minor == missing_minor else told.PART_FUNDED
    day = limits.spending_day(buyer, moment.now)
    fact = _next(row, kind, EscrowFunded(taken_minor, day, moment.change_id))
    post = Post(buyer.id, row.account_id, taken_minor, row.currency, FUNDING_CODE)
    return EscrowStep((fact, spent), (post,))


def decide_cancelling(row: EscrowRow, sides: Sides, moment: Moment) -> EscrowStep:
    """Give it up before all of it was funded; what came in goes back. Raises EscrowNotPossible."""
    require_state(row, "open")
    return _paying(row, told.CANCELLED, _returning(row.held_minor), sides, moment)


# While it is funded -------------------------------------------------------------------------------


def decide_release(
    row: EscrowRow, amount_minor: int | None, part: str | None, sides: Sides, moment: Moment
) -> EscrowStep:
    """Pay the recipients all that is held, or `amount_minor` of it, or the part of that name.

    Raises EscrowNotPossible, InvalidEscrow, and what the recipients' limits refuse.
    """
    require_state(row, "funded")
    require_in_time(row, moment.now)
    released_minor = _wanted(row, amount_minor, part)
    kind = told.RELEASED if released_minor == row.held_minor else told.PART_RELEASED
    paid = structs.replace(_releasing(row, released_minor), part=part)
    return _paying(row, kind, paid, sides, moment)


def decide_return(
    row: EscrowRow, amount_minor: int | None, sides: Sides, moment: Moment
) -> EscrowStep:
    """Give the buyer back all that is held, or `amount_minor` of it. Raises EscrowNotPossible."""
    require_state(row, "funded")
    require_in_time(row, moment.now)
    returned_minor = row.held_minor if amount_minor is None else amount_minor
    _require_held(row, returned_minor)
    kind = told.RETURNED if returned_minor == row.held_minor else told.PART_RETURNED
    return _paying(row, kind, _returning(returned_minor), sides, moment)


def decide_dispute(
    row: EscrowRow, raised_by: UUID | None, sealed: str | None, *, late: bool, now: datetime
) -> EscrowStep:
    """Let nothing move. `late`: even after its time, as long as the rule was not carried out.

    Raises EscrowNotPossible.
    """
    require_state(row, "funded")
    if not late:
        require_in_time(row, now)
    fact = _next(row, told.DISPUTED, EscrowDisputed(raised_by, sealed))
    return EscrowStep((fact,), accounts=(Freeze(row.account_id, "all"),))


# What ends a dispute, or the escrow's time --------------------------------------------------------


def decide_withdrawal(row: EscrowRow) -> EscrowStep:
    """End the dispute without a decision: all goes on as before. Raises EscrowNotPossible."""
    require_state(row, "disputed")
    fact = _next(row, told.DISPUTE_WITHDRAWN, DisputeWithdrawn())
    return EscrowStep((fact,), accounts=(Freeze(row.account_id, "no"),))


def decide_resolution(
    row: EscrowRow, ruling: Ruling, sealed: str | None, sides: Sides, moment: Moment
) -> EscrowStep:
    """Divide all that is held as the arbiter says. Raises EscrowNotPossible, InvalidEscrow."""
    require_state(row, "disputed")
    _require_held(row, ruling.released_minor)
    if ruling.shares is not None:
        require_shares(ruling.shares, len(sides.receivers))
    paid = _releasing(row, ruling.released_minor, ruling.shares)
    rest_minor = row.held_minor - ruling.released_minor
    paid = structs.replace(paid, returned_minor=rest_minor, sealed=sealed)
    step = _paying(row, told.RESOLVED, paid, sides, moment)
    thawed = Freeze(row.account_id, "no")  # judged before the transfers
    return structs.replace(step, accounts=(thawed, *step.accounts))


def decide_timeout(row: EscrowRow, sides: Sides, moment: Moment) -> EscrowStep:
    """Carry out the rule; one that was never wholly funded goes back whatever the rule.

    Raises EscrowNotPossible (`escrow_not_timed_out` before its time), and what the recipients'
    limits refuse.
    """
    if row.status not in ("open", "funded"):
        require_state(row, "funded")
    if row.times_out_at is None or moment.now < row.times_out_at:
        raise EscrowNotPossible("its time is not over", "escrow_not_timed_out")
    if row.status == "open":
        return _paying(row, told.LAPSED, _returning(row.held_minor), sides, moment)
    held_minor = row.held_minor
    released = row.on_timeout == "release"
    paid = _releasing(row, held_minor) if released else _returning(held_minor)
    return _paying(row, told.TIMED_OUT, paid, sides, moment)


def decide_delay(row: EscrowRow, code: str) -> EscrowStep:
    """The rule could not be carried out: look again after a while, each time a longer one."""
    pause = min(DELAY * 2 ** min(row.delays, 16), DELAY_MAX)
    data = TimeoutDelayed(code, pause.total_seconds())
    return EscrowStep((_next(row, told.TIMEOUT_DELAYED, data),))


# What they share ----------------------------------------------------------------------------------


def require_state(row: EscrowRow, wanted: str) -> None:
    """Raises EscrowNotPossible unless the escrow is in this state."""
    if row.status == wanted:
        return
    if row.status in told.ENDED:
        raise EscrowNotPossible("this escrow has ended", "escrow_ended")
    if row.status == "disputed":
        raise EscrowNotPossible("nothing moves while it is disputed", "escrow_disputed")
    if wanted == "disputed":
        raise EscrowNotPossible("there is no dispute", "escrow_not_disputed")
    if wanted == "open":
        raise EscrowNotPossible("it is wholly funded", "escrow_already_funded")
    raise EscrowNotPossible("not all of the amount is here yet", "escrow_not_funded")


def require_in_time(row: EscrowRow, now: datetime) -> None:
    """Raises EscrowNotPossible (`escrow_timed_out`): from then on only the rule counts."""
    if row.times_out_at is not None and now >= row.times_out_at:
        raise EscrowNotPossible("its time is over", "escrow_timed_out")


def _wanted(row: EscrowRow, amount_minor: int | None, part: str | None) -> int:
    terms = row.terms
    if part is None:
        if terms.parts and amount_minor is not None:
            raise InvalidEscrow("part", "name the part to be released")
        wanted_minor = row.held_minor if amount_minor is None else amount_minor
    else:
        if amount_minor is not None:
            raise InvalidEscrow("amount", "a part has an amount of its own")
        found = terms.part(part)
        if found is None:
            raise EscrowNotPossible("no part has this name", "escrow_part_unknown")
        if part in row.progress.released_parts:
            raise EscrowNotPossible("this part was released before", "escrow_part_released")
        wanted_minor = found.amount_minor
    _require_held(row, wanted_minor)
    return wanted_minor


def _require_held(row: EscrowRow, amount_minor: int) -> None:
    if amount_minor > row.held_minor:
        raise EscrowNotPossible(f"it holds {row.held_minor} minor units", "escrow_exceeded")


def _returning(amount_minor: int) -> EscrowPaid:
    return EscrowPaid(returned_minor=amount_minor)


def _releasing(
    row: EscrowRow, amount_minor: int, shares: Sequence[int] | None = None
) -> EscrowPaid:
    if not amount_minor:
        return EscrowPaid()
    divided: Division = divide(amount_minor, row.released_minor, row.terms, shares)
    return EscrowPaid(amount_minor, divided.paid_minor, divided.fee_minor)


def _paying(
    row: EscrowRow, kind: str, paid: EscrowPaid, sides: Sides, moment: Moment
) -> EscrowStep:
    """The step in which so much leaves the escrow; what ends it closes its account."""
    posts = _posts(row, paid)
    if posts:
        paid = structs.replace(paid, posting_id=moment.change_id)
    facts = (
        _next(row, kind, paid),
        *_returned_facts(row, paid.returned_minor, sides.buyer),
        *_received_facts(paid, sides),
    )
    left_minor = row.held_minor - paid.released_minor - paid.returned_minor
    return EscrowStep(facts, posts, () if left_minor else (Close(row.account_id),))


def _posts(row: EscrowRow, paid: EscrowPaid) -> tuple[Post, ...]:
    targets = [
        (recipient.account_id, amount_minor, RELEASE_CODE)
        for recipient, amount_minor in zip(row.terms.recipients, paid.paid_minor, strict=False)
    ]
    fees = account_id(PLATFORM, chart.fees_code(row.currency))
    targets += [
        (fees, paid.fee_minor, FEE_CODE),
        (row.buyer_wallet_id, paid.returned_minor, RETURN_CODE),
    ]
    return tuple(
        Post(row.account_id, target, amount_minor, row.currency, code)
        for target, amount_minor, code in targets
        if amount_minor
    )


def _returned_facts(row: EscrowRow, amount_minor: int, buyer: Wallet) -> tuple[Fact, ...]:
    """What came back counts no more as spent, on the days on which it did."""
    if not amount_minor:
        return ()
    if buyer.status == "closed":
        raise EscrowNotPossible("the buyer's wallet is closed", "wallet_closed")
    freed, _ = taken_back(row.progress.spendings, amount_minor)
    return tuple(
        limits.returned(
            structs.replace(buyer, version=buyer.version + place), one.amount_minor, one.day
        )
        for place, one in enumerate(freed)
    )


def _received_facts(paid: EscrowPaid, sides: Sides) -> list[Fact]:
    return [
        limits.incoming(receiver.wallet, amount_minor, receiver.balance_minor, receiver.tier)
        for receiver, amount_minor in zip(sides.receivers, paid.paid_minor, strict=False)
        if receiver is not None and amount_minor
    ]


def _next(row: EscrowRow, kind: str, data: Struct) -> Fact:
    return Fact(row.id, row.version + 1, kind, data)
