"""A walk at random over the payments' addresses, each answer held against the naive payments."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.journeys.payment_machine.calls import Body, Call, told
from tests.journeys.payment_machine.chance import Chance
from tests.journeys.payment_machine.fates import is_left_out, lost_amounts, magic_amounts
from tests.journeys.payment_machine.naive_payments import DAY_S, NaivePayments
from tests.journeys.payment_machine.nouns import (
    Claim,
    Intent,
    Payment,
    Refund,
    Refusal,
    Subject,
    View,
)
from tests.servers.http_client import Answer
from tests.servers.served import Platform

PAYMENTS, INTENTS, REFUNDS = "/api/v1/payments", "/api/v1/intents", "/api/v1/refunds"
ADVANCE = "/api/v1/test/clock/advance"
A_WHILE_S = 31  # longer than "not found" is not believed, and too short for a look of recovery
A_LOOK_S = 61  # longer than the pause between two looks
AT_HAND = 10  # of each sort; older ones are left to the jobs
CALLS_KEPT = 40
# verb -> how often, in a hundred
WEIGHTS = {
    "pay": 13,
    "create_intent": 6,
    "confirm": 8,
    "capture": 15,
    "cancel": 7,
    "cancel_intent": 4,
    "refund": 14,
    "cancel_refund": 6,
    "reverse": 5,
    "again": 9,
    "other_body": 5,
    "turn": 8,
}


@dataclass
class Walk:
    """Steps decided by one seed."""

    platform: Platform
    seed: int
    naive: NaivePayments = field(default_factory=NaivePayments)
    verbs: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    payments: list[Payment] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    trail: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.chance = Chance(self.random)

    async def run(self, steps: int, *, prove_every: int) -> None:
        """Take the steps; every so often, and in the end, the books must agree."""
        for number in range(1, steps + 1):
            await self._step(number)
            if number % prove_every == 0 or number == steps:
                await self.settle_and_prove()

    def verdict(self) -> str:
        """What was asked and what came of it."""
        return (
            f"seed {self.seed}: {self.verbs.total()} steps, by verb"
            f" {dict(sorted(self.verbs.items()))}, by outcome {dict(self.outcomes.most_common())}"
        )

    async def settle_and_prove(self) -> None:
        """Let nothing be open, then compare: every object at hand, the money, the banks' books."""
        for _ in range(3):
            await self._turn(A_LOOK_S)
        for payment in self.payments:
            await self._require_same(payment)
        for intent in self.intents:
            await self._require_same(intent)
        assert await self.platform.payable() == self.naive.payable
        await self.platform.require_proven()

    # Steps ------------------------------------------------------------------------------------

    async def _step(self, number: int) -> None:
        (verb,) = self.random.choices([*WEIGHTS], [*WEIGHTS.values()])
        if verb == "turn":
            # Mostly until recovery looks; now and then until things run out.
            spans = (A_WHILE_S, A_LOOK_S, DAY_S, 8 * DAY_S)
            await self._turn(*self.random.choices(spans, (4, 8, 1, 1)))
            self.verbs[verb] += 1
            return
        if verb in ("again", "other_body"):
            if self.calls:
                await self._repeat(self.random.choice(self.calls), other=verb == "other_body")
                self.verbs[verb] += 1
            return
        step: Callable[[str], Awaitable[None]] = getattr(self, f"_{verb}")
        needs = {"confirm": self.intents, "cancel_intent": self.intents}
        if verb not in ("pay", "create_intent") and not needs.get(verb, self.payments):
            return
        self.verbs[verb] += 1
        await step(f"{self.seed}-{number}")

    async def _pay(self, key: str) -> None:
        token, manual = self.chance.token(), self.random.random() < 0.7
        amount = self.chance.amount("authorize", 3_000, 60_000)
        if manual and token == "tok_visa" and self.random.random() < 0.2:
            amount = self.random.choice(magic_amounts("void"))
        body = self._terms(amount, manual=manual) | {"payment_method": token}
        judged = await self._ask(
            "pay", key, PAYMENTS, body, lambda: self.naive.pay(key, amount, token, manual=manual)
        )
        assert isinstance(judged, Payment)
        await self._wait_for_a_late_bank(token, judged)

    async def _create_intent(self, key: str) -> None:
        amount, manual = self.chance.plain(3_000, 60_000), self.random.random() < 0.7
        attached = self.random.random() < 0.5
        body = self._terms(amount, manual=manual)
        body |= {"payment_method": "tok_visa"} if attached else {}
        await self._ask(
            "create_intent",
            key,
            INTENTS,
            body,
            lambda: self.naive.create_intent(key, amount, manual=manual, attached=attached),
        )

    async def _confirm(self, key: str) -> None:
        intent, token = self.random.choice(self.intents), self.chance.token()
        path = f"{INTENTS}/{intent.id}/confirm"
        judged = await self._ask(
            "confirm",
            key,
            path,
            {"payment_method": token},
            lambda: self.naive.confirm(key, intent, token),
        )
        if judged is not None and intent.payment is not None:
            await self._wait_for_a_late_bank(token, intent.payment)

    async def _capture(self, key: str) -> None:
        payment = self.chance.payment(
            self.payments, ("authorized", "captured", "partially_refunded")
        )
        amount = self.chance.part("capture", payment.capturable)
        if is_left_out(amount or payment.capturable):
            return
        final = self.random.random() < 0.15
        body: dict[str, Any] = {"final": True} if final else {}
        body |= {"amount": amount} if amount is not None else {}
        path = f"{PAYMENTS}/{payment.id}/capture"
        await self._ask(
            "capture",
            key,
            path,
            body,
            lambda: self.naive.capture(key, payment, amount, final=final),
        )

    async def _cancel(self, key: str) -> None:
        payment = self.chance.payment(self.payments, ("authorized", "pending"))
        path = f"{PAYMENTS}/{payment.id}/cancel"
        await self._ask("cancel", key, path, {}, lambda: self.naive.cancel(key, payment))

    async def _cancel_intent(self, key: str) -> None:
        intent = self.random.choice(self.intents)
        path = f"{INTENTS}/{intent.id}/cancel"
        await self._ask(
            "cancel_intent", key, path, {}, lambda: self.naive.cancel_intent(key, intent)
        )

    async def _refund(self, key: str, *, lost: bool = False) -> None:
        payment = self.chance.payment(self.payments, ("captured", "partially_refunded"))
        amount = self.chance.part("refund", payment.refundable)
        if lost:
            amount = self.random.choice(lost_amounts("refund"))
        if is_left_out(amount or payment.refundable):
            return
        body: dict[str, Any] = {"payment_id": payment.id}
        body |= {"amount": amount} if amount is not None else {}
        await self._ask(
            "refund", key, REFUNDS, body, lambda: self.naive.refund(key, payment, amount)
        )

    async def _cancel_refund(self, key: str) -> None:
        if self.random.random() < 0.4:
            await self._refund(f"{key}-lost", lost=True)
        refund = self.chance.refund(self.payments)
        if refund is None:
            return
        if not refund.id:  # nobody asked for it, so nobody was told what it is called
            listed = await self.platform.till.get(f"{REFUNDS}?payment_id={refund.payment.id}")
            (refund.id,) = [one["id"] for one in listed.json["data"]]
        if self.random.random() < 0.6:
            await self._turn(A_WHILE_S)
        path = f"{REFUNDS}/{refund.id}/cancel"
        await self._ask(
            "cancel_refund", key, path, {}, lambda: self.naive.cancel_refund(key, refund)
        )

    async def _reverse(self, key: str) -> None:
        payment = self.chance.payment(
            self.payments, ("authorized", "captured", "partially_refunded", "pending")
        )
        if is_left_out(payment.refundable):
            return
        path = f"{PAYMENTS}/{payment.id}/reverse"
        await self._ask("reverse", key, path, {}, lambda: self.naive.reverse(key, payment))

    async def _turn(self, seconds: int) -> None:
        self.trail.append(f"turn {seconds}")
        answer = await self.platform.operator.post(ADVANCE, {"seconds": seconds})
        assert answer.status == 200, answer.raw
        assert not [job for job in answer.json["jobs"] if job["failed"]], answer.raw
        self.naive.turn(seconds)

    # One call, and what it must be answered ---------------------------------------------------

    async def _ask(
        self, verb: str, key: str, path: str, body: Body, judge: Callable[[], Subject]
    ) -> Subject | None:
        answer = await self.platform.till.post(path, body, key=key)
        self.trail.append(f"{verb} {path[8:]} {dict(body)} -> {told(answer)}")
        judged: Subject | None = None
        try:
            judged = judge()
        except Refusal as refusal:
            self._require_refused(answer, refusal)
            if refusal.is_kept:
                self.naive.claims.setdefault(key, Claim(None, refusal=refusal))
        else:
            self._learn_id(key, judged, answer)
            self._require_answer(answer, judged.view())
            await self._require_same(judged)
        assert not answer.replayed, self._story()
        self._count(answer)
        claim = self.naive.claims.get(key)
        closed = claim is not None and (claim.answer is not None or claim.refusal is not None)
        self.calls.append(Call(verb, key, path, body, judge, answer, judged, closed))
        del self.calls[:-CALLS_KEPT]
        return judged

    async def _repeat(self, call: Call, *, other: bool) -> None:
        if other:
            if call.key not in self.naive.claims:
                return  # nothing is kept under it
            await self._reuse(call)
        elif call.key not in self.naive.claims:
            self.calls.remove(call)
            await self._ask(call.verb, call.key, call.path, call.body, call.judge)
        else:
            await self._ask_again(call)

    async def _reuse(self, call: Call) -> None:
        path, body = call.another_wish()
        answer = await self.platform.till.post(path, body, key=call.key)
        self.trail.append(f"other wish for {call.key} {path[8:]} {dict(body)} -> {told(answer)}")
        self._begin_again(call)
        self._require_refused(answer, Refusal(422, "idempotency_key_reused"))
        self._count(answer)

    async def _ask_again(self, call: Call) -> None:
        answer = await self.platform.till.post(call.path, call.body, key=call.key)
        self.trail.append(f"again {call.key} {call.path[8:]} -> {told(answer)}")
        claim = self._begin_again(call)
        if claim.refusal:
            self._require_refused(answer, claim.refusal)
            self._count(answer)
            return
        assert answer.replayed, self._story()
        assert claim.subject is not None
        if call.was_closed:
            assert answer.raw == call.first.raw, self._story()
        self._require_answer(answer, claim.answer or claim.subject.view())
        if call.verb == "reverse" and isinstance(claim.subject, Refund):
            self.naive.release(claim.subject.payment)
        self._count(answer)

    def _begin_again(self, call: Call) -> Claim:
        """A verb begins by asking the bank about what is open, whoever asks."""
        if call.verb == "cancel_refund":
            return self.naive.claims[call.key]  # it has ended: its bank is not asked any more
        for payment in self.payments:
            if call.verb in ("capture", "cancel", "refund", "reverse") and payment.id in (
                call.path.split("/")[4] if call.verb != "refund" else call.body["payment_id"]
            ):
                self.naive.learn(payment)
        for intent in self.intents:
            if intent.id in call.path and intent.payment:
                self.naive.learn(intent.payment)
        claim = self.naive.again(call.key)
        assert claim is not None
        return claim

    def _learn_id(self, key: str, judged: Subject, answer: Answer) -> None:
        """What the API calls it, and have it at hand."""
        assert answer.status in (200, 201), self._story(f"granted: {judged}")
        body = answer.json
        if isinstance(judged, Refund):
            judged.id = (body.get("refund") or body)["id"]
        elif isinstance(judged, Payment):
            if not judged.id:
                judged.id = body["id"]
                self._have(self.payments, judged)
        else:
            if not judged.id:
                judged.id = body["id"]
                self._have(self.intents, judged)
            if judged.payment and not judged.payment.id:
                judged.payment.id = body["payment_id"]
                self._have(self.payments, judged.payment)
                if answered := self.naive.claims[key].answer:
                    answered["payment_id"] = judged.payment.id

    @staticmethod
    def _have(those: list[Any], one: Payment | Intent) -> None:
        those.append(one)
        del those[:-AT_HAND]

    def _require_answer(self, answer: Answer, view: View) -> None:
        assert answer.status in (200, 201), self._story(str(view))
        body = answer.json
        if "way" in body:
            body = body["refund"] or body["payment"]
        assert {name: body[name] for name in view} == view, self._story(str(view))

    def _require_refused(self, answer: Answer, refusal: Refusal) -> None:
        assert answer.status >= 400, self._story(str(refusal))
        assert (answer.status, answer.code) == (refusal.status, refusal.code), self._story(
            str(refusal)
        )

    async def _require_same(self, judged: Subject) -> None:
        """As the API shows it, it is what it should be; a refund with its payment."""
        if isinstance(judged, Refund):
            await self._require_shown(f"{REFUNDS}/{judged.id}", judged.view())
            judged = judged.payment
        if isinstance(judged, Intent):
            await self._require_shown(f"{INTENTS}/{judged.id}", judged.view())
            if judged.payment is None:
                return
            judged = judged.payment
        await self._require_shown(f"{PAYMENTS}/{judged.id}", judged.view())

    async def _require_shown(self, path: str, view: View) -> None:
        answer = await self.platform.till.get(path)
        assert answer.status == 200, answer.raw
        shown = {name: answer.json[name] for name in view}
        assert shown == view, self._story(f"{path} is {shown}, should be {view}")

    def _count(self, answer: Answer) -> None:
        if answer.status >= 400:
            self.outcomes[f"{answer.status} {answer.code}"] += 1
        else:
            body = answer.json
            body = body.get("refund") or body.get("payment") or body
            self.outcomes[f"{answer.status} {body['id'][:3]} {body['status']}"] += 1

    def _story(self, expected: str = "") -> str:
        """What led here, the latest last."""
        return "\n".join([f"seed {self.seed}", *self.trail[-40:], f"expected: {expected}"])

    @staticmethod
    def _terms(amount: int, *, manual: bool) -> dict[str, Any]:
        method = "manual" if manual else "automatic"
        return {"amount": amount, "currency": "INR", "capture_method": method}

    async def _wait_for_a_late_bank(self, token: str, payment: Payment) -> None:
        """It charges when nobody listens any more; until then it would tell that it has not."""
        if token != "tok_late_charge":
            return
        bank = self.platform.sandbox.books["hdfc_bank"]
        for _ in range(200):
            if bank.find(f"{payment.id}-a1"):
                return
            await asyncio.sleep(0.05)
        raise AssertionError("the late bank never charged")
