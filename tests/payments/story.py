"""Payments on paper: the pure decisions and conclusions, driven by a text table.

Each line of a case is a step, two or more spaces, and what is expected after it: the payment's
status or the code of the refusal, then figures of the payment in minor units. The words are
`intent`, `confirm`, `pay`, `bank`, `capture`, `cancel`, `refund`, `ask_again`, `call_off` and
`look` (of a refund), `let_go` (the rest that no capture took), `wait`, and `expire` (the
authorization, or its rest) and `lapse` (the intent), which do nothing before their time.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tallystick.journal import Origin, Told
from tallystick.ledger import Post, Reserve, Settle, Void
from tallystick.payments.called_off import (
    after_called_off,
    decide_asking_again,
    decide_calling_off,
)
from tallystick.payments.case_facts import CASE_KINDS
from tallystick.payments.conclusions import Conclusion
from tallystick.payments.decisions import (
    RefundTerms,
    Terms,
    Wish,
    decide_cancel,
    decide_capture,
    decide_expiry,
    decide_payment,
    decide_refund,
    decide_release,
)
from tallystick.payments.errors import PaymentsError
from tallystick.payments.fees.reserves import (
    RESERVE_KINDS,
    ReserveRow,
    fold_reserve,
    release_change,
)
from tallystick.payments.fees.terms import FeeTerms
from tallystick.payments.intent_decisions import (
    IntentTerms,
    decide_cancel_intent,
    decide_confirm,
    decide_intent,
    decide_intent_expiry,
)
from tallystick.payments.late_failures import Came, decide_late_failure
from tallystick.payments.model import Limits
from tallystick.payments.steps import Case, Moment, Steps
from tallystick.platform.ids import numbered_id
from tallystick.rails import Approved, Declined, NotFound, Outcome, Pending, Unanswered

MERCHANT = UUID("01900000-0000-7001-8000-000000000001")
PAYMENT = UUID("01900000-0000-7001-8000-000000000100")
INTENT = UUID("01900000-0000-7001-8000-000000000200")
REFUND = UUID("01900000-0000-7001-8000-000000000300")
CHANGE = UUID("01900000-0000-7001-8000-000000000400")
Order = Post | Reserve | Settle | Void
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OUTCOMES: dict[str, Outcome] = {
    "approved": Approved("bank-1"),
    "declined": Declined("card_declined", False, "05"),
    "busy": Declined("route_busy", True, "429"),
    "pending": Pending(),
    "asks": Pending("https://bank.example/challenges/7", START + timedelta(minutes=15)),
    "asks_again": Pending("https://bank.example/challenges/8"),
    "silent": Unanswered("timeout"),
    "unknown_there": NotFound(),
}


@dataclass
class Story:
    """One case as it unfolds."""

    limits: Limits = field(default_factory=Limits)
    fees: FeeTerms = field(default_factory=lambda: FeeTerms(300, 100))
    now: datetime = START
    case: Case = field(default_factory=Case)
    refunds: dict[str, Case] = field(default_factory=dict)
    changes: int = 0
    reserves: dict[UUID, ReserveRow] = field(default_factory=dict)
    walked: set[tuple[str | None, str]] = field(default_factory=set)  # every arrow taken
    moved: list[tuple[str, UUID, Order]] = field(default_factory=list)  # step, id, transfer
    opened: list[Struct] = field(default_factory=list)
    line: str = ""
    change_id: UUID = CHANGE

    def step(self, line: str) -> str:
        """Take one step; the payment's status after it, or the code of the refusal."""
        verb, *words = line.split()
        self.line, self.change_id = line, self.moment.change_id
        steps: dict[str, Callable[..., Steps | None]] = {
            "intent": self._intent,
            "pay": self._pay,
            "confirm": self._confirm,
            "bank": self._bank,
            "capture": self._capture,
            "cancel": self._cancel,
            "refund": self._refund,
            "wait": self._wait,
            "release": self._release,
            "fail": self._fail,
            "call_off": lambda name: self._of_refund(name, self._called_off),
            "ask_again": lambda name: self._of_refund(name, self._asked_again),
            "look": self._look,
            "expire": lambda: decide_expiry(self.case.the_payment(), self.moment),
            "let_go": lambda: decide_release(self.case.the_payment(), self.moment),
            "lapse": lambda: decide_intent_expiry(self.case, self.moment),
        }
        try:
            taken = steps[verb](*words)
        except PaymentsError as refused:
            return refused.code
        if taken is not None:
            self.tell(taken)
        statuses = [row.status for row in (self.case.intent, self.case.payment) if row]
        return "/".join(statuses)

    def figures(self) -> dict[str, str]:
        row = self.case.payment
        if row is None:
            return {}
        return {
            "authorized": str(row.authorized_minor),
            "captured": str(row.captured_minor),
            "refunded": str(row.refunded_minor),
            "pending": str(row.refund_pending_minor),
            "fee": str(row.fee_minor),
            "tried": str(len(row.tried)),
            "running": row.running.verb if row.running else "-",
            "failure": row.failure_code or "-",
        } | {name: case.the_refund().status for name, case in self.refunds.items()}

    @property
    def moment(self) -> Moment:
        return Moment(self.now, numbered_id(CHANGE, self.changes * 10), self.limits)

    def tell(self, steps: Steps) -> None:
        self.changes += 1
        self.case = self._advanced(self.case, steps)
        if self.case.refund:  # made by a conclusion: late money on its way back
            self.refunds["late"] = self.case
            self.case = Case(self.case.payment, self.case.intent)

    def _advanced(self, case: Case, steps: Steps) -> Case:
        for place, order in enumerate(steps.transfers):
            self.moved.append((self.line, numbered_id(self.change_id, place), order))
        for fact in case.facts(steps):
            if fact.kind in RESERVE_KINDS:
                told = Told(
                    *(0, 0, fact.aggregate_id, fact.version, fact.kind, 1, fact.data),
                    *(Origin(), self.now),
                )
                row_before = self.reserves.get(fact.aggregate_id)
                self.reserves[fact.aggregate_id] = fold_reserve(row_before, told)
                continue
            if fact.kind in CASE_KINDS:
                self.opened.append(fact.data)
                continue
            row = case.row(fact.aggregate_id)
            self.walked.add((row.status if row else None, fact.kind))
            case = case.after((fact,), self.now)
        return case

    # The steps --------------------------------------------------------------------------------

    def _intent(self, amount: str, *how: str) -> Steps:
        method = "manual" if "manual" in how else "automatic"
        token = "tok_visa" if "tok_visa" in how else None
        terms = IntentTerms(
            MERCHANT, int(amount), "INR", payment_method=token, capture_method=method
        )
        return decide_intent(INTENT, terms, self.moment)

    def _confirm(self) -> Steps:
        row = self.case.the_intent()
        terms = self._terms(row.amount_minor, row.capture_method)
        payment_id = numbered_id(PAYMENT, row.payments)
        return decide_confirm(row, payment_id, terms, Wish(INTENT), self.moment)

    def _pay(self, amount: str, *how: str) -> Steps:
        method = "manual" if "manual" in how else "automatic"
        terms = self._terms(int(amount), method)
        return decide_payment(PAYMENT, terms, Wish(PAYMENT), self.moment)

    def _terms(self, amount_minor: int, capture_method: str) -> Terms:
        return Terms(
            merchant_id=MERCHANT,
            amount_minor=amount_minor,
            currency="INR",
            payment_method="tok_visa",
            routes=("hdfc_bank", "icici_bank"),
            fee_percent_bp=self.fees.percent_bp,
            fee_fixed_minor=self.fees.fixed_minor,
            fee_terms=self.fees.recorded,
            capture_method=capture_method,
            intent_id=INTENT if self.case.intent else None,
        )

    def _bank(self, *words: str) -> Steps | None:
        name, outcome = ("", words[0]) if len(words) == 1 else words
        if not name:
            return self._concluded(self.case, outcome)
        return self._of_refund(name, lambda case: self._concluded(case, outcome))

    def _look(self, name: str, outcome: str) -> Steps | None:
        """Recovery asks about a refund that was called off."""
        return self._of_refund(
            name, lambda case: after_called_off(case, OUTCOMES[outcome], self.moment)
        )

    def _called_off(self, case: Case) -> Steps:
        return decide_calling_off(case, self.moment)

    def _asked_again(self, case: Case) -> Steps:
        return decide_asking_again(case.the_refund(), self.moment)

    def _of_refund(self, name: str, decide: Callable[[Case], Steps]) -> Steps | None:
        """What happens to a refund; of it, what the payment is told."""
        case = Case(self.case.payment, refund=self.refunds[name].refund)
        taken = decide(case)
        self.refunds[name] = self._advanced(case, taken)
        of_payment = tuple(t for t in taken.told if t[0] == self.case.the_payment().id)
        return Steps(of_payment) if of_payment else None

    def _concluded(self, case: Case, outcome: str) -> Steps:
        assert case.operation is not None, "nothing runs at the bank"
        return Conclusion(case, case.operation, self.moment).of(OUTCOMES[outcome])

    def _capture(self, *words: str) -> Steps:
        amount = next((int(word) for word in words if word.isdigit()), None)
        return decide_capture(
            self.case.the_payment(),
            amount,
            final="final" in words,
            wish=Wish(PAYMENT),
            moment=self.moment,
        )

    def _cancel(self) -> Steps:
        cancel = decide_cancel_intent if self.case.intent else decide_cancel
        return cancel(self.case, "abandoned", Wish(PAYMENT), self.moment)

    def _refund(self, name: str, amount: str | None = None, available: str | None = None) -> Steps:
        refund_id = numbered_id(REFUND, len(self.refunds))
        available_minor = int(available) if available else None
        terms = RefundTerms(int(amount) if amount else None, available_minor=available_minor)
        row = self.case.the_payment()
        steps = decide_refund(row, refund_id, terms, Wish(refund_id), self.moment)
        self.refunds[name] = self._advanced(Case(row), steps)
        return Steps(tuple(t for t in steps.told if t[0] == row.id))

    def _release(self) -> None:
        """The reserves' days are over: the job releases each."""
        for row in self.reserves.values():
            change = release_change(row, self.moment.change_id)
            (post,) = change.transfers
            assert isinstance(post, Post)
            self.moved.append((self.line, change.id, post))

    def _fail(self, available: str = "0") -> Steps:
        """The bank says late that no money came; the merchant has so much left."""
        row = self.case.the_payment()
        charged = row.kept.fee_minor + row.kept.tax_minor
        reserves = tuple(one for one in self.reserves.values() if one.status == "held")
        came = Came(row.captured_minor - charged, 0, int(available), reserves)
        case = replace(self.case, beside={one.id: one.version for one in reserves})
        self.case = case
        return decide_late_failure(case, came, "recalled", self.moment)

    def _wait(self, seconds: str) -> None:
        self.now += timedelta(seconds=int(seconds))


def read_cases(folder: Path) -> list[tuple[str, list[str]]]:
    """Every case of every file: its title and its lines."""
    cases: list[tuple[str, list[str]]] = []
    for path in sorted(folder.glob("*.txt")):
        for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8").strip()):
            title, *lines = block.splitlines()
            cases.append((f"{path.stem}: {title.lstrip('# ')}", lines))
    return cases


def expected(line: str) -> tuple[str, str, dict[str, str]]:
    """A line's step, the status after it, and the figures."""
    step, status, *figures = re.split(r"\s{2,}", line.strip())
    pairs = [pair.partition("=") for pair in " ".join(figures).split()]
    return step, status, {name: value for name, _, value in pairs}
