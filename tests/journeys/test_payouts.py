"""Money in, kept, set aside, sent on and out again over HTTP; what each refusal leaves behind."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tallystick.payments import Payments
from tallystick.platform.ids import new_id, random_bucket, typeid
from tests.servers.http_client import Answer, Caller
from tests.servers.served import Platform, served
from tests.servers.two_payout_books import require_same_payouts

pytestmark = pytest.mark.anyio

PAYMENTS, PAYOUTS = "/api/v1/payments", "/api/v1/payouts"
ACCOUNT = {
    "type": "bank_account",
    "account_number": "50100012345678",
    "ifsc": "HDFC0000123",
    "name": "Asha Rao",
}


def upi(name: str = "asha") -> dict[str, str]:
    return {"type": "upi", "upi_id": f"{name}@sandbox", "name": "Asha Rao"}


WRONG_FIELDS: list[tuple[dict[str, Any], list[str]]] = [
    ({"amount": 0}, ["amount"]),
    ({"amount": 1.5, "wallet_id": "wal_1"}, ["amount", "wallet_id"]),
    ({"destination": {"type": "cash"}}, ["destination"]),
    (
        {"destination": ACCOUNT | {"account_number": "x"}},
        ["destination.bank_account.account_number"],
    ),
    ({"destination": ACCOUNT | {"ifsc": "HDFC1000123"}}, ["destination.ifsc"]),
    ({"destination": ACCOUNT | {"ifsc": None}}, ["destination.account_number"]),
    ({"destination": upi() | {"upi_id": "asha"}}, ["destination.upi_id"]),
    ({"wallet_id": None}, ["currency"]),
    ({"more": 1}, ["more"]),
]
NO_AMOUNTS = (0, -1, 1.0, "100", True, None, 10**15 + 1, 2**63, 10**30, [1])
NO_DESTINATIONS: list[tuple[dict[str, Any], str]] = [
    (ACCOUNT | {"ifsc": "hdfc0000123"}, "bank_account.ifsc"),
    (ACCOUNT | {"ifsc": "HDFC000012"}, "bank_account.ifsc"),
    (ACCOUNT | {"ifsc": "HDFC0000123\n"}, "bank_account.ifsc"),
    (ACCOUNT | {"ifsc": "1DFC0000123"}, "ifsc"),
    (ACCOUNT | {"account_number": "12345"}, "account_number"),
    (ACCOUNT | {"account_number": "1234567890123456789"}, "account_number"),
    (ACCOUNT | {"account_number": "1234567\u0664"}, "bank_account.account_number"),
    (
        ACCOUNT | {"account_number": "DE89370400440532013001", "ifsc": None},
        "account_number",
    ),
    (upi() | {"upi_id": "asha@ok@bank"}, "upi_id"),
    (upi() | {"upi_id": "asha@okbank\n"}, "upi_id"),
    (upi() | {"upi_id": "a\u0455ha@okbank"}, "upi_id"),
    (upi() | {"upi_id": "asha@ok/../bank"}, "upi_id"),
    (upi() | {"name": " "}, "name"),
    (upi() | {"name": "Asha\u202eoaR"}, "name"),
    (upi() | {"name": "x" * 141}, "upi.name"),
]


async def a_wallet(platform: Platform) -> str:
    """A new user's wallet."""
    user_id = new_id(platform.clock.now(), random_bucket())
    seen = await platform.app.wallets.open(user_id, "INR")
    return typeid("wal", seen.wallet.id)


async def topped_up(platform: Platform, wallet: str, amount: int = 50_000) -> Answer:
    """The payment whose capture the wallet has got."""
    body = {"amount": amount, "currency": "INR", "payment_method": "tok_visa", "wallet_id": wallet}
    answer = await platform.till.post(PAYMENTS, body)
    await read_on(platform)
    return answer


async def read_on(platform: Platform) -> None:
    """Let the worker open and credit what was captured."""
    await platform.app.delivery.drain("top_ups")
    await platform.app.top_ups.credit_due()


async def pay_out(platform: Platform, wallet: str, **changes: Any) -> Answer:
    body = {"wallet_id": wallet, "amount": 20_000, "destination": ACCOUNT} | changes
    return await platform.operator.post(PAYOUTS, body)


async def holds(platform: Platform, wallet: str) -> tuple[int, int]:
    answer = await platform.operator.get(f"/api/v1/wallets/{wallet}")
    assert answer.status == 200, answer.raw
    return answer.json["balance"], answer.json["available_balance"]


