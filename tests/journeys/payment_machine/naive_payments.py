"""Payments as one would write them down in an hour: what the API must answer, whatever comes.

Pure, and without the code it is held against. One call is judged at a time; the banks of the
sandbox do as their table of magic says; time moves only when it is turned.
"""

from typing import Final

from tests.journeys.payment_machine.fates import Fate, fate_of
from tests.journeys.payment_machine.nouns import (
    CAPTURABLE,
    Asked,
    Claim,
    Intent,
    Payment,
    Refund,
    Refusal,
    Subject,
)

DAY_S: Final = 86_400
LOOK_S: Final = 60  # from the asking to recovery's look
SETTLE_S: Final = 30  # before that a bank's "not found" is not believed
FEE_BP, FEE_FIXED = 300, 100


class NaivePayments:
    """All payments of one merchant, his money, and the keys that were used."""

    def __init__(self) -> None:
        self.now = 0
        self.payable = 0
        self.available = 0
        self.claims: dict[str, Claim] = {}
        self.payments: list[Payment] = []  # those of which time may still make something else
        self.intents: list[Intent] = []

    # What callers ask -------------------------------------------------------------------------

    def pay(self, key: str, amount: int, token: str, *, manual: bool) -> Payment:
        payment = Payment(amount, manual)
        self.claims[key] = Claim(payment)
        self._authorize(payment, token, key, payment)
        return payment

    def create_intent(self, key: str, amount: int, *, manual: bool, attached: bool) -> Intent:
        intent = Intent(amount, manual, self.now + DAY_S)
        intent.status = "requires_confirmation" if attached else "requires_payment_method"
        self.intents.append(intent)
        self.claims[key] = Claim(intent, intent.view())
        return intent

    def confirm(self, key: str, intent: Intent, token: str) -> Intent:
        if intent.payment:
            self.learn(intent.payment)
        if intent.status not in ("requires_payment_method", "requires_confirmation"):
            raise Refusal(409, "intent_not_confirmable")
        if self.now >= intent.expires_at:
            raise Refusal(409, "intent_expired")
        payment = Payment(intent.amount, intent.manual, intent)
        intent.payment, intent.status, intent.failure_code = payment, "processing", None
        self.claims[key] = Claim(intent)
        self._authorize(payment, token, key, intent)
        return intent

    def capture(self, key: str, payment: Payment, amount: int | None, *, final: bool) -> Payment:
        self.learn(payment)
        self._require_idle(payment)
        if payment.status not in CAPTURABLE or payment.closed:
            raise Refusal(409, "payment_not_capturable")
        if self.now >= payment.expires_at:
            raise Refusal(409, "authorization_expired")
        taken = payment.capturable if amount is None else amount
        if taken > payment.capturable:
            raise Refusal(422, "capture_exceeds_authorization")
        last = final or taken == payment.capturable
        self.claims[key] = Claim(payment)
        self._ask(payment, Asked("capture", fate_of("capture", taken), taken, last, key=key))
        return payment

    def cancel(self, key: str, payment: Payment, *, subject: Subject | None = None) -> Subject:
        """Of a payment, or of the intent that waits for it."""
        self.learn(payment)
        if payment.status == "pending" and payment.open:
            self._give_up(payment)
            self.claims[key] = Claim(subject or payment, (subject or payment).view())
            return subject or payment
        self._require_idle(payment)
        if payment.status != "authorized":
            raise Refusal(409, "payment_not_cancellable")
        self.claims[key] = Claim(subject or payment)
        asked = Asked("void", fate_of("void", payment.amount), key=key, subject=subject)
        self._ask(payment, asked)
        return subject or payment

    def cancel_intent(self, key: str, intent: Intent) -> Subject:
        if intent.payment:
            self.learn(intent.payment)
        if intent.status in ("requires_payment_method", "requires_confirmation"):
            intent.status, intent.cancellation_reason = "cancelled", "requested_by_customer"
            self.claims[key] = Claim(intent, intent.view())
            return intent
        if intent.status not in ("processing", "requires_capture") or intent.payment is None:
            raise Refusal(409, "intent_not_cancellable")
        return self.cancel(key, intent.payment, subject=intent)

    def refund(self, key: str, payment: Payment, amount: int | None) -> Refund:
        self.learn(payment)
        if payment.status not in ("captured", "partially_refunded") or payment.refundable <= 0:
            raise Refusal(409, "payment_not_refundable")
        given = payment.refundable if amount is None else amount
        if given > payment.refundable:
            raise Refusal(422, "refund_exceeds_captured")
        if given > self.available:
            refusal = Refusal(422, "refund_exceeds_balance")
            self.claims[key] = Claim(None, refusal=refusal)
            raise refusal
        refund = Refund(payment, given)
        payment.refunds.append(refund)
        payment.refund_pending += given
        self.available -= given
        self.claims[key] = Claim(refund)
        self._ask_refund(refund, Asked("refund", fate_of("refund", given), given, key=key))
        return refund

    def cancel_refund(self, key: str, refund: Refund) -> Refund:
        """Its bank is asked about this refund, and about nothing else."""
        if refund.status != "pending" or refund.ours:
            raise Refusal(409, "refund_not_cancellable")
        asked = refund.open
        assert asked is not None
        if not self._is_known(asked):
            raise Refusal(409, "refund_in_doubt")
        if asked.fate is not Fate.NOT_DONE:
            self._conclude_refund(refund)
            raise Refusal(409, "refund_not_cancellable")
        refund.status, refund.open = "cancelled", None
        refund.payment.refund_pending -= refund.amount
        self.available += refund.amount
        self._close(asked, refund)
        self.claims[key] = Claim(refund, refund.view())
        return refund

    def reverse(self, key: str, payment: Payment) -> Subject:
        """The payment where it was voided, or the refund."""
        self.learn(payment)
        if payment.status in ("pending", "authorized"):
            return self.cancel(key, payment)
        if payment.status not in ("captured", "partially_refunded"):
            raise Refusal(409, "payment_not_reversible")
        if payment.open and payment.open.verb == "capture":
            raise Refusal(409, "payment_busy")
        if payment.refundable <= 0:
            raise Refusal(409, "payment_not_reversible")
        refund = self.refund(key, payment, None)
        self.release(payment)
        return refund

    def release(self, payment: Payment) -> None:
        """Let go of what no capture took; nobody waits for it."""
        if payment.status != "authorized" and payment.held and not payment.open:
            self._ask(payment, Asked("void", fate_of("void", payment.amount)))

    def again(self, key: str) -> Claim | None:
        """What a key that was used before stands for, once the bank was asked about its end."""
        claim = self.claims.get(key)
        if claim is not None and claim.subject is not None:
            self.learn_of(claim.subject)
        return claim

    # What time does ---------------------------------------------------------------------------

    def turn(self, seconds: int) -> None:
        """One round of the jobs at the later time."""
        self.now += seconds
        open_intents = [
            intent
            for intent in self.intents
            if intent.status in ("requires_payment_method", "requires_confirmation")
            and intent.expires_at <= self.now
        ]
        refunds = [refund for p in self.payments for refund in p.refunds if self._due(refund.open)]
        for payment in list(self.payments):
            if self._due(payment.open):
                self._conclude(payment)
            elif not payment.open and payment.held and payment.expires_at <= self.now:
                fate = fate_of("void", payment.amount)
                self._ask(payment, Asked("void", fate, expired=True))
        for refund in refunds:
            self._conclude_refund(refund)
        for intent in open_intents:
            intent.status = "expired"
        self.payments = [
            p for p in self.payments if p.open or p.held or any(r.open for r in p.refunds)
        ]
        over = ("succeeded", "cancelled", "expired")
        self.intents = [intent for intent in self.intents if intent.status not in over]

    def learn_of(self, subject: Subject) -> None:
        payment = subject if isinstance(subject, Payment) else subject.payment
        if payment is not None:
            self.learn(payment)

    def learn(self, payment: Payment) -> None:
        """What every verb begins with: the bank is asked what became of what is open."""
        known = payment.open is not None and self._is_known(payment.open)
        if known and payment.status not in ("failed", "cancelled"):
            self._conclude(payment)
        for refund in payment.refunds:
            if refund.open and self._is_known(refund.open) and not refund.ours:
                self._conclude_refund(refund)

    def _is_known(self, asked: Asked) -> bool:
        """Whether asking the bank ends it: what never arrived is believed, or asked again."""
        if asked.fate is Fate.DONE:
            return True
        return self.now - asked.at >= (SETTLE_S if asked.fate is Fate.NOT_DONE else 1)

    def _due(self, asked: Asked | None) -> bool:
        return asked is not None and self.now >= asked.at + LOOK_S

    # What banks do ----------------------------------------------------------------------------

    def _authorize(self, payment: Payment, token: str, key: str, subject: Subject) -> None:
        self.payments.append(payment)
        fate = fate_of("authorize", payment.amount, token)
        self._ask(payment, Asked("authorize", fate, payment.amount, key=key, subject=subject))

    def _ask(self, payment: Payment, asked: Asked) -> None:
        if payment not in self.payments:
            self.payments.append(payment)
        payment.open, asked.at = asked, self.now
        if asked.fate.is_said:
            self._conclude(payment)

    def _ask_refund(self, refund: Refund, asked: Asked) -> None:
        if refund.payment not in self.payments:
            self.payments.append(refund.payment)
        refund.open, asked.at = asked, self.now
        if asked.fate.is_said:
            self._conclude_refund(refund)

    def _conclude(self, payment: Payment) -> None:
        """The bank's word is known: as time has come, or as it was found out."""
        asked, payment.open = payment.open, None
        assert asked is not None
        concluded = {
            "authorize": self._authorized,
            "capture": self._captured,
            "void": self._voided,
        }
        concluded[asked.verb](payment, asked)

    def _authorized(self, payment: Payment, asked: Asked) -> None:
        if payment.status == "cancelled":
            self._approved_late(payment, asked)
            return
        code = asked.fate.code
        if code is not None:
            payment.status, payment.failure_code = "failed", code
            if payment.intent:
                payment.intent.status, payment.intent.failure_code = "requires_payment_method", code
        else:
            payment.status, payment.authorized = "authorized", payment.amount
            payment.expires_at = self.now + 7 * DAY_S
            if payment.intent:
                payment.intent.status = "requires_capture"
            if not payment.manual:
                self._take(payment, payment.amount, final=True)
        self._close(asked, payment)

    def _approved_late(self, payment: Payment, asked: Asked) -> None:
        """It was given up: what the bank approves is voided, what it took is given back."""
        if asked.fate.code is not None:
            return
        payment.authorized = payment.amount
        if not payment.manual:
            payment.captured, payment.closed = payment.amount, True
            refund = Refund(payment, payment.amount, ours=True)
            refund.open = Asked("refund", Fate.DONE, payment.amount, at=self.now)
            payment.refund_pending = payment.amount
            payment.refunds.append(refund)

    def _captured(self, payment: Payment, asked: Asked) -> None:
        if asked.fate.is_no:
            self._refuse(asked, "capture_declined")
        self._take(payment, asked.amount, final=asked.final)
        self._close(asked, payment)

    def _take(self, payment: Payment, amount: int, *, final: bool) -> None:
        payment.captured += amount
        total = FEE_FIXED + (payment.captured * FEE_BP + 5_000) // 10_000
        fee = min(max(0, min(total, payment.captured) - payment.fee), amount)
        payment.fee += fee
        payment.closed = payment.closed or final
        self.payable += amount - fee
        self.available += amount - fee
        after = {"authorized": "captured", "refunded": "partially_refunded"}
        payment.status = after.get(payment.status, payment.status)
        if payment.intent and payment.intent.status in ("requires_capture", "processing"):
            payment.intent.status = "succeeded"

    def _voided(self, payment: Payment, asked: Asked) -> None:
        no = asked.fate.is_no and not asked.expired
        if payment.captured:
            payment.closed = payment.closed or not no
        elif no:
            self._refuse(asked, "cancel_declined")
        else:
            payment.status = "expired" if asked.expired else "cancelled"
            if payment.intent and payment.intent.payment is payment:
                payment.intent.status = payment.status
                if not asked.expired:
                    payment.intent.cancellation_reason = "requested_by_customer"
            self._close(asked, payment)

    def _conclude_refund(self, refund: Refund) -> None:
        asked, refund.open = refund.open, None
        assert asked is not None
        payment = refund.payment
        payment.refund_pending -= refund.amount
        if asked.fate.is_no:
            refund.status, refund.failure_code = "failed", "card_declined"
            self.available += refund.amount
        else:
            refund.status = "succeeded"
            payment.refunded += refund.amount
            self.payable -= 0 if refund.ours else refund.amount
            left = payment.captured - payment.refunded
            payment.status = "partially_refunded" if left else "refunded"
        self._close(asked, refund)

    # What all of them share -------------------------------------------------------------------

    def _give_up(self, payment: Payment) -> None:
        assert payment.open is not None
        self._close(payment.open, payment, cancelled=True)
        payment.open.key = None

    def _close(self, asked: Asked, subject: Subject, *, cancelled: bool = False) -> None:
        """The claim that waited has its answer."""
        if cancelled and isinstance(subject, Payment):
            subject.status = "cancelled"
            if subject.intent:
                subject.intent.status = "cancelled"
                subject.intent.cancellation_reason = "requested_by_customer"
        if asked.key is not None:
            self.claims[asked.key].answer = (asked.subject or subject).view()

    def _refuse(self, asked: Asked, code: str) -> None:
        """The bank's no is the answer."""
        refusal = Refusal(422, code)
        if asked.key is not None:
            self.claims[asked.key].refusal = refusal
        raise refusal

    @staticmethod
    def _require_idle(payment: Payment) -> None:
        if payment.open and payment.status not in ("failed", "cancelled"):
            raise Refusal(409, "payment_busy")
