"""A schema registry as far as we speak to one: Confluent's REST interface over HTTP, in memory."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import encode_basic_auth, web

from tallystick.platform.listening import listening_socket
from tools.event_schemas import broken_promises

USER, PASSWORD = "tallystick", "geheim"


@dataclass
class SchemaRegistry:
    """Its subjects with their versions. `answer`: what everybody is answered instead, if set."""

    subjects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    compatibility: dict[str, str] = field(default_factory=dict)
    answer: web.Response | None = None
    url: str = ""

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._doorkeeper])
        app.router.add_post("/subjects/{subject}", self._look_up)
        app.router.add_post("/subjects/{subject}/versions", self._register)
        app.router.add_put("/config/{subject}", self._configure)
        return app

    @web.middleware
    async def _doorkeeper(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.answer is not None:
            return self.answer
        if request.headers.get("authorization") != encode_basic_auth(USER, PASSWORD):
            return _error(401, 40101, "Unauthorized")
        found: web.StreamResponse = await handler(request)
        return found

    async def _look_up(self, request: web.Request) -> web.Response:
        versions = self.subjects.get(request.match_info["subject"])
        if versions is None:
            return _error(404, 40401, "Subject not found")
        if await _schema(request) not in versions:
            return _error(404, 40403, "Schema not found")
        return web.json_response({"id": 1})

    async def _configure(self, request: web.Request) -> web.Response:
        told = await request.json()
        self.compatibility[request.match_info["subject"]] = told["compatibility"]
        return web.json_response(told)

    async def _register(self, request: web.Request) -> web.Response:
        subject, schema = request.match_info["subject"], await _schema(request)
        versions = self.subjects.setdefault(subject, [])
        if versions and self.compatibility.get(subject) == "FORWARD":
            faults = list(broken_promises(versions[-1], schema))
            if faults:
                return _error(409, 409, f"Schema being registered is incompatible: {faults}")
        versions.append(schema)
        return web.json_response({"id": len(self.subjects)})


async def _schema(request: web.Request) -> dict[str, Any]:
    told = await request.json()
    assert told["schemaType"] == "JSON"
    found: dict[str, Any] = json.loads(told["schema"])
    return found


def _error(status: int, code: int, message: str) -> web.Response:
    return web.json_response({"error_code": code, "message": message}, status=status)


@asynccontextmanager
async def running_registry() -> AsyncIterator[SchemaRegistry]:
    """One that answers at its `url`, which holds its password."""
    registry, listener = SchemaRegistry(), listening_socket("127.0.0.1", 0)
    runner = web.AppRunner(registry.app())
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        registry.url = f"http://{USER}:{PASSWORD}@{place}/"
        yield registry
    finally:
        await runner.cleanup()
