"""Accounts altered, described, opened by the thousand, and listed."""

import secrets
from typing import Any

import pytest

from tallystick.app import App
from tallystick.books import PLATFORM, account_id, chart
from tallystick.identity import FeePlan, Merchant
from tallystick.platform.ids import parse_typeid, typeid
from tests.api.conftest import Caller
from tests.api.test_accounts import PATH, fund, payable

pytestmark = pytest.mark.anyio


def fresh(word: str = "till") -> str:
    return f"{word}:{secrets.token_hex(6)}"


def till(**changes: Any) -> dict[str, Any]:
    return {"code": fresh(), "currency": "INR", "normal_side": "credit"} | changes


async def opened(operator: Caller, **changes: Any) -> str:
    answer = await operator.post(PATH, till(**changes))
    assert answer.status == 201, answer.raw
    return f"{PATH}/{answer.json['id']}"


class TestAltering:
    async def test_each_verb_answers_with_what_the_account_is_now(self, operator: Caller) -> None:
        one = await opened(operator)
        frozen = await operator.post(f"{one}/freeze", {"stops": "all"})
        thawed = await operator.post(f"{one}/thaw")
        limited = await operator.post(f"{one}/limit", {"overdraft_limit": None})
        closed = await operator.post(f"{one}/close")

        assert [a.status for a in (frozen, thawed, limited, closed)] == [200] * 4
        assert (frozen.json["frozen"], thawed.json["frozen"]) == ("all", "no")
        assert limited.json["overdraft_limit"] is None
        assert closed.json["closed_at"] is not None
        assert closed.json["revision"] == 5
        assert (await operator.post(f"{one}/freeze")).code == "account_closed"

    async def test_a_freeze_stops_what_leaves_and_its_repeat_changes_nothing(
        self, operator: Caller, merchant: Merchant
    ) -> None:
        await fund(operator, merchant, 100)
        one = f"{PATH}/{payable(merchant)}"
        key = f"{merchant.id} freeze"
        first = await operator.post(f"{one}/freeze", Idempotency_Key=key)
        out = {
            "debit_account_id": payable(merchant),
            "credit_account_id": typeid("acc", account_id(PLATFORM, chart.fees_code("INR"))),
            "amount": 5,
            "currency": "INR",
        }
        refused = await operator.post("/api/v1/transfers", out)
        await operator.post(f"{one}/thaw")
        again = await operator.post(f"{one}/freeze", Idempotency_Key=key)

        assert refused.code == "account_frozen"
        assert again.raw == first.raw
        assert again.headers["idempotency-replayed"] == "true"
        assert (await operator.get(one)).json["frozen"] == "no"

    async def test_a_key_that_stood_for_another_verb_of_it_is_another_wish(
        self, operator: Caller
    ) -> None:
        one = await opened(operator)
        key = fresh("key")
        await operator.post(f"{one}/freeze", {"stops": "all"}, Idempotency_Key=key)

        other = await operator.post(f"{one}/freeze", {"stops": "outflow"}, Idempotency_Key=key)
        thaw = await operator.post(f"{one}/thaw", Idempotency_Key=key)

        assert (other.status, other.code) == (422, "idempotency_key_reused")
        assert thaw.json["frozen"] == "no"  # keys belong to their verb

    async def test_only_an_empty_account_is_closed(
        self, operator: Caller, merchant: Merchant
    ) -> None:
        await fund(operator, merchant, 100)

        answer = await operator.post(f"{PATH}/{payable(merchant)}/close")

        assert (answer.status, answer.code) == (422, "account_not_empty")

    async def test_merchants_alter_nothing_and_nobody_what_is_not_there(
        self, seller: Caller, operator: Caller, merchant: Merchant
    ) -> None:
        for verb in ("freeze", "thaw", "close"):
            answer = await seller.post(f"{PATH}/{payable(merchant)}/{verb}")
            assert answer.code == "permission_denied"
            nowhere = await operator.post(f"{PATH}/acc_{'0' * 26}/{verb}")
            assert nowhere.code == "account_not_found"

    @pytest.mark.parametrize(
        ("verb", "body"),
        [
            ("freeze", {"stops": "no"}),
            ("freeze", {"stop": "all"}),
            ("thaw", {"stops": "all"}),
            ("limit", {}),
            ("limit", {"overdraft_limit": -1}),
            ("limit", {"overdraft_limit": 10**18 + 1}),
            ("limit", {"overdraft_limit": 1.0}),
            ("limit", {"overdraft_limit": True}),
            ("close", {"really": True}),
            ("metadata", {}),
            ("metadata", {"metadata": {"a": 1}}),
            ("metadata", {"metadata": {"": "x"}}),
            ("metadata", {"metadata": {str(n): "x" for n in range(51)}}),
        ],
    )
    async def test_what_cannot_be_meant_is_refused(
        self, operator: Caller, verb: str, body: Any
    ) -> None:
        bank = typeid("acc", account_id(PLATFORM, chart.bank_code("INR")))
        answer = await operator.post(f"{PATH}/{bank}/{verb}", body)

        assert (answer.status, answer.code) == (422, "invalid_fields")


