"""A day's business, read as the documents' own queries read their tables."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from tallystick.journal import Asked
from tallystick.platform.ids import parse_typeid
from tests.journeys.test_payouts import ACCOUNT, PAYMENTS, PAYOUTS, a_wallet, topped_up
from tests.servers.http_client import Answer
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio

INR = {"currency": "INR", "amount": 10_000}
SENT, OUT = 7_000, 20_000


class Day:
    """What happened, by the ids that the API gave."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.payments: list[UUID] = []

    async def live(self) -> None:
        self.refunded = await self.pay(key="1st", description="for Asha")
        part = {"payment_id": self.refunded.json["id"], "amount": 2_500}
        self.refund = await self.post("/api/v1/refunds", part, key="2nd")
        held = await self.pay(capture_method="manual")
        await self.post(f"{PAYMENTS}/{held.json['id']}/capture", {"amount": 6_000})
        given_up = await self.pay(capture_method="manual")
        await self.post(f"{PAYMENTS}/{given_up.json['id']}/cancel", {})
        await self.pay(payment_method="tok_insufficient_funds")
        await self.move_wallets()
        await self.platform.app.delivery.drain("settlement_records")

    async def move_wallets(self) -> None:
        platform = self.platform
        self.wallets = [await a_wallet(platform) for _ in range(2)]
        self.top_up = await topped_up(platform, self.wallets[0])
        self.payments.append(parse_typeid("pay", self.top_up.json["id"]))
        order = {"from_wallet_id": self.wallets[0], "to_wallet_id": self.wallets[1]}
        self.sent = await platform.operator.post(
            "/api/v1/wallet-transfers",
            order | {"transfer_id": "lunch", "amount": SENT, "currency": "INR"},
        )
        assert self.sent.status == 201, self.sent.raw
        self.payout = await platform.operator.post(
            PAYOUTS, {"wallet_id": self.wallets[0], "amount": OUT, "destination": ACCOUNT}
        )
        assert self.payout.status == 201, self.payout.raw

    async def pay(self, key: str | None = None, **terms: Any) -> Answer:
        paid = await self.post(PAYMENTS, INR | {"payment_method": "tok_visa"} | terms, key)
        self.payments.append(parse_typeid("pay", paid.json["id"]))
        return paid

    async def post(self, path: str, body: dict[str, Any], key: str | None = None) -> Answer:
        answer = await self.platform.till.post(path, body, key)
        assert answer.status in (200, 201), answer.raw
        return answer

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        return [tuple(row) for row in await self.platform.app.database.fetch(sql, *values)]


@pytest.fixture
async def day(platform: Platform) -> Day:
    day = Day(platform)
    await day.live()
    return day


async def test_the_views_and_the_api_tell_the_same_events_in_the_same_order(day: Day) -> None:
    for payment_id in day.payments:
        answer = await day.platform.till.get(f"{PAYMENTS}/{payment_id}/events")
        told = [
            (
                parse_typeid("pay", event["aggregate_id"]),
                event["event_type"],
                event["version"],
                datetime.fromisoformat(event["timestamp"]),
                event["data"],
                event["metadata"],
            )
            for event in answer.json["data"]
        ]
        viewed = await day.fetch(
            'SELECT aggregate_id, event_type, version, "timestamp", data, metadata'
            " FROM payment_events WHERE aggregate_id = $1 ORDER BY version",
            payment_id,
        )
        stored = await day.fetch(
            "SELECT aggregate_id, event_type, version, created_at, event_data"
            " FROM event_store WHERE aggregate_id = $1 ORDER BY version",
            payment_id,
        )

        assert told
        assert set(answer.json["data"][0]) == {
            *("id", "aggregate_id", "event_type", "version", "timestamp", "data", "metadata")
        }
        assert [(*row[:4], json.loads(row[4]), json.loads(row[5])) for row in viewed] == told
        assert [(*row[:4], json.loads(row[4])) for row in stored] == [one[:5] for one in told]


async def test_every_event_has_an_id_of_its_own_that_stays(day: Day) -> None:
    asked = "SELECT event_id, aggregate_id, aggregate_type FROM event_store ORDER BY event_id"
    events = await day.fetch(asked)

    assert len({event_id for event_id, _, _ in events}) == len(events)
    assert await day.fetch(asked) == events
    assert all(one.int >> 64 == owner.int >> 64 for one, owner, _ in events)
    assert {"payment", "refund", "wallet", "payout", "merchant"} <= {kind for *_, kind in events}


async def test_no_view_tells_ciphertext_or_digests(day: Day) -> None:
    ((sealed,),) = await day.fetch(
        "SELECT count(*) FROM journal_facts WHERE data ->> 'sealed' IS NOT NULL"
    )
    leaks = await day.fetch(
        "SELECT event_type FROM event_store WHERE event_data::text ~ 'sealed|digest'"
        " UNION ALL SELECT event_type FROM payment_events WHERE data::text ~ 'sealed'"
        " UNION ALL SELECT action FROM audit_logs WHERE new_values::text ~ 'sealed|digest'"
    )

    assert (sealed > 0, leaks) == (True, [])


