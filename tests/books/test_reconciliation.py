"""Reconciliation runs: asked for, carried out by one worker, reported, and loud when red."""

import asyncio
from datetime import timedelta

import pytest
from msgspec import json

from tallystick.books import Proof
from tallystick.books.proof.facts import RunStarted
from tallystick.books.proof.reconciliation import Reconciliation, RunNotFound
from tallystick.journal import Change, Fact
from tallystick.platform.ids import new_id
from tallystick.platform.postgres.address import Address
from tests.books.busy import owned
from tests.books.furnished import Books, asked

pytestmark = pytest.mark.anyio


async def cached_balance_off_by(owner: Address, amount_minor: int) -> None:
    async with owned(owner) as connection:
        await connection.execute(
            "UPDATE ledger_accounts SET credits_posted = credits_posted + $1 WHERE code = 'alice'",
            amount_minor,
        )


async def test_a_run_waits_for_a_worker_and_then_reports(books: Books) -> None:
    runs = books.proofs.reconciliation
    queued = (await runs.request()).row
    assert queued.status == "queued"

    assert await runs.run_due() == 1
    assert await runs.run_due() == 0

    ended = await runs.get_run(queued.id)
    assert (ended.status, ended.accounts, ended.transfers, ended.differences) == ("green", 4, 1, 0)
    assert ended.started_at is not None
    assert ended.ended_at is not None
    assert (ended.broken, ended.by_account, ended.not_proven) == ("[]", "[]", "[]")
    assert await runs.find_last_run() == ended


async def test_a_difference_is_told_by_account(books: Books, owner_address: Address) -> None:
    await cached_balance_off_by(owner_address, 7)
    runs = books.proofs.reconciliation
    queued = (await runs.request()).row

    await runs.run_due()

    ended = await runs.get_run(queued.id)
    assert ended.status == "red"
    assert ended.differences is not None
    assert ended.differences > 0
    (alice,) = json.decode(ended.by_account or "")
    assert alice["code"] == "alice"
    assert (alice["cached_minor"], alice["calculated_minor"]) == (10_007, 10_000)
    broken = {found["check"] for found in json.decode(ended.broken or "")}
    assert broken == {"counters", "trial_balance"}


async def test_a_red_run_is_logged_as_an_error(
    books: Books, owner_address: Address, capsys: pytest.CaptureFixture[str]
) -> None:
    await cached_balance_off_by(owner_address, 7)
    await books.proofs.reconciliation.request()

    await books.proofs.reconciliation.run_due()

    said = capsys.readouterr()
    assert "reconciliation_red" in said.err + said.out


async def test_one_account_is_proven_alone(books: Books, owner_address: Address) -> None:
    await cached_balance_off_by(owner_address, 7)
    runs = books.proofs.reconciliation

    bob = await runs.run_now((await runs.request(account_id=books.account("bob"))).row)
    alice = await runs.run_now((await runs.request(account_id=books.account("alice"))).row)

    assert (bob.status, bob.accounts, bob.transfers) == ("green", 1, 0)
    assert (alice.status, alice.accounts, alice.transfers) == ("red", 1, 1)
    assert "chain" in json.decode(bob.not_proven or "")


async def test_the_same_key_asks_for_one_run(books: Books) -> None:
    runs = books.proofs.reconciliation
    first = await runs.request(asked=asked("monday"))
    again = await runs.request(asked=asked("monday"))

    assert (first.row.id, again.replayed) == (again.row.id, True)
    assert len(await runs.list_runs(None, 10)) == 1


async def test_several_workers_carry_a_run_out_once(books: Books) -> None:
    runs = books.proofs.reconciliation
    queued = (await runs.request()).row

    await asyncio.gather(*(runs.run_due() for _ in range(4)))

    assert (await runs.get_run(queued.id)).version == 3


async def test_the_timetable_asks_once_a_day(books: Books) -> None:
    runs = books.proofs.reconciliation
    assert await runs.run_due() == 0

    books.clock.advance(timedelta(days=1))
    assert await runs.run_due() == 1
    assert await runs.run_due() == 0
    books.clock.advance(timedelta(days=1))
    assert await runs.run_due() == 1

    found = await runs.list_runs(None, 10)
    assert [run.occasion for run in found] == ["schedule", "schedule"]


async def test_a_run_whose_worker_is_gone_is_failed_and_the_next_goes_on(books: Books) -> None:
    runs = books.proofs.reconciliation
    lost = (await runs.request()).row
    fact = Fact(lost.id, 2, "reconciliation.started", RunStarted())
    await books.journal.record(Change(new_id(books.clock.now(), 1), (fact,)))
    waiting = (await runs.request()).row
    assert await runs.run_due() == 0

    books.clock.advance(timedelta(hours=3))
    assert await runs.run_due() == 1

    assert (await runs.get_run(lost.id)).status == "failed"
    assert (await runs.get_run(waiting.id)).status == "green"


async def test_a_proof_that_breaks_off_is_told_as_failed(books: Books) -> None:
    async def breaks_off(**_: object) -> Proof:
        raise ValueError("the disk is gone")

    runs = Reconciliation(books.journal, books.database, books.clock, breaks_off)
    queued = (await runs.request()).row

    with pytest.raises(ValueError, match="the disk is gone"):
        await runs.run_due()

    failed = await runs.get_run(queued.id)
    assert (failed.status, failed.failure) == ("failed", "ValueError: the disk is gone")


async def test_there_is_no_such_run(books: Books) -> None:
    with pytest.raises(RunNotFound):
        await books.proofs.reconciliation.get_run(new_id(books.clock.now(), 1))