class TestMetadata:
    async def test_it_is_kept_shown_and_replaced_whole(self, operator: Caller) -> None:
        one = await opened(operator, metadata={"who": "Asha", "desk": "3"})
        first = (await operator.get(one)).json["metadata"]
        put = await operator.post(f"{one}/metadata", {"metadata": {"desk": "4"}})

        assert first == {"who": "Asha", "desk": "3"}
        assert (put.json["version"], put.json["metadata"]) == (2, {"desk": "4"})
        assert (await operator.get(one)).json["metadata"] == {"desk": "4"}

    async def test_a_repeat_is_answered_as_it_was_then(self, operator: Caller) -> None:
        one = await opened(operator)
        key = fresh("key")
        body = {"metadata": {"desk": "1"}}
        first = await operator.post(f"{one}/metadata", body, Idempotency_Key=key)
        await operator.post(f"{one}/metadata", {"metadata": {}})
        again = await operator.post(f"{one}/metadata", body, Idempotency_Key=key)

        assert again.raw == first.raw
        assert again.headers["idempotency-replayed"] == "true"
        assert (await operator.get(one)).json["metadata"] == {}

    async def test_the_database_never_sees_it(self, app: App, operator: Caller) -> None:
        one = await opened(operator, metadata={"who": "Lakshmi Very-Secret"})
        account = one.rpartition("/")[2]
        found = await app.database.fetch(
            "SELECT sealed AS text FROM account_metadata UNION ALL"
            " SELECT data::text FROM journal_facts WHERE kind LIKE 'account%'"
        )

        assert found
        assert not [row for row in found if "Lakshmi" in row["text"]]
        await app.journal.erase(parse_typeid("acc", account))
        assert (await operator.get(f"{PATH}/{account}")).json["metadata"] == {}


class TestBulk:
    async def test_each_account_has_a_verdict_of_its_own(self, operator: Caller) -> None:
        taken = till()
        await operator.post(PATH, taken)
        wanted = [till(), taken, till(metadata={"desk": "2"})]

        answer = await operator.post(f"{PATH}/bulk", {"accounts": wanted})

        assert answer.status == 200, answer.raw
        assert [answer.json[s] for s in ("opened", "refused", "unknown")] == [2, 1, 0]
        statuses = [verdict["status"] for verdict in answer.json["data"]]
        assert statuses == ["opened", "refused", "opened"]
        assert answer.json["data"][1]["code"] == "account_exists"
        last = answer.json["data"][2]["account"]["id"]
        assert (await operator.get(f"{PATH}/{last}")).json["metadata"] == {"desk": "2"}

    async def test_its_repeat_opens_nothing_and_answers_the_same(self, operator: Caller) -> None:
        body = {"accounts": [till(), till()]}
        key = fresh("bulk")
        first = await operator.post(f"{PATH}/bulk", body, Idempotency_Key=key)
        again = await operator.post(f"{PATH}/bulk", body, Idempotency_Key=key)
        more = {"accounts": [*body["accounts"], till()]}
        other = await operator.post(f"{PATH}/bulk", more, Idempotency_Key=key)

        assert again.json == first.json
        assert again.headers["idempotency-replayed"] == "true"
        assert (other.status, other.code) == (422, "idempotency_key_reused")
        code = more["accounts"][2]["code"]
        assert (await operator.get(f"{PATH}?prefix={code}")).json["data"] == []

    async def test_atomic_is_all_or_none(self, operator: Caller) -> None:
        taken = till()
        await operator.post(PATH, taken)
        good = [till(metadata={"n": str(n)}) for n in range(3)]
        body = {"accounts": [*good, taken], "atomic": True}

        refused = await operator.post(f"{PATH}/bulk", body)
        whole = await operator.post(f"{PATH}/bulk", {"accounts": good, "atomic": True})

        assert (refused.status, refused.code) == (409, "account_exists")
        assert whole.json["opened"] == 3

    async def test_an_atomic_repeat_answers_the_same(self, operator: Caller) -> None:
        body = {"accounts": [till(), till()], "atomic": True}
        key = fresh("bulk")
        first = await operator.post(f"{PATH}/bulk", body, Idempotency_Key=key)
        again = await operator.post(f"{PATH}/bulk", body, Idempotency_Key=key)

        assert again.json == first.json
        assert again.headers["idempotency-replayed"] == "true"

    async def test_a_thousand_and_more_in_one_request(self, operator: Caller) -> None:
        prefix = fresh("many")
        wanted = [till(code=f"{prefix}:{n:04}") for n in range(1_500)]

        each = await operator.post(f"{PATH}/bulk", {"accounts": wanted[:700]})
        whole = await operator.post(f"{PATH}/bulk", {"accounts": wanted[700:], "atomic": True})

        assert (each.json["opened"], whole.json["opened"]) == (700, 800)
        last = await operator.get(f"{PATH}?prefix={prefix}:1499")
        assert len(last.json["data"]) == 1

    async def test_every_wrong_field_of_every_item_is_named(self, operator: Caller) -> None:
        wanted = [till(), till(code="a b"), till(currency="XXX", overdraft_limit=-1)]

        answer = await operator.post(f"{PATH}/bulk", {"accounts": wanted})

        assert {error["field"] for error in answer.json["errors"]} == {
            *("accounts.1.code", "accounts.2.currency", "accounts.2.overdraft_limit")
        }

    async def test_none_and_too_many_are_refused(self, operator: Caller) -> None:
        for count in (0, 2_501):
            answer = await operator.post(f"{PATH}/bulk", {"accounts": [till()] * count})
            assert (answer.status, answer.code) == (422, "invalid_fields")