async def look_later(platform: Platform, payout: str) -> dict[str, Any]:
    platform.clock.advance(timedelta(seconds=61))
    await platform.app.payouts.look_at_due()
    found: dict[str, Any] = (await platform.operator.get(f"{PAYOUTS}/{payout}")).json
    return found


class TestTopUps:
    async def test_a_payment_for_a_wallet_credits_it_whole_and_once(
        self, platform: Platform
    ) -> None:
        wallet = await a_wallet(platform)

        paid = await topped_up(platform, wallet)
        await read_on(platform)

        assert (paid.json["status"], paid.json["wallet_id"]) == ("captured", wallet)
        assert await holds(platform, wallet) == (50_000, 50_000)
        assert (await platform.payable(), await platform.fees()) == (0, 0)

    async def test_a_declined_payment_credits_nothing(self, platform: Platform) -> None:
        wallet = await a_wallet(platform)
        body = {"amount": 1_000, "currency": "INR", "wallet_id": wallet}

        said = await platform.till.post(PAYMENTS, body | {"payment_method": "tok_declined"})
        await read_on(platform)

        assert said.json["status"] == "failed"
        assert await holds(platform, wallet) == (0, 0)

    async def test_it_is_taken_back_by_a_payout_and_not_by_a_refund(
        self, platform: Platform
    ) -> None:
        paid = await topped_up(platform, await a_wallet(platform))

        said = await platform.till.post("/api/v1/refunds", {"payment_id": paid.json["id"]})

        assert (said.status, said.code) == (409, "payment_not_refundable")

    async def test_where_our_checks_say_no_no_bank_is_asked(self, platform: Platform) -> None:
        async def refuse(_terms: object) -> str | None:
            return "velocity"

        app = platform.app
        strict = replace(app, payments=Payments(app.payments.operations, assess=refuse))
        body = {"amount": 1_000, "currency": "INR", "payment_method": "tok_visa"}
        async with served(strict) as client:
            till = Caller(client, platform.till.api_key)
            said = [await till.post(PAYMENTS, body, key="the same wish") for _ in range(2)]

        assert [(answer.status, answer.code) for answer in said] == [(422, "fraud_blocked")] * 2
        assert (await platform.app.payments.list_payments(None)).rows == ()
        assert await platform.sandbox.books["hdfc_bank"].operations() == ()


