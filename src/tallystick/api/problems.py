"""The one table that turns errors into answers (RFC 9457, `application/problem+json`).

Rooms raise errors that know a code; here, and nowhere else, a code gets its HTTP status. An error
that is not in the table is our fault: it answers 500 and says nothing but the request's id.
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
from tallystick.journal import Refused
from tallystick.platform.postgres.pools import Overloaded
from tallystick.platform.telemetry import get_logger

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:tallystick:problem:"

_log = get_logger("tallystick.api")


class ProblemKind(Struct, frozen=True):
    """One row of the table. `retry_after_s` tells when asking again makes sense."""

    status: int
    title: str
    retry_after_s: int | None = None


KINDS: Final[Mapping[str, ProblemKind]] = {
    # 400: the request cannot be read
    "malformed_json": ProblemKind(400, "The body is not acceptable JSON"),
    "malformed_request": ProblemKind(400, "The request cannot be understood"),
    "idempotency_key_missing": ProblemKind(400, "An Idempotency-Key is required"),
    "malformed_idempotency_key": ProblemKind(400, "The Idempotency-Key is malformed"),
    # 401, 403, 404, 405: who, what, where
    "api_key_missing": ProblemKind(401, "An API key is required"),
    "invalid_api_key": ProblemKind(401, "The API key is not valid"),
    "permission_denied": ProblemKind(403, "This API key may not do this"),
    "not_found": ProblemKind(404, "There is nothing at this address"),
    "account_not_found": ProblemKind(404, "No such account"),
    "transfer_not_found": ProblemKind(404, "No such transfer"),
    "merchant_not_found": ProblemKind(404, "No such merchant"),
    "intent_not_found": ProblemKind(404, "No such payment intent"),
    "payment_not_found": ProblemKind(404, "No such payment"),
    "refund_not_found": ProblemKind(404, "No such refund"),
    "method_not_allowed": ProblemKind(405, "This address does not know the method"),
    # 409: not now, or no longer
    "conflict": ProblemKind(409, "Somebody else changed the object at the same time"),
    "idempotency_key_in_use": ProblemKind(
        409, "The first request with this Idempotency-Key is still at work", retry_after_s=1
    ),
    "account_exists": ProblemKind(409, "An account with this code exists already"),
    # 413, 415, 431: the request as such
    "body_too_large": ProblemKind(413, "The body is too large"),
    "unsupported_media_type": ProblemKind(415, "The body must be plain JSON"),
    "headers_too_large": ProblemKind(431, "The headers are too large"),
    # 422: understood, and refused
    "invalid_fields": ProblemKind(422, "Some fields are not valid"),
    "invalid_cursor": ProblemKind(422, "The cursor is not one of ours"),
    "idempotency_key_reused": ProblemKind(422, "The Idempotency-Key stood for another request"),
    "insufficient_funds": ProblemKind(422, "The account does not hold enough"),
    "unknown_account": ProblemKind(422, "A named account does not exist"),
    "unknown_reservation": ProblemKind(422, "A named reservation does not exist"),
    "account_frozen": ProblemKind(422, "The account is frozen"),
    "account_closed": ProblemKind(422, "The account is closed"),
    "account_not_empty": ProblemKind(422, "The account is not empty"),
    "same_account": ProblemKind(422, "A transfer needs two different accounts"),
    "invalid_amount": ProblemKind(422, "The amount is not possible"),
    "balance_overflow": ProblemKind(422, "The balance would leave its range"),
    "currency_mismatch": ProblemKind(422, "The currencies differ"),
    "invalid_account": ProblemKind(422, "No account can be like this"),
    "not_recordable": ProblemKind(422, "A value cannot be stored"),
    "unknown_currency": ProblemKind(422, "The currency is not one of ISO 4217"),
    "reservation_exceeded": ProblemKind(422, "The reservation holds less than that"),
    "reservation_expired": ProblemKind(422, "The reservation has expired"),
    "reservation_not_expired": ProblemKind(422, "The reservation has not expired yet"),
    "reservation_not_open": ProblemKind(422, "The reservation is not open any more"),
    # 5xx: our side
    "internal_error": ProblemKind(500, "Something went wrong on our side"),
    "overloaded": ProblemKind(503, "Too much to do; nothing was changed", retry_after_s=1),
    "busy": ProblemKind(503, "Too much to do; nothing was changed", retry_after_s=1),
    "draining": ProblemKind(503, "This server is closing; another one answers", retry_after_s=1),
    "outcome_unknown": ProblemKind(504, "The outcome is not known yet", retry_after_s=1),
    "timed_out": ProblemKind(504, "The answer took too long", retry_after_s=1),
}

REFUSED: Final = ProblemKind(422, "Refused by a rule of the platform")


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
        headers["Connection"] = "close"  # the rest of the body is not waited for
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
