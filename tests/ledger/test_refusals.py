"""What the judge says when it refuses: the code for programs, and the words for people."""

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
from tallystick.ledger.model import AccountVerb, Refusal, Transfer
from tallystick.platform.ids import derived_id, typeid

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WORLD = UUID("00000000-0000-7000-8000-000000000001")
NOBODY = UUID(int=0x7_000_8000_0000_0000_0000)


def named(name: str) -> UUID:
    return derived_id(WORLD, name)


def res(reservation_id: UUID) -> str:
    return f"reservation {typeid('res', reservation_id)}"


ALICE, BOB, TOURIST, EMPTY, ICE, BANK = map(
    named, ("alice", "bob", "tourist", "empty", "ice", "bank")
)
HOLD, SHORT, DONE = named("hold"), named("short"), named("done")
LATER = AT + timedelta(seconds=1)


@pytest.fixture
def bench() -> Bench:
    """alice has 10.00, of which 3.00 are held; ice is frozen; gone is closed."""
    bench = Bench({}, {})
    opens = [
        Open(BANK, "bank", "INR", "debit", None),
        Open(TOURIST, "tourist", "USD", "credit", 0),
        *(Open(named(n), n, "INR", "credit", 0) for n in ("alice", "bob", "empty", "ice", "gone")),
    ]
    steps: list[tuple[UUID, list[Transfer], list[AccountVerb]]] = [
        (WORLD, [], [*opens]),
        (named("fund"), [Post(BANK, ALICE, 1_000, "INR", "fund")], []),
        (HOLD, [Reserve(ALICE, BOB, 200, "INR", "hold", LATER)], []),
        (SHORT, [Reserve(ALICE, BOB, 50, "INR", "hold", AT + timedelta(microseconds=1))], []),
        (DONE, [Reserve(ALICE, BOB, 50, "INR", "hold")], []),
        (named("void"), [Void(DONE, "void")], []),
        (named("close"), [], [Close(named("gone")), Freeze(ICE, "all")]),
    ]
    for step in steps:
        assert bench.judge(*step, at=AT).refusal is None
    return bench


RANGE = "an amount is 1 to 1000000000000000 minor units"


@pytest.mark.parametrize(
    ("order", "code", "detail"),
    [
        (Post(ALICE, BOB, 0, "INR", "x"), "invalid_amount", RANGE),
        (Post(ALICE, BOB, 10**15 + 1, "INR", "x"), "invalid_amount", RANGE),
        (Settle(HOLD, "x", 0), "invalid_amount", RANGE),
        (
            Post(ALICE, ALICE, 1, "INR", "x"),
            "same_account",
            "a transfer needs two different accounts",
        ),
        (
            Post(ALICE, NOBODY, 1, "INR", "x"),
            "unknown_account",
            f"there is no account {typeid('acc', NOBODY)}",
        ),
        (Post(ALICE, named("gone"), 1, "INR", "x"), "account_closed", "account gone is closed"),
        (Post(ALICE, ICE, 1, "INR", "x"), "account_frozen", "account ice is frozen"),
        (
            Post(ALICE, TOURIST, 1, "INR", "x"),
            "currency_mismatch",
            "INR cannot move between alice (INR) and tourist (USD)",
        ),
        (
            Post(ALICE, BOB, 751, "INR", "x"),
            "insufficient_funds",
            "account alice cannot cover this",
        ),
        (
            Post(ALICE, BOB, 1, "INR", "x", LATER),
            "not_back_dated",
            "a transfer may take effect earlier, never later",
        ),
        (
            Post(EMPTY, BOB, 1, "INR", "x", None, True),
            "nothing_to_move",
            "nothing is there to move to bob",
        ),
        (
            Reserve(ALICE, BOB, 1, "INR", "x", AT),
            "reservation_expired",
            "the reservation would be born expired",
        ),
        (Settle(NOBODY, "x"), "unknown_reservation", f"there is no {res(NOBODY)}"),
        (Void(DONE, "x"), "reservation_not_open", f"{res(DONE)} is voided"),
        (
            Settle(HOLD, "x", 201),
            "reservation_exceeded",
            "201 is more than the 200 that remain reserved",
        ),
        (Expire(HOLD), "reservation_not_expired", f"{res(HOLD)} still stands"),
        (
            Open(ALICE, "alice", "INR", "credit"),
            "account_exists",
            "account alice exists already",
        ),
        (Close(ALICE), "account_not_empty", "account alice still holds money"),
        (
            Require(ALICE, 4),
            "stale_version",
            "account alice is at version 5, not 4",
        ),
    ],
)
def test_a_refusal_says_what_and_why(
    bench: Bench, order: Transfer | AccountVerb, code: str, detail: str
) -> None:
    if isinstance(order, Open | Close | Freeze | Limit | Require):
        verdict = bench.judge(named("change"), [], [order], at=AT)
    else:
        verdict = bench.judge(named("change"), [order], [], at=AT)

    assert verdict.refusal == (code, detail)
    assert (verdict.rows, verdict.facts) == ([], [])


