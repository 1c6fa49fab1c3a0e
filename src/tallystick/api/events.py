"""`/api/v1/events`: what happened, as the bus tells it; a merchant reads of its own objects."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tallystick.api.auth import authenticate
from tallystick.api.days import parse_day
from tallystick.api.documented import PlainOperation
from tallystick.api.exchange import exchange_of
from tallystick.api.field_errors import FieldError, InvalidFields
from tallystick.api.ids import path_id
from tallystick.api.instants import MalformedInstant
from tallystick.api.monitoring.asking import number_parameter, text_parameter, whole_number
from tallystick.api.pages import (
    CURSOR_LENGTH_MAX,
    PAGE_DEFAULT,
    PAGE_MAX,
    InvalidCursor,
    read_cursor,
    write_cursor,
)
from tallystick.api.plain_route import plain_route
from tallystick.app import App
from tallystick.delivery import CloudEvent, Wanted
from tallystick.identity import Permission, Principal
from tallystick.platform.ids import MalformedId, parse_typeid

PATH: Final = "/api/v1/events"
ONE_PATH: Final = f"{PATH}/{{event_id}}"
LIMITS: Final = range(1, PAGE_MAX + 1)
LANES: Final = range(2**15)
KINDS_MAX: Final = 20
KIND_LENGTH_MAX: Final = 64
_PLACE_DIGITS_MAX: Final = 18  # what PostgreSQL's bigint holds of them


class EventAnswer(Struct, frozen=True):
    """Events in their order. A page may be short, or empty, while a cursor goes on."""

    data: tuple[CloudEvent, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class EventRoutes:
    """The handlers of events."""

    app: App

    async def list_events(self, request: Request) -> Response:
        """The life of one object, or what was told on one lane of the log."""
        principal = await self._reader(request)
        wanted = _wanted(request, principal)
        limit = whole_number(request, "limit", PAGE_DEFAULT, LIMITS)
        lane = whole_number(request, "lane", 0, LANES)
        subject = _subject(request)
        name = f"events {subject or lane}"
        place = _place(name, request.query_params.get("cursor"))
        events = self.app.delivery.events
        if subject is None:
            page = await events.list_lane(wanted, lane=lane, place=place, limit=limit)
        else:
            page = await events.list_life(subject, wanted, place=place, limit=limit)
        following = page.next_place
        cursor = None if following is None else write_cursor(name, str(following))
        return _json(EventAnswer(page.events, cursor))

    async def get_event(self, request: Request) -> Response:
        """One event, by the id it has on the bus."""
        principal = await self._reader(request)
        event_id = path_id("evt", request.path_params["event_id"], "event")
        events = self.app.delivery.events
        return _json(await events.get_event(event_id, merchant_id=principal.merchant_id))

    async def _reader(self, request: Request) -> Principal:
        return await authenticate(exchange_of(request), self.app.keys, Permission.READ)


def event_routes(app: App) -> list[Route]:
    """The routes."""
    handlers = EventRoutes(app)
    return [
        plain_route(PATH, handlers.list_events, "GET"),
        plain_route(ONE_PATH, handlers.get_event, "GET"),
    ]


def _wanted(request: Request, principal: Principal) -> Wanted:
    """Raises InvalidFields."""
    kinds = request.query_params.getlist("kind")
    if len(kinds) > KINDS_MAX or any(not 0 < len(kind) <= KIND_LENGTH_MAX for kind in kinds):
        message = f"At most {KINDS_MAX} kinds such as payment.captured"
        raise InvalidFields((FieldError("kind", "malformed", message),))
    # Nothing is called so; PostgreSQL would not even take the question.
    named = tuple(kind.replace("\0", "?") for kind in kinds)
    since, until = _instant(request, "since"), _instant(request, "until")
    return Wanted(since, until, named, principal.merchant_id)


def _instant(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    try:
        return None if text is None else parse_day(text)
    except MalformedInstant as error:
        raise InvalidFields((FieldError(name, "malformed", str(error)),)) from None


def _subject(request: Request) -> UUID | None:
    text = request.query_params.get("subject")
    try:
        return None if text is None else parse_typeid(text.rpartition("_")[0], text)
    except MalformedId:
        message = "Expected an id such as pay_... or a UUID"
        raise InvalidFields((FieldError("subject", "malformed_id", message),)) from None


def _place(name: str, cursor: str | None) -> int:
    """Raises InvalidCursor."""
    place = "0" if cursor is None else read_cursor(name, cursor)
    if not (place.isdigit() and len(place) <= _PLACE_DIGITS_MAX):
        raise InvalidCursor("this is not a cursor of this list")
    return int(place)


def _json(content: Struct) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")


def _repeatable(name: str, length_max: int) -> dict[str, Any]:
    texts = {"type": "string", "minLength": 1, "maxLength": length_max}
    schema = {"type": "array", "items": texts, "maxItems": KINDS_MAX}
    return {"name": name, "in": "query", "schema": schema}


_QUERY: Final = (
    text_parameter("subject", "query", 64),
    _repeatable("kind", KIND_LENGTH_MAX),
    text_parameter("since", "query", 40),
    text_parameter("until", "query", 40),
    number_parameter("lane", 0, LANES),
    number_parameter("limit", PAGE_DEFAULT, LIMITS),
    text_parameter("cursor", "query", CURSOR_LENGTH_MAX),
)
_PROBLEMS: Final = (401, 403, 404, 413, 422, 500, 503, 504)
OPERATIONS: Final = (
    PlainOperation(
        *("GET", PATH, "What happened, as the bus tells it", "events", 200, EventAnswer),
        problems=_PROBLEMS,
        permission=Permission.READ,
        headers=_QUERY,
    ),
    PlainOperation(
        *("GET", ONE_PATH, "One event, by its id on the bus", "events", 200, CloudEvent),
        problems=_PROBLEMS,
        permission=Permission.READ,
        headers=(text_parameter("event_id", "path", 64),),
    ),
)
