"""Clients that never give up: they ask with the same key until they have a definite answer."""

import asyncio
import hashlib
import hmac
from collections import Counter
from dataclasses import dataclass, field

from tests.crash.client_journal import ClientJournal, Heard, Wish
from tests.servers.http_client import Answer, Caller, Unanswered

# Not an answer yet, the caller is told to ask again.
_ASK_AGAIN = frozenset(
    {
        *("idempotency_key_in_use", "payment_busy", "payout_busy", "conflict"),
        *("overloaded", "busy", "outcome_unknown"),
    }
)
# Whoever has a wallet has no key of his own yet: the operator acts for him, and on his cases.
_OF_THE_OPERATOR = ("transfer", "wallet_", "saga_", "resolve_")
_PATIENCE_S = 5.0
_TRIES = 200
_PAUSE_S = 0.02


@dataclass(frozen=True)
class PatientClients:
    """A merchant's till, the platform's operator and a bank that sends webhooks."""

    till: Caller
    operator: Caller
    channel: Caller
    webhook_secret: str
    journal: ClientJournal
    seen: Counter[str] = field(default_factory=Counter)
    tries: Counter[int] = field(default_factory=Counter)

    async def ask(self, wish: Wish) -> Answer:
        """The definite answer to this wish, however often it takes."""
        self.journal.write(wish)
        for number in range(1, _TRIES + 1):
            answer = await self._try(wish)
            if answer is not None:
                heard = Heard(wish.verb, wish.key, answer.status, answer.raw.decode())
                self.journal.write(heard)
                self.tries[number] += 1
                self.seen["replayed"] += answer.replayed
                return answer
            await asyncio.sleep(_PAUSE_S)
        raise AssertionError(f"never answered: {wish}")

    async def _try(self, wish: Wish) -> Answer | None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                answer = await self.send(wish)
        except Unanswered:
            self.seen["cut"] += 1
            return None
        except TimeoutError:
            self.seen["timed out"] += 1
            return None
        assert answer.status != 500, answer.raw
        if answer.status >= 400 and _code(answer) in _ASK_AGAIN:
            self.seen[_code(answer)] += 1
            return None
        return answer

    async def send(self, wish: Wish) -> Answer:
        """Ask once. Raises Unanswered."""
        body = wish.body.encode()
        if wish.verb == "webhook":
            digest = hmac.new(self.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
            return await self.channel.post(wish.path, body, x_signature=f"sha256={digest}")
        caller = self.operator if wish.verb.startswith(_OF_THE_OPERATOR) else self.till
        return await caller.post(wish.path, body, key=wish.key)


def _code(answer: Answer) -> str:
    return str(answer.json.get("code", ""))
