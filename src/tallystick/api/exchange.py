"""One request and its answer, as the gate follows it from the first byte to the log line."""

import random
import re
from time import perf_counter
from typing import Any, Final

from starlette.requests import Request
from starlette.types import Scope

from tallystick.api.patience import Patience
from tallystick.identity import Principal
from tallystick.journal import Asked, Origin

SCOPE_KEY: Final = "tallystick.exchange"
_SAFE_ID: Final = re.compile(rb"[A-Za-z0-9._:/+=@-]{1,128}")


class Exchange:
    """What is learned about a request while it travels; the gate writes it down at the end.

    `headers` are the request's, by lower-case name, read once. A header that came more than once
    has its values joined by a comma (RFC 9110, 5.2), which no key and no length survives.
    """

    __slots__ = (
        "answer_headers",
        "body",
        "headers",
        "patience",
        "principal",
        "request_id",
        "started_at_s",
        "status",
        "wish",
    )

    def __init__(self, scope: Scope) -> None:
        self.started_at_s = perf_counter()
        self.headers = _read_headers(scope)
        self.request_id = _request_id(self.headers.get(b"x-request-id", b""))
        self.answer_headers: list[tuple[bytes, bytes]] = []  # added to whatever is answered
        self.principal: Principal | None = None
        self.body: Any = None  # the JSON value, once it is read
        self.patience: Patience | None = None  # how long it may take, once that is known
        self.wish: Asked | None = None  # once a handler has said which wish it is
        self.status = 0  # of the answer, once it has begun

    @property
    def duration_s(self) -> float:
        return perf_counter() - self.started_at_s

    def hurry(self, timeout_s: float, words: str) -> None:
        """Allow no more than `timeout_s` from the first byte on; `words` say that it is over."""
        if self.patience:
            self.patience.due_s = min(self.patience.due_s, self.started_at_s + timeout_s)
            self.patience.words = words

    @property
    def origin(self) -> Origin:
        """Who asked and in which request: goes into every fact this request causes."""
        actor = self.principal.key_id if self.principal else None
        return Origin(actor=actor, request_id=self.request_id)

    def add_header(self, name: str, value: str) -> None:
        """A header for the answer, be it a success or a problem. ASCII only."""
        self.answer_headers.append((name.encode("ascii"), value.encode("ascii")))


def exchange_in(scope: Scope) -> Exchange:
    """The exchange that the gate put into this scope."""
    found: Exchange = scope[SCOPE_KEY]
    return found


def exchange_of(request: Request) -> Exchange:
    """The exchange this request belongs to."""
    return exchange_in(request.scope)


def _read_headers(scope: Scope) -> dict[bytes, bytes]:
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        headers[name] = headers[name] + b", " + value if name in headers else value
    return headers


def _request_id(given: bytes) -> str:
    if _SAFE_ID.fullmatch(given):
        return given.decode("ascii")
    # A name, and no secret: asking the system for randomness takes as long as ten of our own.
    return f"req_{random.getrandbits(96):024x}"