class TestPayouts:
    async def test_money_comes_in_by_card_and_leaves_for_an_account(
        self, platform: Platform
    ) -> None:
        wallet = await a_wallet(platform)
        await topped_up(platform, wallet)

        said = await pay_out(platform, wallet, description="Rent", metadata={"flat": "7"})

        assert (said.status, said.json["status"]) == (201, "paid")
        assert said.json["destination"] == {
            "type": "bank_account",
            "mask": "...5678",
            "name": "Asha Rao",
        }
        assert (said.json["description"], said.json["metadata"]) == ("Rent", {"flat": "7"})
        assert "50100012345678" not in said.raw.decode()
        assert await holds(platform, wallet) == (30_000, 30_000)
        await require_same_payouts(platform.app, platform.sandbox, platform.clock.now())

    async def test_one_that_no_bank_has_is_called_off(self, platform: Platform) -> None:
        wallet = await a_wallet(platform)
        await topped_up(platform, wallet)
        lost = await pay_out(platform, wallet, destination=upi("drop_before"))
        path = f"{PAYOUTS}/{lost.json['id']}/cancel"

        early = await platform.operator.post(path, {})
        platform.clock.advance(timedelta(seconds=31))
        theirs = await platform.till.post(path, {})
        said = [await platform.operator.post(path, {}, key="once") for _ in range(2)]
        late = await platform.operator.post(path, {})

        assert (early.status, early.code) == (409, "payout_in_doubt")
        assert (theirs.status, theirs.code) == (404, "payout_not_found")
        assert [(one.status, one.json["status"]) for one in said] == [(200, "cancelled")] * 2
        assert (late.status, late.code) == (409, "payout_not_cancellable")
        assert await holds(platform, wallet) == (50_000, 50_000)
        await require_same_payouts(platform.app, platform.sandbox, platform.clock.now())

    async def test_a_refused_one_gives_the_money_back(self, platform: Platform) -> None:
        wallet = await a_wallet(platform)
        await topped_up(platform, wallet)

        said = await pay_out(platform, wallet, destination=upi("account_closed"))

        assert (said.status, said.json["status"]) == (201, "failed")
        assert said.json["failure_code"] == "payee_account_closed"
        assert await holds(platform, wallet) == (50_000, 50_000)

    async def test_a_returned_one_comes_home_with_its_reason(self, platform: Platform) -> None:
        wallet = await a_wallet(platform)
        await topped_up(platform, wallet)
        said = await pay_out(platform, wallet, destination=upi("returned_closed"))
        assert (said.json["status"], await holds(platform, wallet)) == ("paid", (30_000, 30_000))

        found = await look_later(platform, said.json["id"])

        assert (found["status"], found["failure_code"]) == ("returned", "payee_account_closed")
        assert await holds(platform, wallet) == (50_000, 50_000)
        await require_same_payouts(platform.app, platform.sandbox, platform.clock.now())

    async def test_an_unknown_one_is_pending_and_its_money_is_set_aside(
        self, platform: Platform
    ) -> None:
        wallet = await a_wallet(platform)
        await topped_up(platform, wallet)

        said = await pay_out(platform, wallet, destination=upi("pay_then_drop"))

        assert (said.status, said.json["status"]) == (201, "pending")
        assert await holds(platform, wallet) == (50_000, 30_000)
        assert (await look_later(platform, said.json["id"]))["status"] == "paid"
        assert await holds(platform, wallet) == (30_000, 30_000)

    async def test_a_merchant_pays_out_what_it_is_owed_and_sees_its_own_only(
        self, platform: Platform
    ) -> None:
        paid = {"amount": 100_000, "currency": "INR", "payment_method": "tok_visa"}
        await platform.till.post(PAYMENTS, paid)
        wallet = await a_wallet(platform)
        await topped_up(platform, wallet)
        others = (await pay_out(platform, wallet)).json["id"]

        body = {"currency": "INR", "amount": 40_000, "destination": ACCOUNT}
        said = await platform.till.post(PAYOUTS, body)
        beyond = await platform.till.post(PAYOUTS, body | {"amount": 90_000})
        stranger = await platform.till.post(PAYOUTS, body | {"wallet_id": wallet})

        assert (said.status, said.json["source"]) == (201, "merchant")
        assert await platform.payable() == 100_000 - 3_100 - 40_000
        assert (beyond.status, beyond.code) == (422, "insufficient_funds")
        assert (stranger.status, stranger.code) == (404, "wallet_not_found")
        listed = (await platform.till.get(PAYOUTS)).json["data"]
        assert [payout["id"] for payout in listed] == [said.json["id"]]
        assert (await platform.till.get(f"{PAYOUTS}/{others}")).code == "payout_not_found"

    async def test_the_list_goes_page_by_page(self, platform: Platform) -> None:
        wallet = await a_wallet(platform)
        await topped_up(platform, wallet)
        made = [(await pay_out(platform, wallet, amount=100)).json["id"] for _ in range(5)]

        seen: list[str] = []
        path = f"{PAYOUTS}?limit=2&wallet_id={wallet}"
        page = (await platform.operator.get(path)).json
        seen += [payout["id"] for payout in page["data"]]
        while page["next_cursor"]:
            page = (await platform.operator.get(f"{path}&cursor={page['next_cursor']}")).json
            seen += [payout["id"] for payout in page["data"]]

        assert sorted(seen) == sorted(made)
        assert (await platform.operator.get(f"{PAYOUTS}?cursor=x")).code == "invalid_cursor"
        failed = (await platform.operator.get(f"{PAYOUTS}?status=failed")).json["data"]
        assert failed == []

    async def test_the_same_key_pays_once(self, platform: Platform) -> None:
        wallet = await a_wallet(platform)
        await topped_up(platform, wallet)
        body = {"wallet_id": wallet, "amount": 20_000, "destination": ACCOUNT}

        said = [await platform.operator.post(PAYOUTS, body, key="rent-march") for _ in range(2)]

        assert said[0].raw == said[1].raw
        assert [answer.replayed for answer in said] == [False, True]
        assert await holds(platform, wallet) == (30_000, 30_000)

    async def test_every_wrong_field_is_named(self, platform: Platform) -> None:
        wallet = await a_wallet(platform)
        for changes, fields in WRONG_FIELDS:
            said = await pay_out(platform, wallet, **changes)

            assert (said.status, said.code) == (422, "invalid_fields"), (changes, said.raw)
            assert [error["field"] for error in said.json["errors"]] == fields, changes


