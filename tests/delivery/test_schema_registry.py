"""Every event's schema stands in the registry that the settings name, if they name one."""

import copy
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from tallystick.cli.event_schemas import told_schemas
from tallystick.delivery import Topics, register_schemas, schema_registry
from tallystick.delivery.schema_registry import RegistryDown, SchemaRefused
from tallystick.platform.settings import Settings, load_settings
from tests.servers.schema_registry import SchemaRegistry, running_registry

pytestmark = pytest.mark.anyio
OPENED = "account.opened"
SUBJECT = f"ledger.events-{OPENED}"


@pytest.fixture
async def registry() -> AsyncIterator[SchemaRegistry]:
    async with running_registry() as registry:
        yield registry


def using(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"kafka_schema_registry_url": SecretStr(url)})


def opened() -> dict[str, dict[str, Any]]:
    return {OPENED: copy.deepcopy(told_schemas()[OPENED])}


async def test_every_kind_is_registered_once_under_its_topic(
    settings: Settings, registry: SchemaRegistry
) -> None:
    chosen, schemas = using(settings, registry.url), told_schemas()

    new = await register_schemas(chosen, schemas)

    assert new == [f"{Topics().of(kind)}-{kind}" for kind in schemas]
    assert set(registry.subjects) == set(new) == set(registry.compatibility)
    assert set(registry.compatibility.values()) == {"FORWARD"}
    (payment,) = registry.subjects["payment.events-payment.recorded"]
    assert payment["title"] == "payment.recorded"
    assert "$id" not in payment
    assert await register_schemas(chosen, schemas) == []
    assert {len(versions) for versions in registry.subjects.values()} == {1}


async def test_a_schema_that_grew_is_the_next_version_and_one_that_broke_is_refused(
    settings: Settings, registry: SchemaRegistry
) -> None:
    chosen, schemas = using(settings, registry.url), opened()
    await register_schemas(chosen, schemas)

    schemas[OPENED]["$defs"]["Open"]["properties"]["colour"] = {"type": "string"}
    assert await register_schemas(chosen, schemas) == [SUBJECT]
    assert len(registry.subjects[SUBJECT]) == 2
    del schemas[OPENED]["$defs"]["Open"]["properties"]["code"]
    with pytest.raises(SchemaRefused, match=r"409 .*incompatible.*code is gone"):
        await register_schemas(chosen, schemas)


async def test_a_stranger_is_told_so(settings: Settings, registry: SchemaRegistry) -> None:
    url = registry.url.replace("geheim", "geraten")

    with pytest.raises(SchemaRefused, match="401 Unauthorized") as refused:
        await register_schemas(using(settings, url), opened())
    assert "geraten" not in str(refused.value)


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=503, text='{"message": "no leader"}'),
        web.Response(text="<html>welcome</html>"),
        web.Response(text="[" * 200_000),
        web.Response(text='{"message": "' + "x" * 200_000),
    ],
)
async def test_what_is_no_registry_is_told_without_its_password(
    settings: Settings, registry: SchemaRegistry, answer: web.Response
) -> None:
    registry.answer = answer

    with pytest.raises(RegistryDown) as down:
        await register_schemas(using(settings, registry.url), opened())
    assert "geheim" not in str(down.value)


async def test_a_redirection_is_not_followed(settings: Settings, registry: SchemaRegistry) -> None:
    registry.answer = web.Response(status=302, headers={"location": "/elsewhere"}, text="{}")

    with pytest.raises(SchemaRefused, match="302"):
        await register_schemas(using(settings, registry.url), opened())


async def test_one_that_is_away_or_says_nothing_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_registry, "ANSWER_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(RegistryDown, match="Timeout"):
            await register_schemas(using(settings, url), opened())
    with pytest.raises(RegistryDown, match="Connector"):
        await register_schemas(using(settings, url), opened())


async def test_without_one_there_is_nothing_to_do(settings: Settings) -> None:
    assert await register_schemas(settings, told_schemas()) == []


@pytest.mark.usefixtures("clean_environment")
@pytest.mark.parametrize("url", ["registry:8081", "ftp://registry", "http://", "http://a/?b=c"])
def test_its_address_is_one_of_http(url: str) -> None:
    with pytest.raises(ValidationError, match="must be http:// or https://"):
        load_settings(env_file=None, kafka_schema_registry_url=url)