async def test_a_merchants_payments_come_with_their_steps_in_one_question(day: Day) -> None:
    """Document 002's good query: joined, where it has `payment_id` in both."""
    rows = await day.platform.app.database.fetch(
        "SELECT p.*, pt.* FROM payments p"
        " LEFT JOIN payment_transactions pt ON p.id = pt.payment_id"
        " WHERE p.merchant_id = $1 ORDER BY p.id, pt.version",
        day.platform.merchant.id,
    )
    steps = await day.fetch(
        "SELECT DISTINCT ON (p.id) p.status, pt.status FROM payments p"
        " LEFT JOIN payment_transactions pt ON p.id = pt.payment_id"
        " ORDER BY p.id, pt.version DESC"
    )

    assert {row["payment_id"] for row in rows} == set(day.payments)
    assert sorted(steps) == sorted((state, state) for state, _ in steps)
    assert {state for state, _ in steps} == {
        *("captured", "partially_refunded", "cancelled", "failed")
    }
    captures = await day.fetch(
        "SELECT pt.amount, count(e.*) > 0 FROM payment_transactions pt"
        " JOIN ledger_entries e ON e.transaction_id = pt.posting_id"
        " WHERE pt.type = 'captured' GROUP BY pt.transaction_id, pt.amount ORDER BY 1"
    )
    assert captures == [(6_000, True), (10_000, True), (50_000, True)]


async def test_what_moved_in_wallets_adds_up_to_their_balances(day: Day) -> None:
    """Document 002's alarm: sum(wallet_transactions) != wallet.balance."""
    mismatches = await day.fetch(
        "SELECT w.wallet_id FROM wallets w JOIN ledger_accounts a ON a.id = w.wallet_id"
        "  LEFT JOIN wallet_transactions t ON t.wallet_id = w.wallet_id"
        " GROUP BY w.wallet_id, a.credits_posted, a.debits_posted"
        " HAVING coalesce(sum(t.amount), 0) <> a.credits_posted - a.debits_posted"
    )
    lines = await day.fetch(
        "SELECT type, amount, balance_after, code FROM wallet_transactions WHERE wallet_id = $1"
        " ORDER BY version",
        parse_typeid("wal", day.wallets[0]),
    )

    assert mismatches == []
    assert lines == [
        ("CREDIT", 50_000, 50_000, "top_up"),
        ("DEBIT", -SENT, 50_000 - SENT, "wallet_transfer"),
        ("DEBIT", -OUT, 50_000 - SENT - OUT, "payout"),
    ]


async def test_transactions_add_up_to_every_balance_and_say_what_they_were_for(day: Day) -> None:
    """Document 001's promise: the cached balance is what the transactions come to."""
    mismatches = await day.fetch(
        "SELECT a.code FROM ledger_accounts a LEFT JOIN transactions t ON t.account_id = a.id"
        " GROUP BY a.id HAVING coalesce(sum(t.amount), 0) <> CASE a.normal_side"
        "  WHEN 'debit' THEN a.debits_posted - a.credits_posted"
        "  ELSE a.credits_posted - a.debits_posted END"
    )
    about = await day.fetch("SELECT DISTINCT type, reference_id FROM transactions")

    assert mismatches == []
    assert {
        ("payment_received", parse_typeid("pay", day.refunded.json["id"])),
        ("payment_received", parse_typeid("pay", day.top_up.json["id"])),
        ("refund", parse_typeid("ref", day.refund.json["id"])),
        ("withdrawal", parse_typeid("pot", day.payout.json["id"])),
        ("wallet_transfer", parse_typeid("wtr", day.sent.json["id"])),
    } <= set(about)


async def test_every_transaction_of_the_ledger_has_equal_debits_and_credits(day: Day) -> None:
    """Document 004's columns, and what it says of them."""
    unequal = await day.fetch(
        "SELECT transaction_id FROM ledger_entries GROUP BY transaction_id, currency"
        " HAVING sum(amount_cents) <> 0"
    )
    ((entries, ids, dated),) = await day.fetch(
        "SELECT count(*), count(DISTINCT id), count(created_at) FROM ledger_entries"
    )

    assert unequal == []
    assert (entries > 20, ids, dated) == (True, entries, entries)


async def test_a_key_that_was_used_names_its_payment(day: Day) -> None:
    merchant_id, refunded = day.platform.merchant.id, day.refunded.json["id"]
    claims = [
        Asked(f"{merchant_id}:{verb}", key, b"").claim(merchant_id).id
        for verb, key in (("payments.create", "1st"), ("refunds.create", "2nd"))
    ]
    rows = await day.fetch(
        "SELECT payment_id, response_data ->> 'state', created_at IS NOT NULL"
        " FROM payment_idempotency WHERE idempotency_key = ANY($1)",
        claims,
    )

    assert rows == [(parse_typeid("pay", refunded), "done", True)] * 2


async def test_who_did_what_is_on_record(day: Day) -> None:
    keys = await day.fetch("SELECT id FROM api_keys WHERE merchant_id IS NOT NULL")
    asked = await day.fetch(
        "SELECT user_id, entity_id, service_name, status FROM audit_logs"
        " WHERE action = 'refund.initiated' AND request_id IS NOT NULL"
    )

    refund_id = parse_typeid("ref", day.refund.json["id"])
    assert asked == [(keys[0][0], refund_id, "payment-service", "SUCCESS")]


async def test_what_a_merchant_is_to_be_settled_for(day: Day) -> None:
    rows = await day.fetch(
        "SELECT gross_amount, fee_amount, returned_amount, net_amount, status"
        " FROM merchant_settlements WHERE merchant_id = $1 AND status = 'pending'"
        " ORDER BY gross_amount, returned_amount",
        day.platform.merchant.id,
    )

    assert (10_000, 400, 2_500, 7_100, "pending") in rows
    assert (6_000, 280, 0, 5_720, "pending") in rows
