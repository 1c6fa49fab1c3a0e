"""The document tells the truth about the door."""

from collections.abc import Iterable, Iterator
from typing import Any

import jsonschema_rs
import pytest
from starlette.routing import Route

from tallystick.api.door import create_api
from tallystick.api.plain_route import PlainAddress
from tallystick.api.problem_kinds import KINDS
from tallystick.app import App
from tests.api.conftest import Caller

pytestmark = pytest.mark.anyio
HARMLESS = "/api/v1/monitoring/"  # no body, nothing moves, and twice is as good as once
DOCUMENT_000 = (HARMLESS, "/api/v1/payments/webhook/")
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
async def document(anybody: Caller) -> Any:
    answer = await anybody.get("/openapi.json")
    assert answer.status == 200
    return answer.json


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def every_node(node: Any) -> Iterator[Any]:
    yield node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from every_node(child)


async def test_it_is_openapi_3_1_and_every_reference_leads_somewhere(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    references = {
        node["$ref"] for node in every_node(document) if isinstance(node, dict) and "$ref" in node
    }
    assert references
    for reference in references:
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def methods_of(route: Route) -> Iterable[str]:
    return route.app.methods if isinstance(route.app, PlainAddress) else route.methods or ()


async def test_it_names_every_route_and_no_other(document: Any, app: App) -> None:
    door = create_api(app)
    router: Any = door._inner
    web = router.otherwise
    served = {
        (route.path, method.lower())
        for route in [*(route for route, _ in router.addresses), *web.routes]
        if isinstance(route, Route)
        for method in methods_of(route)
        if method != "HEAD"
    }
    served -= {("/openapi.json", "get"), ("/docs", "get"), ("/docs/oauth2-redirect", "get")}
    assert served == {(path, method) for path, method, _ in operations(document)}


async def test_every_example_fits_its_schema(document: Any) -> None:
    checked = 0
    for node in every_node(document):
        if isinstance(node, dict) and isinstance(node.get("examples"), list):
            schema = {"components": document["components"], **node}
            for example in node["examples"]:
                jsonschema_rs.validator_for(schema).validate(example)
                checked += 1
    assert checked > 20


async def test_every_body_shows_a_whole_example(document: Any) -> None:
    for path, _, operation in operations(document):
        if "requestBody" in operation:
            (content,) = operation["requestBody"]["content"].values()
            schema = content["schema"]
            name = schema.get("$ref", "").rpartition("/")[2]
            assert document["components"]["schemas"][name].get("examples"), path


async def test_an_example_really_is_taken(document: Any, seller: Caller) -> None:
    schemas = document["components"]["schemas"]
    payment = await seller.post("/api/v1/payments", schemas["CreatePayment"]["examples"][0])
    intent = await seller.post("/api/v1/intents", schemas["CreateIntent"]["examples"][0])
    one = f"/api/v1/payments/{payment.json['id']}"
    captured = await seller.post(f"{one}/capture", schemas["CapturePayment"]["examples"][0])
    refund = schemas["CreateRefund"]["examples"][0] | {"payment_id": payment.json["id"]}
    refunded = await seller.post("/api/v1/refunds", refund)

    assert [a.status for a in (payment, intent, captured, refunded)] == [201, 201, 200, 201]


async def test_every_operation_with_a_key_tells_what_it_refuses(document: Any) -> None:
    for path, method, operation in operations(document):
        if "security" not in operation:
            continue
        told = set(operation["responses"])
        expected = {"401", "403", "413", "500", "503", "504"}
        if method == "post" and not path.startswith(HARMLESS):
            expected |= {"400", "409", "415", "422"}
        if "{" in path:
            expected |= {"404"}
        assert expected <= told, (path, expected - told)
        for status in told - {"200", "201", "202"}:
            content = operation["responses"][status]["content"]
            own = status in {"400", "401"} and path.startswith(DOCUMENT_000)  # in its own words
            assert set(content) == {"application/json" if own else "application/problem+json"}


async def test_only_the_signed_and_the_open_addresses_need_no_key(document: Any) -> None:
    without = {path for path, _, operation in operations(document) if "security" not in operation}

    assert without == {
        "/health", "/ready", "/metrics",
        "/api/v1/monitoring/health", "/api/v1/monitoring/ready", "/api/v1/monitoring/metrics",
        "/api/v1/payments/webhook", "/api/v1/payments/webhook/{channel}",
    }  # fmt: skip


async def test_every_post_with_a_key_takes_an_idempotency_key(document: Any) -> None:
    for path, method, operation in operations(document):
        if method == "post" and "security" in operation:
            names = [parameter["name"] for parameter in operation.get("parameters", ())]
            # A question needs no key, nor does what may be done twice.
            changes = operation["x-permission"] != "read" and not path.startswith(HARMLESS)
            assert names.count("Idempotency-Key") == changes, path


def test_the_reference_lists_every_problem_code_with_its_status() -> None:
    from tests.house_rules.sources import ROOT

    text = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    rows = {tuple(cell.strip(" `") for cell in line.split("|")[1:4]) for line in text.splitlines()}
    for code, kind in KINDS.items():
        assert (str(kind.status), code, kind.title) in rows
