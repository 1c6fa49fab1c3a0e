"""A request's body: announced as plain JSON, read strictly."""

from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from tallystick.api.exchange import Exchange, exchange_of
from tallystick.api.strict_json import parse_json

_JSON: Final = b"application/json"  # what nearly everybody sends


class UnsupportedMediaType(Exception):
    """The body is not announced as plain JSON: another type, another charset, or compressed."""

    code = "unsupported_media_type"


async def read_raw(request: Request) -> bytes:
    """The body's bytes. Raises BodyTooLarge, ClientDisconnect (of starlette)."""
    chunks = []
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def read_json(request: Request, *, optional: bool = False) -> Any:
    """The value the body means; with `optional`, no body at all means `{}`.

    Raises UnsupportedMediaType, BodyTooLarge, MalformedJson.
    """
    exchange = exchange_of(request)
    raw = await read_raw(request)
    if raw or not optional:
        require_json(exchange)
        exchange.body = parse_json(raw)
    else:
        exchange.body = {}
    return exchange.body


def require_json(exchange: Exchange) -> None:
    """Raises UnsupportedMediaType. A compressed body could grow without bound: refused."""
    headers = exchange.headers
    if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise UnsupportedMediaType("send the body as it is, without Content-Encoding")
    content_type = headers.get(b"content-type", b"")
    if content_type == _JSON:
        return
    media_type, _, parameters = content_type.lower().partition(b";")
    if media_type.strip() != _JSON:
        raise UnsupportedMediaType("send the body with Content-Type: application/json")
    charset = parameters.replace(b" ", b"").replace(b'"', b"")
    if charset not in (b"", b"charset=utf-8"):
        raise UnsupportedMediaType("the only charset of JSON is UTF-8")
