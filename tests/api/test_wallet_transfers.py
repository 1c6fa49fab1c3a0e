"""Wallet transfers and their schedules over HTTP: the words, the refusals, and whose they are."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tallystick.app import App
from tallystick.books import PLATFORM, account_id, chart
from tallystick.identity import Merchant
from tallystick.ledger import Post
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id, typeid
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio

SEND = "/api/v1/wallet-transfers"
SCHEDULES = "/api/v1/transfer-schedules"


@dataclass(frozen=True)
class Purses:
    """A user's wallet and a merchant's till, both with INR 100.00."""

    user: str
    till: str

    def body(
        self, amount: int = 250, name: str | None = None, **other: object
    ) -> dict[str, object]:
        """From the till to the user."""
        return {
            "transfer_id": name or secrets.token_hex(8),
            "from_wallet_id": self.till,
            "to_wallet_id": self.user,
            "amount": amount,
            "currency": "INR",
        }

    def schedule(self, **other: object) -> dict[str, object]:
        """Monthly on the 31st."""
        body = self.body()
        del body["transfer_id"]
        when = {"frequency": "monthly", "starts_on": "2026-01-31", "local_time": "09:00"}
        return body | when | {"timezone": "Asia/Kolkata"} | other


@pytest.fixture
async def purses(app: App, merchant: Merchant) -> Purses:
    user = await app.wallets.open(new_id(app.clock.now(), 3), "INR", tier="unlimited")
    till = await app.wallets.open(merchant.id, "INR", owner_kind="merchant")
    bank = account_id(PLATFORM, chart.bank_code("INR"))
    for seen in (user, till):
        await app.transfers.post_one(Post(bank, seen.wallet.id, 10_000, "INR", "fund"))
    return Purses(typeid("wal", user.wallet.id), typeid("wal", till.wallet.id))


class TestSending:
    async def test_answers_with_what_moved(self, seller: Caller, purses: Purses) -> None:
        answer = await seller.post(SEND, purses.body(250, "rent"))

        assert answer.status == 201
        body = answer.json
        assert body["id"].startswith("wtr_")
        assert (body["transfer_id"], body["status"]) == ("rent", "completed")
        assert (body["amount"], body["credited_amount"]) == (250, 250)
        assert (await seller.get(f"{SEND}/{body['id']}")).json == body

    async def test_the_same_name_is_the_same_transfer(self, seller: Caller, purses: Purses) -> None:
        first = await seller.post(SEND, purses.body(250, "food"))
        again = await seller.post(SEND, purses.body(250, "food"))

        assert again.json == first.json
        assert again.headers["idempotency-replayed"] == "true"

    async def test_the_same_name_with_other_fields_is_told_which(
        self, seller: Caller, purses: Purses
    ) -> None:
        await seller.post(SEND, purses.body(250, "gift"))

        answer = await seller.post(SEND, purses.body(251, "gift"))

        assert (answer.status, answer.code) == (422, "idempotency_key_reused")
        assert [error["field"] for error in answer.json["errors"]] == ["amount"]

    async def test_a_merchant_pays_from_its_own_wallets_only(
        self, seller: Caller, purses: Purses
    ) -> None:
        other_way = {"from_wallet_id": purses.user, "to_wallet_id": purses.till}

        answer = await seller.post(SEND, purses.body() | other_way)

        assert (answer.status, answer.code) == (404, "wallet_not_found")

    async def test_an_operator_pays_from_any(self, operator: Caller, purses: Purses) -> None:
        other_way = {"from_wallet_id": purses.user, "to_wallet_id": purses.till}

        assert (await operator.post(SEND, purses.body() | other_way)).status == 201

    async def test_more_than_is_there_is_refused(self, seller: Caller, purses: Purses) -> None:
        answer = await seller.post(SEND, purses.body(10_001))

        assert (answer.status, answer.code) == (422, "insufficient_funds")

    @pytest.mark.parametrize(
        ("fault", "field"),
        [
            ({"transfer_id": ""}, "transfer_id"),
            ({"transfer_id": "a b"}, "transfer_id"),
            ({"transfer_id": "x" * 101}, "transfer_id"),
            ({"amount": 0}, "amount"),
            ({"amount": 10**15 + 1}, "amount"),
            ({"amount": 1.5}, "amount"),
            ({"amount": True}, "amount"),
            ({"currency": "XYZ"}, "currency"),
            ({"to_wallet_id": "acc_01kjpy44e0fh0r68j79jejabkn"}, "to_wallet_id"),
            ({"note": "hello"}, "note"),
        ],
    )
    async def test_names_the_field_that_is_wrong(
        self, seller: Caller, purses: Purses, fault: dict[str, object], field: str
    ) -> None:
        answer = await seller.post(SEND, purses.body() | fault)

        assert (answer.status, answer.code) == (422, "invalid_fields")
        assert [error["field"] for error in answer.json["errors"]] == [field]


class TestLists:
    async def test_show_a_merchant_its_own_by_the_page(
        self, seller: Caller, operator: Caller, purses: Purses
    ) -> None:
        sent = [(await seller.post(SEND, purses.body(1))).json["id"] for _ in range(3)]

        first = (await seller.get(f"{SEND}?limit=2")).json
        second = (await seller.get(f"{SEND}?limit=2&cursor={first['next_cursor']}")).json

        met = [row["id"] for row in (*first["data"], *second["data"])]
        assert sorted(met) == sorted(sent)
        assert second["next_cursor"] is None
        everybodys = (await operator.get(f"{SEND}?wallet_id={purses.till}")).json["data"]
        assert {row["id"] for row in everybodys} == set(sent)

    async def test_find_one_by_its_name(self, seller: Caller, purses: Purses) -> None:
        sent = (await seller.post(SEND, purses.body(1, "tea"))).json

        assert (await seller.get(f"{SEND}?transfer_id=tea")).json["data"] == [sent]
        assert (await seller.get(f"{SEND}?transfer_id=coffee")).json["data"] == []

    async def test_know_their_own_cursors(self, seller: Caller, purses: Purses) -> None:
        for path in (SEND, SCHEDULES):
            answer = await seller.get(f"{path}?cursor=abc")

            assert (answer.status, answer.code) == (422, "invalid_cursor")

    async def test_what_is_somebody_elses_is_not_there(
        self, seller: Caller, operator: Caller, purses: Purses, app: App
    ) -> None:
        other = await app.wallets.open(new_id(app.clock.now(), 4), "INR")
        wallets = {"from_wallet_id": purses.user, "to_wallet_id": typeid("wal", other.wallet.id)}
        sent = (await operator.post(SEND, purses.body(1) | wallets)).json
        schedule = (await operator.post(SCHEDULES, purses.schedule() | wallets)).json

        assert (await seller.get(f"{SEND}/{sent['id']}")).code == "wallet_transfer_not_found"
        missing = await seller.get(f"{SCHEDULES}/{schedule['id']}")
        assert (missing.status, missing.code) == (404, "transfer_schedule_not_found")
        assert (await seller.get(SEND)).json["data"] == []
        assert (await seller.get(SCHEDULES)).json["data"] == []


class TestSchedules:
    async def test_say_when_they_run_next(self, seller: Caller, purses: Purses) -> None:
        answer = await seller.post(SCHEDULES, purses.schedule(count=12))

        assert answer.status == 201
        body = answer.json
        assert body["id"].startswith("sch_")
        assert (body["status"], body["next_run_at"]) == ("active", "2026-03-31T03:30:00Z")
        assert (await seller.get(f"{SCHEDULES}/{body['id']}")).json == body
        assert (await seller.get(f"{SCHEDULES}?status=active")).json["data"] == [body]

    async def test_are_paused_resumed_and_cancelled(self, seller: Caller, purses: Purses) -> None:
        one = f"{SCHEDULES}/{(await seller.post(SCHEDULES, purses.schedule())).json['id']}"

        assert (await seller.post(f"{one}/pause")).json["status"] == "paused"
        again = await seller.post(f"{one}/pause")
        assert (again.status, again.code) == (409, "transfer_schedule_not_active")
        assert (await seller.post(f"{one}/resume")).json["status"] == "active"
        cancelled = (await seller.post(f"{one}/cancel", {})).json
        assert (cancelled["status"], cancelled["next_run_at"]) == ("cancelled", None)
        ended = await seller.post(f"{one}/resume")
        assert (ended.status, ended.code) == (409, "transfer_schedule_ended")

    async def test_tell_customers_why_a_run_failed(
        self, app: App, opening_clock: HandClock, seller: Caller, purses: Purses
    ) -> None:
        soon = opening_clock.now() + timedelta(minutes=1)
        when = {"starts_on": f"{soon:%Y-%m-%d}", "local_time": f"{soon:%H:%M}", "timezone": "UTC"}
        body = purses.schedule(frequency="once", amount=20_000) | when
        made = await seller.post(SCHEDULES, body)
        opening_clock.advance(timedelta(minutes=2))
        await app.schedules.run_due()

        schedule = (await seller.get(f"{SCHEDULES}/{made.json['id']}")).json
        (run,) = (await seller.get(f"{SEND}?schedule_id={made.json['id']}")).json["data"]

        said = ("insufficient_funds", "There is not enough money for this.")
        assert (run["failure_code"], run["failure_message"]) == said
        assert (schedule["last_failure_code"], schedule["last_failure_message"]) == said

    @pytest.mark.parametrize(
        ("fault", "field"),
        [
            ({"frequency": "hourly"}, "frequency"),
            ({"starts_on": "2026-02-30"}, "starts_on"),
            ({"starts_on": "2026-03-31T00:00:00Z"}, "starts_on"),
            ({"starts_on": "2126-03-31"}, "starts_on"),
            ({"starts_on": "2026-03-01", "frequency": "once"}, "starts_on"),
            ({"local_time": "24:00"}, "local_time"),
            ({"local_time": "9"}, "local_time"),
            ({"timezone": "Asia/Atlantis"}, "timezone"),
            ({"timezone": "../../../etc/passwd"}, "timezone"),
            ({"ends_on": "2026-01-01"}, "ends_on"),
            ({"count": 0}, "count"),
            ({"stop_after_failures": 0}, "stop_after_failures"),
            ({"amount": 0}, "amount"),
        ],
    )
    async def test_name_the_field_that_is_wrong(
        self, seller: Caller, purses: Purses, fault: dict[str, object], field: str
    ) -> None:
        answer = await seller.post(SCHEDULES, purses.schedule() | fault)

        assert (answer.status, answer.code) == (422, "invalid_fields")
        assert [error["field"] for error in answer.json["errors"]] == [field]

    async def test_take_nothing_but_their_address_to_be_paused(
        self, seller: Caller, purses: Purses
    ) -> None:
        one = f"{SCHEDULES}/{(await seller.post(SCHEDULES, purses.schedule())).json['id']}"

        answer = await seller.post(f"{one}/pause", {"until": "tomorrow"})

        assert (answer.status, answer.code) == (422, "invalid_fields")
