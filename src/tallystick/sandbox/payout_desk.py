"""The desk that pays out: takes an order, keeps the bank's book, says what became of it.

As with the acquirer there is no `await` between looking at the book and adding to it.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from msgspec import Struct

from tallystick.sandbox.acquirer import ReferenceReused
from tallystick.sandbox.book import BankBook
from tallystick.sandbox.magic import BEFORE_EFFECT, Fault
from tallystick.sandbox.model import Bank, Now, Pace
from tallystick.sandbox.pacing import draw, take_time, too_late_s
from tallystick.sandbox.payout_magic import PAY, PayoutBehaviour, payout_behaviour
from tallystick.sandbox.payout_model import Payout, PayoutOrder, PayoutStatus
from tallystick.sandbox.switches import Switches, Wrong, switched


class PayoutAnswer(Struct, frozen=True):
    """What the bank says, and how its saying goes wrong. No payout: nothing was done."""

    payout: Payout | None
    fault: Fault | None = None


@dataclass(frozen=True)
class PayoutDesk:
    """One bank's payouts over its book."""

    bank: Bank
    book: BankBook
    pace: Pace
    now: Now
    switches: Switches

    async def answer(self, order: PayoutOrder, caller_limit_ms: int | None) -> PayoutAnswer:
        """Pay, once per reference: a repeat gets the answer that was given first.

        `caller_limit_ms` is how long the caller waits, if he said so. Raises ReferenceReused.
        """
        await take_time(self.pace, self.bank, order.reference)
        behaviour = self._first_behaviour(order)
        wrong = self._take_switch(order, behaviour)
        behaviour = switched(wrong, behaviour)
        if behaviour.fault in BEFORE_EFFECT:
            await self.book.add_attempt(order.reference)
            if behaviour.fault is not Fault.LATE_CHARGE:
                return PayoutAnswer(None, behaviour.fault)
            await asyncio.sleep(too_late_s(self.pace, caller_limit_ms))
        if wrong is Wrong.DUPLICATE:
            await self._settle(order, behaviour)
        answer = await self._settle(order, behaviour)
        if wrong is Wrong.DISORDER:
            await self.switches.let_overtake()
        return answer

    async def find(self, reference: str) -> Payout | None:
        """The truth about a reference, once it is durable."""
        payout = self.book.find_payout(reference)
        if payout is not None:
            await self.book.wait_durable(reference)
        return payout

    async def _settle(self, order: PayoutOrder, behaviour: PayoutBehaviour) -> PayoutAnswer:
        known = self.book.find_payout(order.reference)
        if known is not None:
            return await self._repeat(known, order)
        payout = self._decide(order, behaviour)
        await self.book.add_payout(payout)
        done_badly = behaviour.fault not in BEFORE_EFFECT
        return PayoutAnswer(payout, behaviour.fault if done_badly else None)

    async def _repeat(self, known: Payout, order: PayoutOrder) -> PayoutAnswer:
        if not known.answers(order):
            raise ReferenceReused(order.reference)
        await self.book.wait_durable(order.reference)
        return PayoutAnswer(known)

    def _first_behaviour(self, order: PayoutOrder) -> PayoutBehaviour:
        """How to behave: what goes wrong before the effect does so the first time only."""
        behaviour = payout_behaviour(order)
        if behaviour.fault not in BEFORE_EFFECT:
            return behaviour
        known = self.book.find_payout(order.reference) or self.book.was_attempted(order.reference)
        return PAY if known else behaviour

    def _take_switch(self, order: PayoutOrder, behaviour: PayoutBehaviour) -> Wrong | None:
        """What a switch makes go wrong; magic comes first, and nothing known goes wrong."""
        if behaviour != PAY or not self.switches.standing():
            return None
        if self.book.find_payout(order.reference) or self.book.was_attempted(order.reference):
            return None
        return self.switches.take("payout")

    def _decide(self, order: PayoutOrder, behaviour: PayoutBehaviour) -> Payout:
        refusal = self._rule(order) or behaviour.refuse
        at = self.now()
        decided_at = at + timedelta(milliseconds=self.pace.pending_ms * behaviour.pending)
        returns = behaviour.comes_back is not None and refusal is None
        return Payout(
            reference=order.reference,
            amount_minor=order.amount_minor,
            currency=order.currency,
            method=order.method,
            destination=order.destination,
            bank_code=order.bank_code,
            name=order.name,
            id=f"{self.bank.id_prefix}_{draw(self.pace, self.bank, order.reference, 'pay').hex()}",
            decision=PayoutStatus.REFUSED if refusal else PayoutStatus.PAID,
            code=refusal or behaviour.comes_back,
            created_at=at,
            decided_at=decided_at,
            returned_at=(
                decided_at + timedelta(milliseconds=self.pace.return_ms) if returns else None
            ),
        )

    def _rule(self, order: PayoutOrder) -> str | None:
        """The bank's own rules: the code of the refusal, or None when nothing speaks against it."""
        limit = self.bank.limits_minor.get(order.currency)
        if limit is None:
            return "currency_not_supported"
        return "amount_over_bank_limit" if order.amount_minor > limit else None
