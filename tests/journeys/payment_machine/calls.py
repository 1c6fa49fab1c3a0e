"""A call of the walk: what was asked, to be asked once more, and how its answer reads in a line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.journeys.payment_machine.nouns import Subject
from tests.servers.http_client import Answer

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """Something that was asked, to be asked once more; `first` is the answer if it was the end."""

    verb: str
    key: str
    path: str
    body: Body
    judge: Callable[[], Subject]
    first: Answer
    subject: Subject | None
    was_closed: bool

    def another_wish(self) -> tuple[str, Body]:
        """Path and body of something else that may be asked by the same verb."""
        if self.verb == "cancel_refund":  # its body is always empty
            return f"/api/v1/refunds/ref_{26 * '0'}/cancel", {}
        changed: Body = {"amount": 77_777_777}
        if self.verb in ("cancel", "cancel_intent", "reverse"):
            changed = {"reason": "duplicate"}
        elif self.verb == "confirm":
            changed = {"payment_method": "tok_another"}
        return self.path, {**self.body, **changed}


def told(answer: Answer) -> str:
    """An answer in one line."""
    body = answer.json
    if answer.status >= 400:
        return f"{answer.status} {body['code']}: {body['detail']}"
    body = body.get("refund") or body.get("payment") or body
    figures = [f"{name} {body[name]}" for name in body if name.startswith("amount_") and body[name]]
    replayed = "again " if answer.replayed else ""
    return " ".join([f"{replayed}{answer.status} {body['id']} {body['status']}", *figures])