class TestListing:
    async def test_it_goes_by_code_and_by_the_page(self, operator: Caller) -> None:
        prefix = fresh("list")
        for number in (3, 1, 5, 2, 4):
            await opened(operator, code=f"{prefix}:{number}")
        codes, cursor, pages = [], None, 0
        while pages == 0 or cursor:
            after = f"&cursor={cursor}" if cursor else ""
            page = (await operator.get(f"{PATH}?prefix={prefix}&limit=2{after}")).json
            codes += [account["code"] for account in page["data"]]
            cursor, pages = page["next_cursor"], pages + 1

        assert pages == 3
        assert codes == [f"{prefix}:{number}" for number in range(1, 6)]

    async def test_filters_work_together(self, operator: Caller) -> None:
        prefix = fresh("mixed")
        await opened(operator, code=f"{prefix}:a")
        frozen = await opened(operator, code=f"{prefix}:b")
        closed = await opened(operator, code=f"{prefix}:c")
        await opened(operator, code=f"{prefix}:d", currency="JPY")
        await operator.post(f"{frozen}/freeze")
        await operator.post(f"{closed}/close")

        async def listed(query: str) -> str:
            page = (await operator.get(f"{PATH}?prefix={prefix}&{query}")).json
            return "".join(account["code"][-1] for account in page["data"])

        assert await listed("") == "abcd"
        assert await listed("state=open") == "ad"
        assert await listed("state=frozen") == "b"
        assert await listed("state=closed") == "c"
        assert await listed("currency=JPY&state=open") == "d"

    async def test_an_owner_has_its_own_and_a_merchant_sees_no_other(
        self, app: App, operator: Caller, seller: Caller, merchant: Merchant
    ) -> None:
        other = await app.merchants.onboard("Other", None, ["INR", "JPY"], FeePlan())
        own = {payable(merchant)}

        mine = (await seller.get(PATH)).json["data"]
        named = (await seller.get(f"{PATH}?owner={typeid('mer', merchant.id)}")).json["data"]
        theirs = (await seller.get(f"{PATH}?owner={typeid('mer', other.id)}")).json["data"]
        asked = (await operator.get(f"{PATH}?owner={typeid('mer', other.id)}")).json["data"]

        assert {account["id"] for account in mine} == own
        assert {account["id"] for account in named} == own
        assert theirs == []
        assert {account["currency"] for account in asked} == {"INR", "JPY"}

    async def test_the_platforms_own_come_by_the_page_too(self, operator: Caller) -> None:
        seen: list[str] = []
        cursor, pages = None, 0
        while pages == 0 or cursor:
            after = f"&cursor={cursor}" if cursor else ""
            query = f"{PATH}?owner=platform&prefix=platform:bank&limit=2{after}"
            page = (await operator.get(query)).json
            seen += [account["code"] for account in page["data"]]
            cursor, pages = page["next_cursor"], pages + 1

        assert len(seen) == len(set(seen)) >= 3
        assert all(code.startswith("platform:bank:") for code in seen)

    @pytest.mark.parametrize(
        "query",
        ["state=shut", "currency=XXX", "owner=x", "owner=mer_", "prefix=a%20b", "limit=0",
         "cursor=x", "prefix=" + "a" * 121, "owner=platform&cursor=x"],
    )  # fmt: skip
    async def test_what_cannot_be_asked_is_refused(self, operator: Caller, query: str) -> None:
        answer = await operator.get(f"{PATH}?{query}")

        assert answer.status == 422
        assert answer.code in ("invalid_fields", "invalid_cursor")