def test_a_limit_that_is_passed_already_names_the_account(bench: Bench) -> None:
    bench.judge(named("1"), [], [Limit(EMPTY, 100)], at=AT)
    bench.judge(named("2"), [Post(EMPTY, BOB, 100, "INR", "x")], at=AT)

    verdict = bench.judge(named("3"), [], [Limit(EMPTY, 99)], at=AT)

    assert verdict.refusal == ("insufficient_funds", "account empty is overdrawn beyond that")


def test_what_has_expired_is_named(bench: Bench) -> None:
    verdict = bench.judge(named("1"), [Settle(SHORT, "x")], at=LATER)

    assert verdict.refusal == ("reservation_expired", f"{res(SHORT)} has expired")


@pytest.mark.parametrize("kind", [Post, Reserve])
def test_an_overflow_says_of_what(bench: Bench, kind: type[Post | Reserve]) -> None:
    fund = Open(named("well"), "well", "INR", "credit", None)
    bench.judge(named("1"), [], [fund], at=AT)
    for account_id in (BANK, named("well")):
        account = bench.accounts[account_id]
        account.debits_posted = account.credits_posted = 2**63 - 1
        account.debits_pending = account.credits_pending = 2**63 - 1

    verdict = bench.judge(named("2"), [kind(BANK, named("well"), 1, "INR", "x")], at=AT)

    what = "turnover" if kind is Post else "promises"
    noun = "exceeds" if kind is Post else "exceed"
    assert verdict.refusal == ("balance_overflow", f"the account's {what} {noun} 64 bits")


@pytest.mark.parametrize("full", ["bank", "well"])
def test_one_full_side_is_enough(bench: Bench, full: str) -> None:
    bench.judge(named("1"), [], [Open(named("well"), "well", "INR", "credit", None)], at=AT)
    account = bench.accounts[named(full)]
    account.debits_posted = account.credits_posted = 2**63 - 1
    post, reserve = (
        Post(BANK, named("well"), 1, "INR", "x"),
        Reserve(BANK, named("well"), 1, "INR", "x"),
    )

    assert code_of(bench, post) == "balance_overflow"
    account.debits_pending = account.credits_pending = 2**63 - 1
    assert code_of(bench, reserve) == "balance_overflow"


@pytest.mark.parametrize("frozen", ["alice", "bob"])
def test_a_settle_names_the_account_that_is_frozen(bench: Bench, frozen: str) -> None:
    bench.judge(named("1"), [], [Freeze(named(frozen), "all")], at=AT)

    verdict = bench.judge(named("2"), [Settle(HOLD, "x")], at=AT)

    assert verdict.refusal == ("account_frozen", f"account {frozen} is frozen")


def code_of(bench: Bench, order: Transfer) -> str | None:
    verdict = bench.judge(named("change"), [order], at=AT)
    return verdict.refusal[0] if verdict.refusal else None


def test_a_refusal_reads_as_one_sentence() -> None:
    refusal = Refusal("insufficient_funds", "account alice cannot cover this")

    assert str(refusal) == "insufficient_funds: account alice cannot cover this"
    assert (refusal.code, refusal.detail) == (
        "insufficient_funds",
        "account alice cannot cover this",
    )
