"""The bank's questions to payers: asked once per reference, answered once, or never.

As everywhere in the sandbox there is no `await` between looking at the book and adding to it: of
two browsers that answer one challenge, the first decides.
"""

from dataclasses import dataclass
from datetime import timedelta

from tallystick.sandbox.book import BankBook
from tallystick.sandbox.challenge_model import DECLINED_WITH, Challenge, Verdict, Visit
from tallystick.sandbox.decisions import decided
from tallystick.sandbox.dispute_desk import DisputeDesk
from tallystick.sandbox.magic import behaviour_of_amount, decline_of
from tallystick.sandbox.model import Bank, Now, Operation, Order, Pace
from tallystick.sandbox.pacing import draw
from tallystick.sandbox.rules import Standing


@dataclass(frozen=True)
class Challenges:
    """One bank's challenges over its book."""

    bank: Bank
    book: BankBook
    pace: Pace
    now: Now

    async def open(self, order: Order, visit: Visit) -> Challenge:
        """Ask the payer about this order, which nobody has asked about before."""
        at = self.now()
        challenge = Challenge(
            reference=order.reference,
            id=draw(self.pace, self.bank, order.reference, "challenge").hex(),
            amount_minor=order.amount_minor,
            currency=order.currency,
            token=order.token,
            merchant=order.merchant,
            capture=order.capture,
            return_url=visit.return_url,
            created_at=at,
            expires_at=at + timedelta(milliseconds=self.pace.challenge_ms),
        )
        await self.book.add_challenge(challenge)
        return challenge

    async def outcome(self, reference: str) -> Challenge | Operation | None:
        """The challenge while it is open, then the operation it ended in; once it is durable."""
        operation = self.book.find(reference)
        if operation is None:
            challenge = self.book.find_challenge(reference)
            if challenge is None:
                return None
            if self.now() < challenge.expires_at:
                await self.book.wait_durable(reference)
                return challenge
            operation = self._ended(challenge, Verdict.EXPIRED)
            await self.book.add(operation)
        await self.book.wait_durable(reference)
        return operation

    async def find(self, challenge_id: str) -> tuple[Challenge, Operation | None] | None:
        """A challenge by the end of its URL, and what it ended in."""
        challenge = self.book.find_challenge_by_id(challenge_id)
        if challenge is None:
            return None
        outcome = await self.outcome(challenge.reference)
        return challenge, outcome if isinstance(outcome, Operation) else None

    async def answer(self, challenge: Challenge, verdict: Verdict) -> Operation:
        """What the payer said, unless he had said something, or his time was over, before."""
        known = self.book.find(challenge.reference)
        if known is None:
            late = self.now() >= challenge.expires_at
            known = self._ended(challenge, Verdict.EXPIRED if late else verdict)
            await self.book.add(known)
            self._disputes.open_by_magic(known, Standing())
        await self.book.wait_durable(challenge.reference)
        return known

    @property
    def _disputes(self) -> DisputeDesk:
        return DisputeDesk(self.bank, self.book.disputes, self.pace)

    def _ended(self, challenge: Challenge, verdict: Verdict) -> Operation:
        """The operation: a payer who passed still needs the money, so magic amounts work on."""
        order = challenge.order
        behaviour = behaviour_of_amount(order)
        code = DECLINED_WITH.get(verdict) or decline_of(behaviour, self.bank)
        pending = behaviour.pending and verdict is Verdict.APPROVED
        return decided(self.bank, self.pace, order, code, at=self.now(), pending=pending)
