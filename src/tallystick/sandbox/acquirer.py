"""A simulated acquirer: takes an order, keeps its book, says what became of it.

Between looking at the book and adding to it there is no `await`, so the event loop is the bank's
only judge and 64 equal orders at once have one effect.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec import Struct

from tallystick.sandbox.book import BankBook
from tallystick.sandbox.magic import BEFORE_EFFECT, Behaviour, Fault, behaviour_of, decline_of
from tallystick.sandbox.model import Bank, Kind, Operation, Order, Pace, Status
from tallystick.sandbox.pacing import draw, take_time, too_late_s
from tallystick.sandbox.rules import Standing, fee_minor, fold, judge

Now = Callable[[], datetime]


class UnknownAuthorization(Exception):
    """Nothing was authorized under this reference."""

    code = "unknown_authorization"


class ReferenceReused(Exception):
    """The reference stands for another order."""

    code = "reference_reused"


class Answer(Struct, frozen=True):
    """What the bank says, and how its saying goes wrong. No operation: nothing was done."""

    operation: Operation | None
    fault: Fault | None = None


@dataclass(frozen=True)
class Acquirer:
    """One bank at work over its book."""

    bank: Bank
    book: BankBook
    pace: Pace
    now: Now

    async def answer(self, order: Order, caller_limit_ms: int | None) -> Answer:
        """Do what is asked, once per reference: a repeat gets the answer that was given first.

        `caller_limit_ms` is how long the caller waits, if he said so. Raises UnknownAuthorization,
        ReferenceReused.
        """
        await take_time(self.pace, self.bank, order.reference)
        behaviour = self._first_behaviour(order)
        if behaviour.fault in BEFORE_EFFECT:
            await self.book.add_attempt(order.reference)
            if behaviour.fault is not Fault.LATE_CHARGE:
                return Answer(None, behaviour.fault)
            await asyncio.sleep(too_late_s(self.pace, caller_limit_ms))
        return await self._settle(order, behaviour)

    async def find(self, reference: str) -> Operation | None:
        """The truth about a reference, once it is durable."""
        operation = self.book.find(reference)
        if operation is not None:
            await self.book.wait_durable(reference)
        return operation

    async def _settle(self, order: Order, behaviour: Behaviour) -> Answer:
        known = self.book.find(order.reference)
        if known is not None:
            return await self._repeat(known, order)
        standing = self._standing(order)
        operation = self._decide(order, standing, behaviour)
        await self.book.add(operation)
        return Answer(operation, None if behaviour.fault in BEFORE_EFFECT else behaviour.fault)

    async def _repeat(self, known: Operation, order: Order) -> Answer:
        if not known.answers(order):
            raise ReferenceReused(order.reference)
        await self.book.wait_durable(order.reference)
        return Answer(known)

    def _first_behaviour(self, order: Order) -> Behaviour:
        """How to behave: faults are for the first time a reference is heard of."""
        authorization = self.book.find(order.authorization_reference)
        behaviour = behaviour_of(order, authorization)
        if behaviour.fault not in BEFORE_EFFECT:
            return behaviour
        known = self.book.find(order.reference) or self.book.was_attempted(order.reference)
        return Behaviour() if known else behaviour

    def _standing(self, order: Order) -> Standing:
        if order.kind is Kind.AUTHORIZATION:
            return Standing()
        standing = fold(self.book.list_on(order.authorization_reference), self.now())
        if standing.authorization is None:
            raise UnknownAuthorization(order.authorization_reference)
        return standing

    def _decide(self, order: Order, standing: Standing, behaviour: Behaviour) -> Operation:
        code = judge(self.bank, order, standing) or decline_of(behaviour, self.bank)
        at = self.now()
        held = standing.authorization
        return Operation(
            reference=order.reference,
            kind=order.kind,
            authorization_reference=order.authorization_reference,
            amount_minor=order.amount_minor,
            currency=order.currency if held is None else held.currency,
            token=order.token,
            merchant=order.merchant,
            capture=order.capture,
            final=order.final,
            id=f"{self.bank.id_prefix}_{draw(self.pace, self.bank, order.reference, 'id').hex()}",
            decision=Status.DECLINED if code else Status.APPROVED,
            code=code,
            fee_minor=0 if code else fee_minor(self.bank, order),
            created_at=at,
            decided_at=at + timedelta(milliseconds=self.pace.pending_ms * behaviour.pending),
        )
