"""What every request meets: its id, its size, its type, its time, its key."""

import json
from collections.abc import AsyncIterator

import pytest

from tallystick.app import App
from tests.api import hostile_json
from tests.api.conftest import Caller
from tests.api.test_openapi import operations

pytestmark = pytest.mark.anyio
PAYMENTS = "/api/v1/payments"
PAYMENT = {"amount": 1250, "currency": "INR", "payment_method": "tok_visa"}


async def stream(chunks: int, size: int = 1_024) -> AsyncIterator[bytes]:
    for _ in range(chunks):
        yield b" " * size


class TestRequestId:
    @pytest.mark.parametrize("given", ["r-1", "a" * 128, "0/1:2+3=4@5._-"])
    async def test_a_safe_one_is_kept(self, anybody: Caller, given: str) -> None:
        answer = await anybody.get("/health", X_Request_Id=given)
        assert answer.headers["x-request-id"] == given

    @pytest.mark.parametrize("given", ["", "a" * 129, "a b", "<b>", "é", "a;b", "a\tb", "{}"])
    async def test_another_is_replaced(self, anybody: Caller, given: str) -> None:
        answer = await anybody.get("/health", X_Request_Id=given)
        assert answer.headers["x-request-id"].startswith("req_")

    async def test_it_reaches_the_facts_and_the_problems(self, seller: Caller) -> None:
        made = await seller.post(PAYMENTS, PAYMENT, X_Request_Id="mine-1")
        events = await seller.get(f"{PAYMENTS}/{made.json['id']}/events")
        refused = await seller.post(PAYMENTS, {}, X_Request_Id="mine-2")

        assert events.json["data"][0]["metadata"]["request_id"] == "mine-1"
        assert refused.json["request_id"] == "mine-2"


class TestBodies:
    async def test_too_large_is_refused_by_its_length(self, seller: Caller, app: App) -> None:
        limit = app.settings.body_limit_bytes
        answer = await seller.post(PAYMENTS, b" " * (limit + 1))
        assert (answer.status, answer.code) == (413, "body_too_large")

    async def test_too_large_is_refused_in_chunks_too(self, seller: Caller, app: App) -> None:
        chunks = app.settings.body_limit_bytes // 1_024
        kind = {"Content-Type": "application/json"}
        small = await seller.send("POST", PAYMENTS, stream(chunks), kind)
        large = await seller.send("POST", PAYMENTS, stream(chunks + 1), kind)

        assert (small.status, small.code) == (400, "malformed_json")
        assert (large.status, large.code) == (413, "body_too_large")

    async def test_a_body_on_a_get_is_capped_as_well(self, seller: Caller) -> None:
        answer = await seller.send("GET", f"{PAYMENTS}/x", b" " * 100_000)
        assert (answer.status, answer.code) == (413, "body_too_large")

    @pytest.mark.parametrize(
        "headers",
        [
            {"Content-Type": "text/plain"},
            {"Content-Type": "application/x-www-form-urlencoded"},
            {"Content-Type": "application/json; charset=latin-1"},
            {"Content-Type": "application/problem+json"},
            {"Content-Type": ""},
            {"Content-Encoding": "gzip"},
            {"Content-Encoding": "br"},
            {"Content-Encoding": "identity, gzip"},
        ],
    )
    async def test_anything_but_plain_json_is_refused(
        self, seller: Caller, operator: Caller, headers: dict[str, str]
    ) -> None:
        said = {"Content-Type": "application/json"} | headers
        for caller, path in ((seller, PAYMENTS), (operator, "/api/v1/transfers")):
            answer = await caller.send("POST", path, json.dumps(PAYMENT).encode(), said)
            assert (answer.status, answer.code) == (415, "unsupported_media_type")

    @pytest.mark.parametrize(
        "content_type", ["application/json", "application/json; charset=UTF-8", "APPLICATION/JSON"]
    )
    async def test_json_may_say_its_charset(self, seller: Caller, content_type: str) -> None:
        body = json.dumps(PAYMENT).encode()
        answer = await seller.send("POST", PAYMENTS, body, {"Content-Type": content_type})
        assert answer.status == 201

    @pytest.mark.parametrize("reason", hostile_json.ALL)
    async def test_hostile_json_is_refused_everywhere(
        self, seller: Caller, operator: Caller, reason: str
    ) -> None:
        bodies = hostile_json.ALL[reason]
        for body in (*bodies[:3], bodies[-1]):
            for caller, path in (
                (seller, PAYMENTS),
                (seller, "/api/v1/intents"),
                (seller, "/api/v1/refunds"),
                (operator, "/api/v1/transfers"),
                (operator, "/api/v1/transfers/bulk"),
                (operator, "/api/v1/accounts"),
            ):
                answer = await caller.post(path, body)
                assert (answer.status, answer.code) == (400, "malformed_json"), body[:40]

    async def test_a_verb_without_a_body_needs_none(self, seller: Caller) -> None:
        made = await seller.post(PAYMENTS, PAYMENT | {"capture_method": "manual"})
        cancelled = await seller.post(f"{PAYMENTS}/{made.json['id']}/cancel")

        assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")

    async def test_an_amount_is_a_plain_positive_integer(self, seller: Caller) -> None:
        made = await seller.post(PAYMENTS, PAYMENT | {"capture_method": "manual"})
        capture = f"{PAYMENTS}/{made.json['id']}/capture"
        refund = json.dumps({"payment_id": made.json["id"], "amount": "AMOUNT"}).encode()
        payment = json.dumps(PAYMENT | {"amount": "AMOUNT"}).encode()
        for amount in hostile_json.NOT_AN_AMOUNT:
            bodies = {
                PAYMENTS: payment,
                "/api/v1/intents": payment,
                "/api/v1/refunds": refund,
                capture: b'{"amount":"AMOUNT"}',
            }
            for path, body in bodies.items():
                if amount == b"null" and path in (capture, "/api/v1/refunds"):
                    continue  # there null means: all that is left
                answer = await seller.post(path, body.replace(b'"AMOUNT"', amount))
                assert (answer.status, answer.code) == (422, "invalid_fields"), (path, amount)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            " ",
            "\u202e",
            "e\u0301",
            "é",
            "\u200b",
            "ＵＳＤ",
            "😀",
            "' OR 1=1--",
            "<script>",
            "\\u0000",
        ],
    )
    async def test_text_is_kept_exactly(self, seller: Caller, text: str) -> None:
        body = PAYMENT | {"description": f"a{text}", "metadata": {f"k{text}": text}}
        made = await seller.post(PAYMENTS, body)
        found = await seller.get(f"{PAYMENTS}/{made.json['id']}")

        assert found.json["description"] == f"a{text}"
        assert found.json["metadata"] == {f"k{text}": text}

    @pytest.mark.parametrize("currency", ["USD\n", "usd", "ＵＳＤ", "XXX", "US", "USDD", "U$D", ""])
    async def test_a_currency_is_an_iso_code(self, seller: Caller, currency: str) -> None:
        answer = await seller.post(PAYMENTS, PAYMENT | {"currency": currency})
        assert (answer.status, answer.code) == (422, "invalid_fields")

    async def test_smuggled_fields_are_refused_on_every_writable_address(
        self, seller: Caller, operator: Caller
    ) -> None:
        document = (await seller.get("/openapi.json")).json
        smuggled = (
            "tenant_id", "merchant_id", "balance", "status", "fee", "id", "version", "created_at",
            "captured", "amount_captured", "permissions", "role", "admin", "__proto__", "test_mode",
            "operator", "key_id", "frozen", "refunded", "client_secret",
        )  # fmt: skip
        for path, _, operation in operations(document):
            if "requestBody" not in operation or "security" not in operation:
                continue
            reference = operation["requestBody"]["content"]["application/json"]["schema"]
            name = reference["$ref"].rpartition("/")[2]
            schema = document["components"]["schemas"][name]
            body = schema["examples"][0]
            caller = operator if operation["x-permission"] == "operate" else seller
            for field in set(smuggled) - schema["properties"].keys():
                answer = await caller.post(
                    path.replace("{", "").replace("}", ""), body | {field: 1}
                )
                assert answer.status == 422, (path, field)
                assert {"field": field, "code": "unknown_field"}.items() <= next(
                    error for error in answer.json["errors"] if error["field"] == field
                ).items()


