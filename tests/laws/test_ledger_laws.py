"""The judge obeys the ledger's laws, whatever is asked of it, in whatever order."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tallystick.ledger import (
    Close,
    Expire,
    Freeze,
    Limit,
    Open,
    Post,
    Require,
    Reserve,
    Settle,
    Void,
)
from tallystick.ledger.judge import Bench
from tallystick.ledger.model import Account, AccountVerb, Reservation, Transfer, TransferRow
from tallystick.platform.ids import derived_id
from tests.laws.naive_ledger import Move, NaiveLedger, No

WORLD = UUID("00000000-0000-7000-8000-000000000001")
NAMES = [derived_id(WORLD, f"account {n}") for n in range(400)]
AT_FIRST = 16
BATCH = 40


class Chance:
    """Makes up changes: mostly sensible ones, and some that cannot be."""

    def __init__(self, seed: int, naive: NaiveLedger) -> None:
        self.dice = random.Random(seed)
        self.naive = naive
        self.at = datetime(2026, 3, 2, tzinfo=UTC)
        self.live = NAMES[:AT_FIRST]
        self.ended: list[UUID] = []

    def change(self) -> tuple[list[Transfer], list[AccountVerb]]:
        dice = self.dice
        self.at += timedelta(seconds=dice.choice((0, 0, 1, 30)))
        self.look_around()
        verbs = [self.verb() for _ in range(dice.choices((0, 1, 2), (92, 6, 2))[0])]
        transfers = [self.order() for _ in range(dice.choices((1, 2, 3), (85, 10, 5))[0])]
        return transfers, verbs

    def order(self) -> Transfer:
        dice = self.dice
        kind = dice.choices((Post, Reserve, Settle, Void, Expire), (45, 20, 20, 8, 7))[0]
        if kind is Post:
            debit = self.account()
            return Post(
                *(debit, self.account(), self.amount(debit), self.currency(), "sale"),
                self.earlier(),
                self.often(0.1),
            )
        if kind is Reserve:
            expires_at = None
            if self.often(0.7):
                expires_at = self.at + timedelta(seconds=dice.randint(-1, 300))
            return Reserve(
                *(self.account(), self.account(), self.amount(), self.currency(), "hold"),
                expires_at,
                self.often(0.1),
            )
        if kind is Settle:
            amount = None if dice.random() < 0.3 else self.amount()
            return Settle(self.promise(), "sale", amount, dice.random() < 0.5)
        return Void(self.promise(), "void") if kind is Void else Expire(self.promise())

    def verb(self) -> AccountVerb:
        dice, account = self.dice, self.account()
        few = len(self.live) < AT_FIRST + 8
        kinds = (Open, Freeze, Limit, Close, Require)
        kind = dice.choices(kinds, (5 if few else 1, 5, 3, 5, 5))[0]
        if kind is Open:
            account = dice.choice(NAMES) if few else account
            side = dice.choice(("debit", "credit"))
            return Open(account, str(account), self.currency(), side, self.overdraft())
        if kind is Freeze:
            return Freeze(account, dice.choices(("no", "outflow", "all"), (6, 1, 1))[0])
        if kind is Require:
            return Require(account, self.naive.lines.get(account, 0) - dice.choice((0, 0, 0, 1)))
        return Limit(account, self.overdraft()) if kind is Limit else Close(account)

    def account(self) -> UUID:
        """Mostly one of some twenty that are open."""
        if self.dice.random() < 0.02:
            return self.dice.choice(NAMES)
        return self.dice.choice(self.live)

    def look_around(self) -> None:
        naive = self.naive
        self.live = [account for account in naive.sides if account not in naive.closed]
        self.ended = [i for i in self.ended[-20:] if i not in naive.promises]

    def promise(self) -> UUID:
        known = list(self.naive.promises)
        if known and self.dice.random() < 0.9:
            chosen = self.dice.choice(known)
            self.ended.append(chosen)
            return chosen
        return self.dice.choice([*self.ended, *NAMES[:3]])

    def amount(self, debit: UUID | None = None) -> int:
        """Often all that the account has."""
        if debit in self.naive.sides and self.dice.random() < 0.3:
            return abs(self.naive.balances[debit])
        if self.dice.random() < 0.02:
            return self.dice.choice((0, -1, 10**15, 10**15 + 1))
        return self.dice.randint(1, 1_000)

    def earlier(self) -> datetime | None:
        """Mostly now; sometimes before, and rarely when it cannot be."""
        if self.often(0.9):
            return None
        return self.at - timedelta(seconds=self.dice.choice((-1, 0, 1, 86_400)))

    def often(self, share: float) -> bool:
        return self.dice.random() < share

    def currency(self) -> str:
        return "INR" if self.dice.random() < 0.97 else "USD"

    def overdraft(self) -> int | None:
        return self.dice.choice((0, 0, 500, 5_000, None))


def openings() -> list[Open]:
    """Some accounts to begin with: the first two have no limit, so that money can come in."""
    sides = ("debit", "credit", "credit")
    return [
        Open(account, str(account), "INR", sides[number % 3], None if number < 2 else 0)
        for number, account in enumerate(NAMES[:AT_FIRST])
    ]


def opened(naive: NaiveLedger, bench: Bench, at: datetime) -> None:
    for verb in openings():
        naive.hear(WORLD, [], [verb], at)
        assert bench.judge(WORLD, [], [verb], at=at).refusal is None


def walk(seed: int, steps: int) -> Counter[str]:
    """Both ledgers hear the same; how often which verdict was told."""
    naive, bench = NaiveLedger(), Bench({}, {})
    chance = Chance(seed, naive)
    opened(naive, bench, chance.at)
    outcomes = Counter[str]()
    for step in range(steps):
        if step % BATCH == 0:
            assert_equal(naive, bench)
            bench = Bench(bench.accounts, bench.reservations)
        transfers, verbs = chance.change()
        change_id = derived_id(WORLD, f"change {step}")
        verdict = bench.judge(change_id, transfers, verbs, at=chance.at)
        said = hear(naive, change_id, transfers, verbs, chance.at)
        told = verdict.refusal[0] if verdict.refusal else "ok"
        assert told in said, f"seed {seed}, step {step}: {told}, not {said}"
        if told == "ok":
            assert [as_move(row) for row in verdict.rows] == said["ok"], f"seed {seed}, step {step}"
        outcomes[told] += 1
    assert_equal(naive, bench)
    return outcomes


def hear(
    naive: NaiveLedger,
    change_id: UUID,
    transfers: list[Transfer],
    verbs: list[AccountVerb],
    at: datetime,
) -> dict[str, list[Move]]:
    """What the judge may say: `ok`, with these moves, or any of the reasons."""
    try:
        return {"ok": naive.hear(change_id, transfers, verbs, at)}
    except No as no:
        return {reason: [] for reason in no.reasons}


def as_move(row: TransferRow) -> Move:
    return str(row.kind), row.debit, row.credit, row.amount, row.reservation_id


def assert_equal(naive: NaiveLedger, bench: Bench) -> None:
    assert set(bench.accounts) == set(naive.sides)
    for account_id, account in bench.accounts.items():
        assert account.posted_minor == naive.balance(account_id)
        assert account.pending_out_minor == naive.leaving(account_id)
        assert account.version == naive.lines[account_id]
        assert (account.closed_at is not None) == (account_id in naive.closed)
    standing = {i: r.remaining for i, r in bench.reservations.items() if r.state == "open"}
    assert standing == {i: promise.rest for i, promise in naive.promises.items()}
    assert sum(naive.balances.values()) == 0


EVERY_REFUSAL = {
    *("account_closed", "account_exists", "account_frozen", "account_not_empty"),
    *("currency_mismatch", "insufficient_funds", "invalid_amount", "reservation_exceeded"),
    *("not_back_dated", "nothing_to_move", "stale_version"),
    *("reservation_expired", "reservation_not_expired", "reservation_not_open"),
    *("same_account", "unknown_account", "unknown_reservation"),
}


def test_the_judge_agrees_with_a_naive_ledger_over_a_hundred_thousand_steps() -> None:
    outcomes = walk(seed=7, steps=100_000)

    assert outcomes["ok"] > 20_000
    assert set(outcomes) == EVERY_REFUSAL | {"ok"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_the_judge_agrees_over_a_million_steps(seed: int) -> None:
    walk(seed, steps=100_000)


def test_the_walk_notices_a_judge_that_forgets_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.ledger.moves._stay_within_limits", lambda *_: None)

    with pytest.raises(AssertionError, match="insufficient_funds"):
        walk(seed=7, steps=2_000)


def test_the_walk_notices_a_judge_that_releases_too_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def release(reservation: Reservation, debit: Account, credit: Account, amount: int) -> None:
        reservation.remaining -= amount
        debit.debits_pending -= amount - 1
        credit.credits_pending -= amount - 1

    monkeypatch.setattr("tallystick.ledger.moves._release", release)

    with pytest.raises(AssertionError):
        walk(seed=7, steps=2_000)


def test_rows_number_each_accounts_lines_and_follow_its_balance() -> None:
    naive, bench = NaiveLedger(), Bench({}, {})
    chance = Chance(11, naive)
    opened(naive, bench, chance.at)
    lines: dict[UUID, list[int]] = {account: [] for account in NAMES}
    for step in range(5_000):
        transfers, verbs = chance.change()
        change_id = derived_id(WORLD, f"change {step}")
        verdict = bench.judge(change_id, transfers, verbs, at=chance.at)
        if not verdict.refusal:
            naive.hear(change_id, transfers, verbs, chance.at)
        for row in verdict.rows:
            lines[row.debit].append(row.debit_balance)
            lines[row.credit].append(row.credit_balance)
            assert row.debit_version == len(lines[row.debit])
            assert row.credit_version == len(lines[row.credit])
        for row in verdict.rows[-1:]:  # after a whole change the naive balance is the last line's
            assert lines[row.debit][-1] == naive.balance(row.debit)
            assert lines[row.credit][-1] == naive.balance(row.credit)


def test_an_accounts_history_is_told_in_the_batchs_instant() -> None:
    bench = Bench({}, {})
    early = datetime(2026, 3, 2, tzinfo=UTC)
    for account in NAMES[:2]:
        bench.judge(WORLD, [], [Open(account, str(account), "INR", "credit", None)], at=early)
    later = early + timedelta(seconds=1)

    bench.judge(WORLD, [Post(NAMES[0], NAMES[1], 5, "INR", "sale")], at=later)

    assert {bench.accounts[account].last_at for account in NAMES[:2]} == {later}