class TestHostileCallers:
    async def test_what_is_no_amount_is_refused_and_moves_nothing(self, platform: Platform) -> None:
        wallet = await a_wallet(platform)
        await topped_up(platform, wallet)
        for amount in NO_AMOUNTS:
            said = await pay_out(platform, wallet, amount=amount)

            assert (said.status, said.code) == (422, "invalid_fields"), (amount, said.raw)
            assert [error["field"] for error in said.json["errors"]] == ["amount"], amount
            assert await holds(platform, wallet) == (50_000, 50_000), amount

    async def test_what_is_no_destination_is_refused_and_moves_nothing(
        self, platform: Platform
    ) -> None:
        wallet = await a_wallet(platform)
        await topped_up(platform, wallet)
        for destination, field in NO_DESTINATIONS:
            said = await pay_out(platform, wallet, destination=destination)

            assert (said.status, said.code) == (422, "invalid_fields"), (destination, said.raw)
            named = [error["field"] for error in said.json["errors"]]
            assert named == [f"destination.{field}"], destination
            assert await holds(platform, wallet) == (50_000, 50_000), destination
            assert (await platform.operator.get(PAYOUTS)).json["data"] == []

    async def test_sixty_four_with_one_key_are_one_payout(self, platform: Platform) -> None:
        wallet = await a_wallet(platform)
        await topped_up(platform, wallet)
        body = {"wallet_id": wallet, "amount": 20_000, "destination": ACCOUNT}

        said = await asyncio.gather(
            *[platform.operator.post(PAYOUTS, body, key="rent-march") for _ in range(64)]
        )

        granted = {answer.json["id"] for answer in said if answer.status == 201}
        refused = {answer.code for answer in said if answer.status != 201}
        assert (len(granted), refused <= {"idempotency_key_in_use"}) == (1, True), refused
        assert await holds(platform, wallet) == (30_000, 30_000)
        paid = await require_same_payouts(platform.app, platform.sandbox, platform.clock.now())
        assert len(paid) == 1

    async def test_more_payouts_than_money_are_granted_as_far_as_it_goes(
        self, platform: Platform
    ) -> None:
        wallet = await a_wallet(platform)
        await topped_up(platform, wallet)

        said = await asyncio.gather(*[pay_out(platform, wallet) for _ in range(24)])

        assert [answer.json["status"] for answer in said if answer.status == 201] == ["paid"] * 2
        refused = {answer.code for answer in said if answer.status != 201}
        assert refused == {"insufficient_funds"}
        assert await holds(platform, wallet) == (10_000, 10_000)
        paid = await require_same_payouts(platform.app, platform.sandbox, platform.clock.now())
        assert len(paid) == 2

    async def test_a_key_that_comes_with_other_terms_is_refused(self, platform: Platform) -> None:
        wallet = await a_wallet(platform)
        await topped_up(platform, wallet)
        body = {"wallet_id": wallet, "amount": 100, "destination": ACCOUNT}
        await platform.operator.post(PAYOUTS, body, key="rent")

        for other in ({"amount": 101}, {"destination": upi()}, {"description": "more"}):
            said = await platform.operator.post(PAYOUTS, body | other, key="rent")
            assert (said.status, said.code) == (422, "idempotency_key_reused"), other
        assert await holds(platform, wallet) == (49_900, 49_900)


async def test_each_refusal_of_the_saga_leaves_the_money_where_it_was(platform: Platform) -> None:
    payer, payee = await a_wallet(platform), await a_wallet(platform)
    await topped_up(platform, payer)
    hold = {"wallet_id": payer, "amount": 30_000, "currency": "INR", "to_wallet_id": payee}

    too_much = await platform.operator.post("/api/v1/holds", hold | {"amount": 50_001})
    held = await platform.operator.post("/api/v1/holds", hold)
    sent = {
        "transfer_id": "too-much",
        "from_wallet_id": payer,
        "to_wallet_id": payee,
        "amount": 20_001,
        "currency": "INR",
    }
    refused = await platform.operator.post("/api/v1/wallet-transfers", sent)
    assert (too_much.code, refused.code) == ("insufficient_funds", "insufficient_funds")
    assert await holds(platform, payer) == (50_000, 20_000)

    released = await platform.operator.post(f"/api/v1/holds/{held.json['id']}/release", {})
    assert released.status == 200, released.raw
    assert await holds(platform, payer) == (50_000, 50_000)
    again = await platform.operator.post(f"/api/v1/holds/{held.json['id']}/capture", {})
    assert again.code == "hold_not_active"
    assert (await holds(platform, payee), await holds(platform, payer)) == (
        (0, 0),
        (50_000, 50_000),
    )