class TestAddresses:
    @pytest.mark.parametrize(
        "path",
        ["/", "/api", "/api/v1", "/api/v2/payments", "/api/v1/payments/", "//", "/%00", "/%ff",
         "/api/v1/payments/a/b/c", "/.env", "/admin", "/redoc", "/api/v1/%2e%2e/health"],
    )  # fmt: skip
    async def test_nothing_is_there_is_a_problem_too(self, seller: Caller, path: str) -> None:
        answer = await seller.get(path)
        assert (answer.status, answer.code) == (404, "not_found")

    @pytest.mark.parametrize(
        ("method", "path", "allow"),
        [
            ("GET", "/api/v1/transfers", "POST"),
            ("DELETE", "/api/v1/payments", "GET, POST"),
            ("PUT", "/api/v1/payments/x", "GET"),
            ("GET", "/api/v1/payments/webhook", "POST"),
            ("POST", "/health", "GET, HEAD"),
            ("TRACE", "/api/v1/refunds", "GET, POST"),
        ],
    )
    async def test_a_wrong_method_is_told_the_right_one(
        self, seller: Caller, method: str, path: str, allow: str
    ) -> None:
        answer = await seller.send(method, path, None)
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert answer.headers["allow"] == allow

    @pytest.mark.parametrize(
        "text", ["x", "pay_x", "int_01kjpy44e0fh0r68j79jejabkn", "é", "%00", "'", "a" * 3_000,
                 "00000000-0000-0000-0000-000000000000", "PAY_01KJPY44E0FH0R68J79JEJABKN"],
    )  # fmt: skip
    async def test_what_has_no_possible_id_is_not_there(self, seller: Caller, text: str) -> None:
        for path, code in (
            (f"{PAYMENTS}/{text}", "payment_not_found"),
            (f"{PAYMENTS}/{text}/events", "payment_not_found"),
            (f"/api/v1/intents/{'pay' if text.startswith('int') else text}", "intent_not_found"),
            (f"/api/v1/refunds/{text}", "refund_not_found"),
            (f"/api/v1/accounts/{text}", "account_not_found"),
        ):
            answer = await seller.get(path)
            assert (answer.status, answer.code) == (404, code)

    async def test_every_answer_carries_the_safety_headers(self, seller: Caller) -> None:
        for path in ("/health", "/nowhere", f"{PAYMENTS}/x", "/openapi.json"):
            headers = (await seller.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "server" not in headers
