"""What every handler of a bank's door needs: a body read, an answer said, a refusal named."""

from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

BODY_LIMIT_BYTES = 65_536

KindT = TypeVar("KindT")


class RequestRefused(Exception):
    """The request itself is wrong; nothing was done."""

    def __init__(self, status_code: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.code = code


async def read_body(request: Request, kind: type[KindT]) -> KindT:
    """The body as what it must be. Raises RequestRefused."""
    try:
        return msgspec.json.decode(await _read(request), type=kind)
    except (ValueError, RecursionError) as error:
        raise RequestRefused(400, "invalid_request", str(error)) from None


def convert_query(request: Request, kind: type[KindT]) -> KindT:
    """The query as what it must be. Raises RequestRefused."""
    try:
        return msgspec.convert(dict(request.query_params), kind, strict=False)
    except ValueError as error:
        raise RequestRefused(400, "invalid_request", str(error)) from None


def json_answer(
    content: object, status_code: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """An answer in JSON."""
    return Response(msgspec.json.encode(content), status_code, headers, "application/json")


def error_answer(
    status_code: int, code: str, message: str, headers: dict[str, str] | None = None
) -> Response:
    """A refusal, with its code."""
    return json_answer({"error": {"code": code, "message": message}}, status_code, headers)


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise RequestRefused(413, "body_too_large", f"at most {BODY_LIMIT_BYTES} bytes")
    return bytes(body)
