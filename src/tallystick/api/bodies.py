"""A request's body: announced as plain JSON, read strictly."""

from typing import Any

from starlette.requests import Request

from tallystick.api.strict_json import parse_json


class UnsupportedMediaType(Exception):
    """The body is not announced as plain JSON: another type, another charset, or compressed."""

    code = "unsupported_media_type"


async def read_json(request: Request) -> Any:
    """The value the body means. Raises UnsupportedMediaType, BodyTooLarge, MalformedJson."""
    require_json(request)
    return parse_json(await request.body())


async def read_optional_json(request: Request) -> Any:
    """The same for a verb that needs no body: nothing at all means `{}`."""
    raw = await request.body()
    if not raw:
        return {}
    require_json(request)
    return parse_json(raw)


def require_json(request: Request) -> None:
    """Raises UnsupportedMediaType. A compressed body could grow without bound: refused."""
    headers = request.headers
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("send the body as it is, without Content-Encoding")
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != "application/json":
        raise UnsupportedMediaType("send the body with Content-Type: application/json")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    if charset not in ("", "charset=utf-8"):
        raise UnsupportedMediaType("the only charset of JSON is UTF-8")
