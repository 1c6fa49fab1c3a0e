"""A simulated acquirer: takes an order, keeps its book, says what became of it.

Between looking at the book and adding to it there is no `await`, so the event loop is the bank's
only judge and 64 equal orders at once have one effect.
"""

import asyncio
from dataclasses import dataclass, field

from msgspec import Struct

from tallystick.sandbox.book import BankBook
from tallystick.sandbox.challenge_model import NO_PAYER, Challenge, Visit
from tallystick.sandbox.challenges import Challenges
from tallystick.sandbox.decisions import decided
from tallystick.sandbox.dispute_desk import DisputeDesk
from tallystick.sandbox.magic import (
    APPROVE,
    BEFORE_EFFECT,
    Behaviour,
    Fault,
    behaviour_of,
    decline_of,
)
from tallystick.sandbox.model import Bank, Kind, Now, Operation, Order, Pace
from tallystick.sandbox.pacing import take_time, too_late_s
from tallystick.sandbox.rules import Standing, fold, judge
from tallystick.sandbox.switches import Switches, Wrong, switched


class UnknownAuthorization(Exception):
    """Nothing was authorized under this reference."""

    code = "unknown_authorization"


class ReferenceReused(Exception):
    """The reference stands for another order."""

    code = "reference_reused"


class Answer(Struct, frozen=True):
    """What the bank says, and how its saying goes wrong.

    Neither operation nor challenge: nothing was done.
    """

    operation: Operation | None
    fault: Fault | None = None
    challenge: Challenge | None = None  # the payer is to be asked first


@dataclass(frozen=True)
class Acquirer:
    """One bank at work over its book."""

    bank: Bank
    book: BankBook
    pace: Pace
    now: Now
    switches: Switches = field(default_factory=Switches)

    @property
    def challenges(self) -> Challenges:
        """What this bank asks payers."""
        return Challenges(self.bank, self.book, self.pace, self.now)

    async def answer(
        self, order: Order, caller_limit_ms: int | None, visit: Visit | None = None
    ) -> Answer:
        """Do what is asked, once per reference: a repeat gets the answer that was given first.

        `caller_limit_ms` is how long the caller waits, if he said so; `visit`, that he can send
        the payer to us. Raises UnknownAuthorization, ReferenceReused.
        """
        await take_time(self.pace, self.bank, order.reference)
        behaviour = self._first_behaviour(order)
        wrong = self._take_switch(order, behaviour)
        behaviour = switched(wrong, behaviour)
        if behaviour.fault in BEFORE_EFFECT:
            await self.book.add_attempt(order.reference)
            if behaviour.fault is not Fault.LATE_CHARGE:
                return Answer(None, behaviour.fault)
            await asyncio.sleep(too_late_s(self.pace, caller_limit_ms))
        if wrong is Wrong.DUPLICATE:
            await self._settle(order, behaviour, visit)
        answer = await self._settle(order, behaviour, visit)
        if wrong is Wrong.DISORDER:
            await self.switches.let_overtake()
        return answer

    @property
    def disputes(self) -> DisputeDesk:
        """The bank's desk for disputes."""
        return DisputeDesk(self.bank, self.book.disputes, self.pace)

    def standing_of(self, authorization_reference: str) -> Standing:
        """How an authorization stands, disputes among it. Raises UnknownAuthorization."""
        standing = fold(self.book.list_on(authorization_reference), self.now())
        if standing.authorization is None:
            raise UnknownAuthorization(authorization_reference)
        kept_minor = self.book.disputes.kept_minor(authorization_reference, self.now())
        standing.disputed_minor = kept_minor
        return standing

    async def find(self, reference: str) -> Challenge | Operation | None:
        """The truth about a reference, once it is durable."""
        return await self.challenges.outcome(reference)

    async def _settle(self, order: Order, behaviour: Behaviour, visit: Visit | None) -> Answer:
        if self.book.find(order.reference) or self.book.find_challenge(order.reference):
            return await self._repeat(order)
        standing = self._standing(order)
        fault = None if behaviour.fault in BEFORE_EFFECT else behaviour.fault
        code = judge(self.bank, order, standing)
        if behaviour.challenge and code is None:
            if visit is not None:
                return Answer(None, fault, await self.challenges.open(order, visit))
            code = NO_PAYER
        operation = decided(
            self.bank,
            self.pace,
            order,
            code or decline_of(behaviour, self.bank),
            at=self.now(),
            held=standing.authorization,
            pending=behaviour.pending,
        )
        await self.book.add(operation)
        self.disputes.open_by_magic(operation, standing)
        return Answer(operation, fault)

    async def _repeat(self, order: Order) -> Answer:
        """A challenge stands until it is answered; what is decided stands for ever."""
        known = await self.challenges.outcome(order.reference)
        if isinstance(known, Challenge):
            if known.order != order:
                raise ReferenceReused(order.reference)
            return Answer(None, challenge=known)
        if known is None or not known.answers(order):
            raise ReferenceReused(order.reference)
        return Answer(known)

    def _first_behaviour(self, order: Order) -> Behaviour:
        """How to behave: faults are for the first time a reference is heard of."""
        authorization = self.book.find(order.authorization_reference)
        behaviour = behaviour_of(order, authorization)
        if behaviour.fault not in BEFORE_EFFECT:
            return behaviour
        known = self.book.find(order.reference) or self.book.was_attempted(order.reference)
        return Behaviour() if known else behaviour

    def _take_switch(self, order: Order, behaviour: Behaviour) -> Wrong | None:
        """What a switch makes go wrong; magic comes first, and nothing known goes wrong."""
        if behaviour != APPROVE or not self.switches.standing():
            return None
        known = self.book.find(order.reference) or self.book.find_challenge(order.reference)
        if known or self.book.was_attempted(order.reference):
            return None
        return self.switches.take(order.kind)

    def _standing(self, order: Order) -> Standing:
        if order.kind is Kind.AUTHORIZATION:
            return Standing()
        return self.standing_of(order.authorization_reference)
