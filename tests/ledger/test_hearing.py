"""What an accepted change leaves behind: its rows to the last column, and the facts it tells."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

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
from tallystick.ledger.model import Account, AccountFact, Reservation, TransferRow
from tallystick.platform.ids import derived_id, numbered_id

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
WORLD = UUID("00000000-0000-7000-8000-000000000001")
CHANGE = derived_id(WORLD, "change")
BANK, ALICE = derived_id(WORLD, "bank"), derived_id(WORLD, "alice")
EARLIER, LATER = AT - timedelta(days=1), AT + timedelta(days=1)
OPENS = (
    Open(BANK, "bank", "INR", "debit", None),
    Open(ALICE, "alice", "INR", "credit", 70),
)


def opened_bench() -> Bench:
    bench = Bench({}, {})
    assert bench.judge(WORLD, [], OPENS, at=EARLIER).refusal is None
    return Bench(bench.accounts, bench.reservations)


def test_an_account_opens_as_it_was_asked_for() -> None:
    bench = Bench({}, {})

    verdict = bench.judge(WORLD, [], OPENS, at=AT)

    assert bench.accounts[ALICE] == Account(
        *(ALICE, "alice", "INR", "credit", 0, 0, 0, 0, 70, "no", None, 0, 1, AT)
    )
    assert bench.accounts[BANK].normal_side == "debit"
    assert bench.accounts[BANK].overdraft_limit is None
    assert verdict.facts == [
        AccountFact(order.account_id, 1, "account.opened", order) for order in OPENS
    ]
    assert bench.changed_accounts == {BANK, ALICE}


def test_every_row_says_all_of_it() -> None:
    bench = opened_bench()
    held = numbered_id(CHANGE, 1)

    verdict = bench.judge(
        CHANGE,
        [
            Post(BANK, ALICE, 100, "INR", "fund", EARLIER),
            Reserve(BANK, ALICE, 60, "INR", "hold", LATER),
            Settle(held, "part", 25, final=False),
            Settle(held, "last", 20),
        ],
        at=AT,
        lane=3,
        batch=9,
    )

    stamp = (CHANGE, 3, 9, BANK, ALICE)
    assert verdict.rows == [
        TransferRow(
            *(CHANGE, *stamp, 100, "INR", "fund", "post", None, EARLIER, None, 100, 1, 100, 1)
        ),
        TransferRow(
            *(held, *stamp, 60, "INR", "hold", "reserve", held, None, LATER, *(100, 2) * 2)
        ),
        *(
            TransferRow(
                *(numbered_id(CHANGE, n), *stamp, amount, "INR", code, kind, held, None, None),
                *(after, n + 1, after, n + 1),
            )
            for n, amount, code, kind, after in (
                (2, 25, "part", "settle", 125),
                (3, 20, "last", "settle", 145),
                (4, 15, "last", "void", 145),
            )
        ),
    ]
    assert bench.reservations[held] == Reservation(
        *(held, BANK, ALICE, 60, 0, "INR", LATER, "settled")
    )
    assert bench.changed_reservations == {held}
    assert bench.accounts[ALICE].last_at == bench.accounts[BANK].last_at == AT


def test_what_is_given_back_says_why() -> None:
    bench = opened_bench()
    holds = [derived_id(WORLD, name) for name in ("one", "two")]
    for hold in holds:
        bench.judge(hold, [Reserve(BANK, ALICE, 60, "INR", "hold", AT)], at=EARLIER)

    verdict = bench.judge(CHANGE, [Void(holds[0], "cancelled"), Expire(holds[1])], at=AT)

    told = [(row.kind, row.code, row.amount, row.reservation_id) for row in verdict.rows]
    assert told == [("void", "cancelled", 60, holds[0]), ("expire", "expiry", 60, holds[1])]
    assert [bench.reservations[hold].state for hold in holds] == ["voided", "expired"]
    assert (verdict.rows[-1].debit_version, verdict.rows[-1].credit_balance) == (4, 0)


def test_what_changes_an_account_tells_its_next_fact() -> None:
    bench = opened_bench()
    verbs = (Freeze(ALICE, "outflow"), Limit(ALICE, None), Require(ALICE, 0), Close(ALICE))

    verdict = bench.judge(CHANGE, [], verbs, at=AT)

    told = [(fact.account_id, fact.version, fact.kind, fact.data) for fact in verdict.facts]
    assert told == [
        (ALICE, 2, "account.frozen", verbs[0]),
        (ALICE, 3, "account.limited", verbs[1]),
        (ALICE, 4, "account.closed", verbs[3]),
    ]
    alice = bench.accounts[ALICE]
    assert (alice.frozen, alice.overdraft_limit, alice.closed_at) == ("outflow", None, AT)
    assert (alice.revision, alice.last_at, alice.version) == (4, AT, 0)
    assert bench.changed_accounts == {ALICE}


def test_a_refused_change_leaves_the_very_same_accounts() -> None:
    bench = opened_bench()
    before = dict(bench.accounts)

    verdict = bench.judge(CHANGE, [Post(BANK, ALICE, 1, "INR", "x"), Void(CHANGE, "x")], at=AT)

    assert verdict.refusal is not None
    assert all(bench.accounts[account] is before[account] for account in before)
    assert bench.reservations == {}
    assert bench.changed_accounts == bench.changed_reservations == set()


def test_without_a_stamp_a_row_lies_in_the_first_lane() -> None:
    (row,) = opened_bench().judge(CHANGE, [Post(BANK, ALICE, 1, "INR", "x")], at=AT).rows

    assert (row.lane, row.batch) == (0, 0)
