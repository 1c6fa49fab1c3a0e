"""Whose request it is, and which wish: API keys, permissions, Idempotency-Keys."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from tallystick.api import create_api
from tallystick.api.exchange import Exchange
from tallystick.api.idempotency import IdempotencyKeyMissing, Rule, asked
from tallystick.app import App
from tallystick.identity import FeePlan, Merchant, Permission, Principal
from tests.api.conftest import Caller
from tests.api.test_openapi import operations

pytestmark = pytest.mark.anyio
PAYMENTS = "/api/v1/payments"
PAYMENT = {"amount": 1250, "currency": "INR", "payment_method": "tok_visa"}


class TestKeys:
    @pytest.mark.parametrize(
        "header",
        [
            None, "", "Bearer", "Bearer ", "Basic c2s6", "sk_test_x", "Bearer sk_test_x",
            "Bearer null", "Token sk_test_x", "Bearer é", "Bearer sk_live_" + "a" * 80,
            "Bearer " + "a" * 5_000,
        ],
    )  # fmt: skip
    async def test_without_a_valid_one_every_address_is_401(
        self, anybody: Caller, header: str | None
    ) -> None:
        document = (await anybody.get("/openapi.json")).json
        said = {} if header is None else {"Authorization": header}
        for path, method, operation in operations(document):
            if "security" in operation:
                plain = path.replace("{", "").replace("}", "")
                answer = await anybody.send(method.upper(), plain, b"not even JSON", said)
                assert answer.status == 401, (path, method)
                assert answer.headers["www-authenticate"].startswith("Bearer")
                if answer.json.get("error") != "Authentication failed":  # in document 000's shape
                    assert answer.code in ("api_key_missing", "invalid_api_key"), path

    async def test_each_permission_opens_its_addresses_and_no_others(
        self, app: App, anybody: Caller
    ) -> None:
        document = (await anybody.get("/openapi.json")).json
        callers: dict[str, Caller] = {}
        for granted in Permission:
            _, key = await app.keys.create(None, f"only {granted}", [granted])
            callers[str(granted)] = replace(anybody, key=key)
        seen = 0
        for path, method, operation in operations(document):
            if "security" not in operation:
                continue
            for permission, caller in callers.items():
                plain = path.replace("{", "").replace("}", "")
                answer = await caller.send(
                    method.upper(), plain, b"{}", {"Content-Type": "application/json"}
                )
                allowed = permission == operation["x-permission"]
                assert (answer.status == 403) is not allowed, (path, method, permission)
                seen += 1
        assert seen > 30

    async def test_a_revoked_key_is_401_at_once(
        self, app: App, seller: Caller, merchant: Merchant
    ) -> None:
        assert (await seller.get(f"{PAYMENTS}/x")).status == 404
        row = (
            await app.keys.list_keys((await app.keys.authenticate(str(seller.key))).merchant_id)
        )[0]
        await app.keys.revoke(row.id)

        assert (await seller.get(f"{PAYMENTS}/x")).code == "invalid_api_key"


class TestIdempotencyKeys:
    @pytest.mark.parametrize("key", ["", "a" * 256, "é", "a\tb"])
    async def test_a_malformed_one_is_400(self, seller: Caller, operator: Caller, key: str) -> None:
        for caller, path in ((seller, PAYMENTS), (operator, "/api/v1/transfers")):
            example = PAYMENT
            if path == "/api/v1/transfers":
                schemas = (await caller.get("/openapi.json")).json["components"]["schemas"]
                example = schemas["TransferBody"]["examples"][0]
            answer = await caller.post(path, example, Idempotency_Key=key)
            assert (answer.status, answer.code) == (400, "malformed_idempotency_key"), path

    async def test_it_belongs_to_its_verb_and_its_merchant(self, app: App, seller: Caller) -> None:
        other = await app.merchants.onboard("Other", None, ["INR"], FeePlan())
        _, key = await app.keys.create(other.id, "till")
        first = await seller.post(PAYMENTS, PAYMENT, Idempotency_Key="k")
        second = await replace(seller, key=key).post(PAYMENTS, PAYMENT, Idempotency_Key="k")
        third = await seller.post(
            "/api/v1/intents", {"amount": 1, "currency": "INR"}, Idempotency_Key="k"
        )

        assert [first.status, second.status, third.status] == [201, 201, 201]
        assert first.json["id"] != second.json["id"]

    async def test_it_does_not_stand_for_the_same_body_at_another_address(
        self, seller: Caller
    ) -> None:
        body = PAYMENT | {"capture_method": "manual"}
        one, two = [(await seller.post(PAYMENTS, body)).json["id"] for _ in range(2)]
        await seller.post(f"{PAYMENTS}/{one}/capture", {}, Idempotency_Key="k")
        other = await seller.post(f"{PAYMENTS}/{two}/capture", {}, Idempotency_Key="k")

        assert (other.status, other.code) == (422, "idempotency_key_reused")


class TestWhoNeedsAKey:
    @pytest.mark.parametrize(
        ("rule", "test_mode", "needed"),
        [
            ("live", False, True),
            ("live", True, False),
            ("always", True, True),
            ("always", False, True),
            ("never", False, False),
            ("never", True, False),
        ],
    )
    async def test_the_rule_decides_with_the_key_s_mode(
        self, rule: Rule, test_mode: bool, needed: bool
    ) -> None:
        exchange = Exchange({"headers": []})
        exchange.principal = Principal(UUID(int=1), None, test_mode, frozenset())
        exchange.body = {"amount": 1}
        if needed:
            with pytest.raises(IdempotencyKeyMissing):
                asked(exchange, PAYMENTS, "payments.create", rule)
        else:
            wish = asked(exchange, PAYMENTS, "payments.create", rule)
            assert exchange.answer_headers == [(b"Idempotency-Key", wish.key.encode())]

    async def test_the_docs_page_is_for_test_mode_only(self, app: App) -> None:
        live = replace(app, settings=app.settings.model_copy(update={"mode": "live"}))
        shown: Any = create_api(app)._inner
        hidden: Any = create_api(live)._inner

        assert shown.otherwise.docs_url == "/docs"
        assert hidden.otherwise.docs_url is None
