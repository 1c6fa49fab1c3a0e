"""How often looking at an intent asks its bank.

Of an intent that waits for its payer, every look may be a call to the bank; a page that asks in a
loop, or somebody who has found its client secret, must not make this platform a hammer. A few
looks at once are let through, since a payer who is back wants to know; then one a second. Any
other look is told what stands recorded, which is at most a second old.
"""

from collections import OrderedDict
from typing import Final
from uuid import UUID

EVERY_S: Final = 1.0
AT_ONCE: Final = 3
INTENTS_MAX: Final = 10_000


class BankLooks:
    """One process's count of questions, by intent. Pure: the time comes with each look."""

    def __init__(self) -> None:
        self._spent_until_s: OrderedDict[UUID, float] = OrderedDict()

    def may_ask(self, intent_id: UUID, now_s: float) -> bool:
        """Whether a look now may ask the bank; counts it if so."""
        spent_until_s = max(now_s, self._spent_until_s.get(intent_id, 0.0))
        if spent_until_s - now_s > EVERY_S * (AT_ONCE - 1):
            return False
        self._spent_until_s[intent_id] = spent_until_s + EVERY_S
        self._spent_until_s.move_to_end(intent_id)
        if len(self._spent_until_s) > INTENTS_MAX:
            self._spent_until_s.popitem(last=False)
        return True
