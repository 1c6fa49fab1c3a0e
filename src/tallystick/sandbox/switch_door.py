"""Where a bank's fault switches are set: `/v1/faults`."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.sandbox.exchange import json_answer, read_body
from tallystick.sandbox.switches import Switch, Switches


def switch_routes(switches: Switches) -> list[Route]:
    """`/v1/faults`, to look at, to set and to clear."""
    door = _SwitchDoor(switches)
    path = "/v1/faults"
    return [
        Route(path, door.show, methods=["GET"]),
        Route(path, door.put, methods=["POST"]),
        Route(path, door.clear, methods=["DELETE"]),
    ]


@dataclass(frozen=True)
class _SwitchDoor:
    switches: Switches

    async def show(self, _: Request) -> Response:
        """What is still to go wrong."""
        return json_answer({"faults": self.switches.standing()})

    async def put(self, request: Request) -> Response:
        """One more thing to go wrong."""
        self.switches.put(await read_body(request, Switch))
        return json_answer({"faults": self.switches.standing()})

    async def clear(self, _: Request) -> Response:
        """Be sound again."""
        self.switches.clear()
        return json_answer({"faults": ()})
