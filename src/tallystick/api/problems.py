"""Errors become answers (RFC 9457, `application/problem+json`).

An error whose code is not in the table is our fault: it answers 500 and says nothing but the
request's id.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi.exceptions import RequestValidationError
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tallystick.api.exchange import Exchange
from tallystick.api.field_errors import FieldError, field_errors
from tallystick.api.problem_kinds import KINDS, REFUSED, ProblemKind
from tallystick.api.problem_texts import TEXTS, UNLISTED
from tallystick.journal import Refused
from tallystick.platform.postgres.pools import Overloaded
from tallystick.platform.telemetry import get_logger

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:tallystick:problem:"

_log = get_logger("tallystick.api")


class Problem(Struct, frozen=True):
    """One answer that is not a success."""

    code: str
    kind: ProblemKind
    detail: str
    errors: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] = {}

    @property
    def status(self) -> int:
        return self.kind.status


def problem(code: str, detail: str | None = None) -> Problem:
    """A problem of the table; without `detail` its title says all."""
    kind = KINDS[code]
    return Problem(code, kind, detail or kind.title)


def problem_of(error: Exception) -> Problem:
    """What to answer to this error."""
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, RequestValidationError):
        errors = field_errors(error.errors())
        return Problem("invalid_fields", KINDS["invalid_fields"], _summary(errors), errors)
    if isinstance(error, Overloaded):
        return problem("overloaded", str(error))
    code = getattr(error, "code", None)
    if isinstance(error, Refused):
        return Problem(error.code, KINDS.get(error.code, REFUSED), error.detail)
    if isinstance(code, str) and code in KINDS:
        errors = getattr(error, "errors", ())
        return Problem(code, KINDS[code], str(error) or KINDS[code].title, errors)
    return problem("internal_error", "quote the request id when you ask us about it")


def render_problem(found: Problem, request_id: str) -> Response:
    """The answer as bytes."""
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + found.code,
        "title": found.kind.title,
        "status": found.status,
        "code": found.code,
        "detail": found.detail,
        "customer_message": TEXTS.get(found.code, UNLISTED).customer_message,
        "request_id": request_id,
    }
    if found.errors:
        body["errors"] = found.errors
    headers = dict(found.headers)
    if found.kind.retry_after_s is not None:
        headers["Retry-After"] = str(found.kind.retry_after_s)
    if found.status == HTTPStatus.UNAUTHORIZED:  # RFC 9110, 11.6.1
        headers["WWW-Authenticate"] = 'Bearer realm="tallystick"'
    if found.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        headers["Connection"] = "close"  # the rest of the body is read only to be thrown away
    return Response(msgspec.json.encode(body), found.status, headers, media_type=MEDIA_TYPE)


def _of_http(error: HTTPException) -> Problem:
    codes = {404: "not_found", 405: "method_not_allowed"}
    code = codes.get(error.status_code, "malformed_request")
    kind = KINDS[code]
    return Problem(code, kind, kind.title, headers=error.headers or {})


def _summary(errors: tuple[FieldError, ...]) -> str:
    return "; ".join(f"{error.field}: {error.message}" for error in errors[:3])


def error_response(error: Exception, exchange: Exchange) -> Response:
    """The answer to whatever was raised; what is our fault is logged with its traceback."""
    found = problem_of(error)
    if found.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request_failed", request_id=exchange.request_id, exc_info=error)
    return render_problem(found, exchange.request_id)
