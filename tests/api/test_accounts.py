"""Accounts: opened by operators, read by whom they belong to, their lines by the page."""

import pytest

from tallystick.app import App
from tallystick.books import PLATFORM, account_id, chart
from tallystick.identity import FeePlan, Merchant
from tallystick.platform.ids import typeid
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio
PATH = "/api/v1/accounts"


def payable(merchant: Merchant) -> str:
    return typeid("acc", account_id(merchant.id, chart.payable_code(merchant.id, "INR")))


async def fund(operator: Caller, merchant: Merchant, *amounts: int) -> None:
    bank = typeid("acc", account_id(PLATFORM, chart.bank_code("INR")))
    for amount in amounts:
        body = {
            "debit_account_id": bank,
            "credit_account_id": payable(merchant),
            "amount": amount,
            "currency": "INR",
        }
        assert (await operator.post("/api/v1/transfers", body)).status == 201


async def test_a_merchant_sees_its_own_account(
    seller: Caller, operator: Caller, merchant: Merchant
) -> None:
    await fund(operator, merchant, 700, 300)

    assert (await seller.get(f"{PATH}/{payable(merchant)}")).json == {
        "id": payable(merchant),
        "code": chart.payable_code(merchant.id, "INR"),
        "chart_class": "liability",
        "currency": "INR",
        "normal_side": "credit",
        "balance": 1000,
        "available": 1000,
        "pending_in": 0,
        "pending_out": 0,
        "overdraft_limit": 0,
        "frozen": "no",
        "closed_at": None,
        "version": 2,
        "metadata": {},
    }


async def test_what_belongs_to_others_is_not_there(
    app: App, seller: Caller, operator: Caller
) -> None:
    other = await app.merchants.onboard("Other", None, ["INR"], FeePlan())
    bank = typeid("acc", account_id(PLATFORM, chart.bank_code("INR")))
    for account in (payable(other), bank):
        for path in (f"{PATH}/{account}", f"{PATH}/{account}/entries"):
            assert (await seller.get(path)).code == "account_not_found"
            assert (await operator.get(path)).status == 200


async def test_lines_come_by_the_page_and_add_up(
    seller: Caller, operator: Caller, merchant: Merchant
) -> None:
    await fund(operator, merchant, *range(1, 12))
    path = f"{PATH}/{payable(merchant)}/entries"
    lines, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = (await seller.get(f"{path}?limit=4" + (f"&cursor={cursor}" if cursor else ""))).json
        lines += page["data"]
        cursor, pages = page["next_cursor"], pages + 1

    assert pages == 3
    assert [line["amount"] for line in lines] == list(range(1, 12))
    assert [line["balance_after"] for line in lines] == [n * (n + 1) // 2 for n in range(1, 12)]
    assert {line["entry_type"] for line in lines} == {"CREDIT"}
    assert len({line["id"] for line in lines}) == 11
    assert {line["account_id"] for line in lines} == {payable(merchant)}


async def test_the_two_lines_of_a_transfer_sum_to_zero(
    operator: Caller, merchant: Merchant, app: App
) -> None:
    await fund(operator, merchant, 1250)
    (line,) = (await operator.get(f"{PATH}/{payable(merchant)}/entries")).json["data"]
    bank = account_id(PLATFORM, chart.bank_code("INR"))
    account = await app.ledger.find_account(bank)
    assert account is not None
    last = await app.ledger.list_entries(bank, account.version - 1)

    assert line["amount"] + last[0].amount_minor == 0
    assert line["transaction_id"] == typeid("chg", last[0].transaction_id)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=201", "limit=x", "limit=1.5", "cursor=", "cursor=x",
     "cursor=%00", "cursor=" + "A" * 201, "cursor=AAAAAGVudHJpZXMKMQ", "cursor=' OR 1",
     "cursor=%ED%A0%80"],
)  # fmt: skip
async def test_a_page_that_cannot_be_is_refused(
    seller: Caller, merchant: Merchant, query: str
) -> None:
    answer = await seller.get(f"{PATH}/{payable(merchant)}/entries?{query}")
    assert answer.status == 422
    assert answer.code in ("invalid_fields", "invalid_cursor")


async def test_a_cursor_of_one_account_opens_no_other(
    app: App, operator: Caller, merchant: Merchant
) -> None:
    other = await app.merchants.onboard("Other", None, ["INR"], FeePlan())
    await fund(operator, merchant, 1, 2)
    page = (await operator.get(f"{PATH}/{payable(merchant)}/entries?limit=1")).json

    answer = await operator.get(f"{PATH}/{payable(other)}/entries?cursor={page['next_cursor']}")

    assert (answer.status, answer.code) == (422, "invalid_cursor")


class TestOpening:
    async def test_an_operator_opens_an_account_of_a_merchant(
        self, operator: Caller, seller: Caller, merchant: Merchant
    ) -> None:
        owner = typeid("mer", merchant.id)
        body = {
            "code": f"merchant:{owner}:reserve:INR",
            "currency": "INR",
            "normal_side": "credit",
            "owner": owner,
        }
        opened = await operator.post(PATH, body, Idempotency_Key=f"{owner} open")
        again = await operator.post(PATH, body, Idempotency_Key=f"{owner} open")
        twice = await operator.post(PATH, body)

        assert (opened.status, opened.json["revision"]) == (201, 1)
        assert again.raw == opened.raw
        assert again.headers["idempotency-replayed"] == "true"
        assert (twice.status, twice.code) == (409, "account_exists")
        assert (await seller.get(f"{PATH}/{opened.json['id']}")).json["balance"] == 0

    async def test_a_merchant_opens_none(self, seller: Caller) -> None:
        body = {"code": "mine", "currency": "INR", "normal_side": "credit"}
        assert (await seller.post(PATH, body)).code == "permission_denied"

    async def test_what_no_account_can_be_is_refused(self, operator: Caller) -> None:
        good = {"code": "a:b", "currency": "INR", "normal_side": "debit"}
        for wrong in (
            {"code": ""},
            {"code": "a b"},
            {"code": "é"},
            {"code": "a" * 121},
            {"currency": "XXX"},
            {"normal_side": "left"},
            {"overdraft_limit": -1},
            {"overdraft_limit": 10**18 + 1},
            {"overdraft_limit": 1.0},
            {"owner": "merchant_123"},
        ):
            answer = await operator.post(PATH, good | wrong)
            assert (answer.status, answer.code) == (422, "invalid_fields"), wrong
            assert [error["field"] for error in answer.json["errors"]] == list(wrong)

    async def test_nobody_owns_an_account_who_is_not_there(self, operator: Caller) -> None:
        owner = typeid("mer", PLATFORM)[:-1] + "1"
        body = {"code": "a:b", "currency": "INR", "normal_side": "debit", "owner": owner}
        assert (await operator.post(PATH, body)).code == "merchant_not_found"
