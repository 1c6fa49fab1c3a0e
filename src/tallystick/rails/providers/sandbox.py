"""The acquirers of the sandbox: their dialect into our outcomes.

Believed are only the answers the dialect knows, about the order that was asked: 200 approved or
paid, 402 declined or refused, 202 pending or waiting for the payer, 429 before anything was done,
and 404 to a look-up. All else is Unanswered.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Literal
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Meta, Struct

from tallystick.rails.errors import declined, payout_declined, payout_returned
from tallystick.rails.model import (
    Approved,
    AuthorizeOrder,
    CaptureOrder,
    NotFound,
    Order,
    Outcome,
    Pending,
    RefundOrder,
    Unanswered,
    VoidOrder,
)
from tallystick.rails.payouts import Destination, PayOutOrder, Returned, UpiId
from tallystick.rails.providers.line import Line, Lost, Reply, Unreached
from tallystick.rails.providers.sandbox_disputes import SandboxDisputes

_Word = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:\-]{1,128}\Z")]


class _Operation(Struct, frozen=True):
    id: _Word
    reference: _Word
    kind: Literal["authorization", "capture", "void", "refund"]
    status: Literal["approved", "declined", "pending", "action_required"]
    amount: int
    currency: str
    code: _Word | None = None
    action_url: Annotated[str, Meta(max_length=2_048, pattern=r"^[!-~]+\Z")] | None = None
    expires_at: datetime | None = None


class _Payout(Struct, frozen=True):
    id: _Word
    reference: _Word
    status: Literal["paid", "refused", "pending", "returned"]
    amount: int
    currency: str
    code: _Word | None = None


class _Problem(Struct, frozen=True):
    code: _Word


class _Refusal(Struct, frozen=True):
    error: _Problem


_STATUS_OF = {200: ("approved",), 402: ("declined",), 202: ("pending", "action_required")}
_PAYOUT_STATUS_OF = {200: "paid", 402: "refused", 202: "pending"}


@dataclass(frozen=True)
class SandboxAcquirer:
    """One bank of the sandbox, by the name under which its codes are mapped."""

    pays_out_to: ClassVar[frozenset[str]] = frozenset({"bank_account", "upi"})

    name: str
    line: Line

    @property
    def disputes(self) -> SandboxDisputes:
        """What is spoken about disputes."""
        return SandboxDisputes(self.line)

    async def authorize(self, order: AuthorizeOrder) -> Outcome:
        body: dict[str, object] = {
            "reference": order.reference,
            "amount": order.amount_minor,
            "currency": order.currency,
            "token": order.token,
            "capture": order.capture,
            "merchant": order.merchant or None,
            "challenge": order.challenge,
            "return_url": order.return_url,
        }
        return await self._ask("/v1/authorizations", body, order, "authorization")

    async def capture(self, order: CaptureOrder) -> Outcome:
        body: dict[str, object] = {
            "reference": order.reference,
            "amount": order.amount_minor,
            "final": order.final,
        }
        return await self._ask(_path(order, "captures"), body, order, "capture")

    async def void(self, order: VoidOrder) -> Outcome:
        body: dict[str, object] = {"reference": order.reference}
        return await self._ask(_path(order, "voids"), body, order, "void")

    async def refund(self, order: RefundOrder) -> Outcome:
        body: dict[str, object] = {"reference": order.reference, "amount": order.amount_minor}
        return await self._ask(_path(order, "refunds"), body, order, "refund")

    async def find(self, reference: str) -> Outcome:
        try:
            reply = await self.line.get(f"/v1/operations/{quote(reference, safe='')}")
        except Unreached:
            return Unanswered("connect_failed")
        except Lost as lost:
            return Unanswered(lost.reason)
        return self._found(reply, reference)

    async def pay_out(self, order: PayOutOrder) -> Outcome:
        body: dict[str, object] = {
            "reference": order.reference,
            "amount": order.amount_minor,
            "currency": order.currency,
            "destination": _destination(order.destination),
        }
        try:
            reply = await self.line.post("/v1/payouts", body)
        except Unreached:
            return Unanswered("connect_failed")
        except Lost as lost:
            return Unanswered(lost.reason)
        outcome = self._paid_out(reply, order)
        # An answer to an order is its first: what comes back does so later.
        return Unanswered("wrong_schema") if isinstance(outcome, Returned) else outcome

    async def find_payout(self, reference: str) -> Outcome | Returned:
        try:
            reply = await self.line.get(f"/v1/payouts/{quote(reference, safe='')}")
        except Unreached:
            return Unanswered("connect_failed")
        except Lost as lost:
            return Unanswered(lost.reason)
        if reply.status_code == 404 and _problem_code(reply) == "unknown_reference":
            return NotFound()
        payout = _payout(reply)
        if reply.status_code != 200 or payout is None:
            return Unanswered(f"status: {reply.status_code}" if payout else "wrong_schema")
        if payout.reference != reference:
            return Unanswered("another_order")
        return self._payout_outcome(payout)

    def _paid_out(self, reply: Reply, order: PayOutOrder) -> Outcome | Returned:
        expected = _PAYOUT_STATUS_OF.get(reply.status_code)
        if expected is None:
            return Unanswered(f"status: {reply.status_code}")
        payout = _payout(reply)
        if payout is None or payout.status != expected:
            return Unanswered("wrong_schema")
        said = (payout.reference, payout.amount, payout.currency)
        if said != (order.reference, order.amount_minor, order.currency):
            return Unanswered("another_order")
        return self._payout_outcome(payout)

    def _payout_outcome(self, payout: _Payout) -> Outcome | Returned:
        match payout.status, payout.code:
            case "paid", None:
                return Approved(payout.id)
            case "pending", None:
                return Pending()
            case "refused", str(code):
                return payout_declined(self.name, code)
            case "returned", str(code):
                return payout_returned(self.name, payout.id, code)
        return Unanswered("wrong_schema")

    async def _ask(self, path: str, body: dict[str, object], order: Order, kind: str) -> Outcome:
        try:
            reply = await self.line.post(path, body)
        except Unreached:
            return self._not_taken(order, "connect_failed")
        except Lost as lost:
            return Unanswered(lost.reason)
        if reply.status_code == 429:
            busy = _problem_code(reply) == "rate_limited"
            return self._not_taken(order, "rate_limited") if busy else Unanswered("odd_429")
        return self._answered(reply, order, kind)

    def _not_taken(self, order: Order, code: str) -> Outcome:
        """This ask had no effect; an earlier one under the same reference may have had."""
        return Unanswered(code) if order.asked_before else declined(self.name, code)

    def _answered(self, reply: Reply, order: Order, kind: str) -> Outcome:
        expected = _STATUS_OF.get(reply.status_code)
        if expected is None:
            return Unanswered(f"status: {reply.status_code}")
        operation = _operation(reply)
        if operation is None or operation.status not in expected:
            return Unanswered("wrong_schema")
        if operation.kind != kind or not _is_about(operation, order):
            return Unanswered("another_order")
        return self._outcome(operation)

    def _found(self, reply: Reply, reference: str) -> Outcome:
        if reply.status_code == 404 and _problem_code(reply) == "unknown_reference":
            return NotFound()
        if reply.status_code != 200:
            return Unanswered(f"status: {reply.status_code}")
        operation = _operation(reply)
        if operation is None:
            return Unanswered("wrong_schema")
        if operation.reference != reference:
            return Unanswered("another_order")
        return self._outcome(operation)

    def _outcome(self, operation: _Operation) -> Outcome:
        match operation.status, operation.code:
            case "approved", None:
                return Approved(operation.id)
            case "pending", None:
                return Pending()
            case "action_required", None if self._is_action(operation):
                return Pending(operation.action_url, operation.expires_at)
            case "declined", str(code):
                return declined(self.name, code)
        return Unanswered("wrong_schema")

    def _is_action(self, operation: _Operation) -> bool:
        """Whether this is where a payer may be sent: only to the bank itself, or by https."""
        if operation.kind != "authorization" or operation.action_url is None:
            return False
        try:
            ours, theirs = urlsplit(self.line.base_url), urlsplit(operation.action_url)
        except ValueError:
            return False
        same_place = (theirs.scheme, theirs.netloc) == (ours.scheme, ours.netloc)
        aware = operation.expires_at is None or operation.expires_at.tzinfo is not None
        return bool(theirs.netloc) and aware and (same_place or theirs.scheme == "https")


def _path(order: CaptureOrder | VoidOrder | RefundOrder, verb: str) -> str:
    return f"/v1/authorizations/{quote(order.authorization_reference, safe='')}/{verb}"


def _operation(reply: Reply) -> _Operation | None:
    try:
        return msgspec.convert(reply.content, _Operation)
    except msgspec.ValidationError:
        return None


def _payout(reply: Reply) -> _Payout | None:
    try:
        return msgspec.convert(reply.content, _Payout)
    except msgspec.ValidationError:
        return None


def _destination(to: Destination) -> dict[str, object]:
    if isinstance(to, UpiId):
        return {"type": "upi", "upi_id": to.upi_id, "name": to.name}
    return {
        "type": "bank_account",
        "account_number": to.account_number,
        "bank_code": to.bank_code,
        "name": to.name,
    }


def _problem_code(reply: Reply) -> str | None:
    try:
        return msgspec.convert(reply.content, _Refusal).error.code
    except msgspec.ValidationError:
        return None


def _is_about(operation: _Operation, order: Order) -> bool:
    if operation.reference != order.reference:
        return False
    if isinstance(order, VoidOrder):
        return True
    return (operation.amount, operation.currency) == (order.amount_minor, order.currency)
