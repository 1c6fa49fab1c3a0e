"""The schemas of our events in a schema registry, by the REST interface of Confluent's, which
others speak too.

A topic carries many kinds, so a subject is called `<topic>-<kind>`. Each is told to be compatible
FORWARD: whoever reads a version can read what is written tomorrow, which is what we promise.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import msgspec

from tallystick.delivery.model import DeliveryError
from tallystick.delivery.topics import Topics
from tallystick.platform.settings import Settings

COMPATIBILITY: Final = "FORWARD"
ANSWER_S: Final = 10.0
ANSWER_BYTES_MAX: Final = 65_536
_MEDIA_TYPE: Final = "application/vnd.schemaregistry.v1+json"


class RegistryDown(DeliveryError):
    """The schema registry does not answer, or not as one."""

    code = "registry_down"


class SchemaRefused(DeliveryError):
    """The schema registry does not take a schema, or us; its own words say why."""

    code = "schema_refused"


class _Answer(msgspec.Struct, frozen=True):
    """What we look at of an answer: of an error, its words."""

    message: str = ""


async def register_schemas(
    settings: Settings, schemas: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Register the schema of each kind that is told on a topic; the subjects where it is new.

    Without KAFKA_SCHEMA_REGISTRY_URL there is nothing to do. Raises RegistryDown, SchemaRefused.
    """
    if settings.kafka_schema_registry_url is None:
        return []
    topics, new = Topics.configured(settings), []
    async with _registry(settings.kafka_schema_registry_url.get_secret_value()) as registry:
        for kind, schema in schemas.items():
            subject = f"{topics.of(kind)}-{kind}"
            if await registry.register(subject, schema):
                new.append(subject)
    return new


@dataclass(frozen=True)
class _Registry:
    session: aiohttp.ClientSession
    url: str

    async def register(self, subject: str, schema: Mapping[str, Any]) -> bool:
        """Whether the subject did not have this schema yet."""
        # An `$id` would be looked for beneath the registry's own address.
        text = msgspec.json.encode({key: schema[key] for key in schema if key != "$id"}).decode()
        wanted, name = {"schemaType": "JSON", "schema": text}, quote(subject, safe="")
        if await self._ask("POST", f"subjects/{name}", wanted, may_be_missing=True):
            return False
        await self._ask("PUT", f"config/{name}", {"compatibility": COMPATIBILITY})
        await self._ask("POST", f"subjects/{name}/versions", wanted)
        return True

    async def _ask(
        self, method: str, path: str, content: object, *, may_be_missing: bool = False
    ) -> bool:
        """Whether it is there."""
        try:
            async with self.session.request(
                method,
                f"{self.url}/{path}",
                data=msgspec.json.encode(content),
                allow_redirects=False,
            ) as response:
                raw = await response.content.read(ANSWER_BYTES_MAX)
                answer = msgspec.json.decode(raw, type=_Answer)
        except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as error:
            # The error's own words may show the address, and with it a password.
            raise RegistryDown(f"the schema registry: {type(error).__name__}") from None
        if response.status == 404 and may_be_missing:
            return False
        if response.status >= 500:
            raise RegistryDown(f"the schema registry: {response.status} {answer.message}")
        if response.status != 200:
            raise SchemaRefused(f"{method} {path}: {response.status} {answer.message}")
        return True


@asynccontextmanager
async def _registry(url: str) -> AsyncIterator[_Registry]:
    async with aiohttp.ClientSession(
        headers={"accept": _MEDIA_TYPE, "content-type": _MEDIA_TYPE},
        timeout=aiohttp.ClientTimeout(total=ANSWER_S),
    ) as session:
        yield _Registry(session, url.rstrip("/"))
