"""Routes answered without FastAPI: found as it finds them, and answered as its document says."""

import pytest
from fastapi import FastAPI
from starlette.routing import Route

from tallystick.api import create_api
from tallystick.api.direct_route import DirectAddress, DirectRoutes
from tallystick.app import App
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio
PAYMENTS = "/api/v1/payments"
PAYMENT = {"amount": 1250, "currency": "INR", "payment_method": "tok_visa"}


def direct(app: App) -> DirectRoutes:
    routes = create_api(app)._inner
    assert isinstance(routes, DirectRoutes)
    return routes


class TestWhoIsDirect:
    async def test_payments_take_no_detour(self, app: App) -> None:
        taken = {
            (method, route.path)
            for route, address in direct(app).addresses
            if isinstance(address, DirectAddress)
            for method in route.methods or ()
        }

        assert {
            ("POST", "/api/v1/intents"),
            ("POST", "/api/v1/intents/{intent_id}/confirm"),
            ("POST", "/api/v1/payments"),
            ("POST", "/api/v1/payments/{payment_id}/capture"),
            ("POST", "/api/v1/refunds"),
            ("GET", "/api/v1/payments/{payment_id}"),
        } <= taken

    async def test_a_list_with_filters_is_left_to_fastapi(self, app: App) -> None:
        assert ("GET", PAYMENTS) not in {
            (method, route.path)
            for route, _ in direct(app).addresses
            for method in route.methods or ()
        }

    async def test_no_address_hides_another(self, app: App) -> None:
        routes = direct(app)
        for route, address in routes.addresses:
            words = ["x" if word.startswith("{") else word for word in route.path.split("/")]
            for method in route.methods or ("POST",):
                found, values = routes._find(words, method)
                assert found == (route, address)
                assert values == ["x"] * len(route.param_convertors)


class TestAnAddress:
    @pytest.mark.parametrize(
        "path",
        [
            f"{PAYMENTS}/",
            f"{PAYMENTS}//capture",
            f"{PAYMENTS}/x/capture/",
            f"{PAYMENTS}/x/y/capture",
            "/api/v1//payments",
            "//api/v1/payments",
            "/api/v1/{}/payments",
            "/",
        ],
    )
    async def test_that_nobody_has_is_not_found(self, seller: Caller, path: str) -> None:
        answer = await seller.post(path, PAYMENT)
        assert (answer.status, answer.code) == (404, "not_found")

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("DELETE", PAYMENTS, "GET, POST"),
            ("PUT", f"{PAYMENTS}/x", "GET"),
            ("GET", f"{PAYMENTS}/x/capture", "POST"),
        ],
    )
    async def test_says_what_it_takes(
        self, seller: Caller, method: str, path: str, allowed: str
    ) -> None:
        answer = await seller.send(method, path, b"")
        assert (answer.status, answer.code) == (405, "method_not_allowed")
        assert answer.headers["allow"] == allowed

    async def test_takes_an_encoded_id_as_it_is_meant(self, seller: Caller) -> None:
        made = await seller.post(PAYMENTS, PAYMENT)
        encoded = made.json["id"].replace("_", "%5F")
        assert (await seller.get(f"{PAYMENTS}/{encoded}")).json["id"] == made.json["id"]


class TestABody:
    async def test_has_every_fault_named_where_it_stands(self, seller: Caller) -> None:
        wrong = PAYMENT | {"amount": "1", "metadata": {"": "x"}, "tip": 1}
        answer = await seller.post(PAYMENTS, wrong)

        assert (answer.status, answer.code) == (422, "invalid_fields")
        named = {error["field"]: error["code"] for error in answer.json["errors"]}
        assert named == {
            "amount": "not_an_integer",
            "metadata..[key]": "too_short",
            "tip": "unknown_field",
        }

    async def test_may_be_left_out_where_all_of_it_may(self, seller: Caller) -> None:
        made = await seller.post(PAYMENTS, PAYMENT | {"capture_method": "manual"})
        taken = await seller.send("POST", f"{PAYMENTS}/{made.json['id']}/capture", b"")
        assert (taken.status, taken.json["status"]) == (200, "captured")

    async def test_may_not_where_something_is_needed(self, seller: Caller) -> None:
        answer = await seller.send("POST", PAYMENTS, b"")
        assert (answer.status, answer.code) == (415, "unsupported_media_type")


def test_a_route_without_methods_takes_them_all() -> None:
    async def anything(*_: object) -> None: ...

    signal, wave = Route("/signal", anything, methods=["POST"]), Route("/wave", anything)
    signal.methods = None
    routes = DirectRoutes([(signal, signal.app), (wave, wave.app)], otherwise=FastAPI())

    assert routes._find(["", "signal"], "PUT")[0] is not None
    assert routes._find(["", "wave"], "PUT")[0] is None
