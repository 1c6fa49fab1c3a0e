"""The ledger consumer posts every recorded payment once, whatever happens on the way."""

import asyncio
from datetime import timedelta

import pytest

from tallystick.app import App, open_app
from tallystick.intake.model import PaymentRecorded
from tallystick.intake.posting import posting_of
from tallystick.journal import Change
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import Settings
from tests.delivery.senders import Senders
from tests.servers.served import require_proven

pytestmark = pytest.mark.anyio
POSTED = "recorded_payments_posted"


async def red_checks(app: App) -> set[str]:
    proof = await app.prove()
    return {check.name for check in proof.checks if not check.green}


async def test_every_recorded_payment_is_posted_once(app: App, senders: Senders) -> None:
    payments = await senders.report(2_500)
    assert await senders.postings() == {}

    await app.delivery.drain("ledger")

    assert await senders.postings() == dict.fromkeys(payments, 1)
    await require_proven(app)


async def test_the_books_prove_while_the_consumer_has_not_come(app: App, senders: Senders) -> None:
    await senders.report(3)

    await require_proven(app)


async def test_the_proof_finds_what_the_consumer_passed_over(app: App, senders: Senders) -> None:
    await senders.report(3)
    await app.delivery.drain("settlement_records")  # another reader's place proves nothing
    async with senders.as_owner() as owner:
        await owner.execute(
            "INSERT INTO delivery_positions SELECT 'ledger', lane, position, now()"
            " FROM journal_lanes"
        )

    assert await red_checks(app) == {POSTED}


async def test_the_proof_finds_a_wrong_amount_and_a_posting_of_nothing(
    app: App, senders: Senders
) -> None:
    await senders.report(2)
    await app.delivery.drain("ledger")
    async with senders.as_owner() as owner:
        await owner.execute(
            "ALTER TABLE ledger_transfers DISABLE TRIGGER append_only;"
            "UPDATE ledger_transfers SET amount = amount - 1"
            " WHERE id = (SELECT max(id::text)::uuid FROM ledger_transfers);"
            "UPDATE ledger_transfers SET id = gen_random_uuid()"
            " WHERE id = (SELECT min(id::text)::uuid FROM ledger_transfers)"
        )

    assert await red_checks(app) >= {POSTED, "recorded_payments_only"}


async def test_positions_that_fall_back_double_nothing(app: App, senders: Senders) -> None:
    payments = await senders.report(1_200)
    await app.delivery.drain("ledger")
    async with senders.as_owner() as owner:
        await owner.execute("DELETE FROM delivery_positions")

    await app.delivery.drain("ledger")

    assert await senders.postings() == dict.fromkeys(payments, 1)
    await require_proven(app)


async def test_what_was_posted_inline_is_left_alone(app: App, senders: Senders) -> None:
    report = senders.change()
    recorded = report.facts[0].data
    assert isinstance(recorded, PaymentRecorded)
    posting = posting_of(recorded)
    await app.journal.record(Change(report.id, report.facts, (posting,)))

    await app.delivery.drain("ledger")

    assert await senders.postings() == {report.id: 1}
    assert await app.database.fetchval("SELECT count(*) FROM journal_claims") == 0


async def test_two_processes_post_once_and_one_of_them_reads(
    app: App, senders: Senders, settings: Settings, address: Address, clock: HandClock
) -> None:
    payments = await senders.report(1_500)

    async with open_app(settings, address=address, clock=clock) as other:
        rounds = await asyncio.gather(app.delivery.drain("ledger"), other.delivery.drain("ledger"))

    assert min(rounds) == 0
    assert await senders.postings() == dict.fromkeys(payments, 1)


async def test_a_refused_posting_waits_and_is_posted_when_the_account_is_open_again(
    app: App, senders: Senders, clock: HandClock
) -> None:
    await senders.freeze_receivable()
    payments = await senders.report(3)
    await app.delivery.drain("ledger")
    waiting = await app.delivery.letters.list_letters("ledger")
    assert [(letter.status, letter.code) for letter in waiting] == [
        ("retrying", "account_frozen")
    ] * 3
    await require_proven(app)

    await senders.freeze_receivable("no")
    clock.advance(timedelta(seconds=1))
    await app.delivery.drain("ledger")

    assert await senders.postings() == dict.fromkeys(payments, 1)
    assert await app.delivery.letters.list_letters("ledger") == ()
