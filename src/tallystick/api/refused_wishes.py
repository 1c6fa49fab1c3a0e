"""A no lasts as long as a yes: what a verb refuses is remembered under the wish's Idempotency-Key.

What the journal refuses it remembers itself. But a verb looks before it records, and what it finds
impossible (a frozen wallet, a payment that was cancelled) never reaches the journal. Without this,
the same wish, sent or typed again, would be refused today and granted tomorrow, when its sender has
long since acted on the refusal. Not remembered: what nobody could read, what somebody else at the
same moment or a bank that cannot be reached stood in the way of, and what is our own fault.
"""

from typing import Final

from starlette.responses import Response
from starlette.types import Scope

from tallystick.api.exchange import exchange_in
from tallystick.api.problem_kinds import KINDS
from tallystick.api.problems import Problem, error_response, problem_of
from tallystick.journal import Asked, Conflict, Journal, JournalError, Refused, Repeated

# Of the statuses that tell of a rule, those codes that do not.
FLEETING: Final = frozenset(
    {
        *("conflict", "rate_stale", "route_unavailable", "permission_denied"),
        *("invalid_fields", "invalid_cursor", "idempotency_key_reused"),
        *(code for code, kind in KINDS.items() if kind.retry_after_s is not None),
    }
)
_BY_A_RULE: Final = frozenset({403, 404, 409, 412, 422})


async def answer_error(error: Exception, scope: Scope) -> Response:
    """The answer to whatever was raised; a refused wish stays refused."""
    exchange = exchange_in(scope)
    if exchange.wish is not None:
        error = await remembered(scope["app"].state.journal, exchange.wish, error)
    return error_response(error, exchange)


async def remembered(journal: Journal, wish: Asked, error: Exception) -> Exception:
    """What this wish is told: the error, or what it has been told before."""
    found = problem_of(error)
    if not _is_lasting(found) or getattr(error, "remembered", False):
        return error
    try:
        await journal.remember_refusal(wish, found.code, found.detail)
    except Repeated as repeat:
        return await _told_before(journal, repeat, error)
    except JournalError as unavailable:
        return unavailable
    return error


def _is_lasting(found: Problem) -> bool:
    """Whether the same wish is to be told the same for ever."""
    return found.status in _BY_A_RULE and found.code not in FLEETING


async def _told_before(journal: Journal, repeat: Repeated, error: Exception) -> Exception:
    try:
        await journal.answer(repeat, patience_s=0)
    except Refused as refused:
        # What the journal refused, its verb has put into words of its own.
        return refused if repeat.claim.subject_version == 0 else error
    except JournalError as other:  # the key stood for another wish, or the first is still at work
        return other
    return Conflict("this wish was granted at the same time: ask again with the same key")
