"""Our book beside the banks' own, by reference: nothing missing, nothing extra, nothing doubled.

Ours is read from the facts alone, so that neither our tables nor our code for them is believed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct, structs, to_builtins

from tallystick.app import App
from tallystick.books import PLATFORM, account_id, chart
from tallystick.books.chart import WALLET_ROUTE
from tallystick.sandbox import BankBook, Sandbox
from tallystick.sandbox.model import Operation

_PAGE = 1_000


class Effect(Struct, frozen=True, order=True):
    """Something a bank did, under our reference; `captured` is what it took in the same breath."""

    bank: str
    reference: str
    kind: str
    amount_minor: int
    captured_minor: int = 0


async def require_same_books(app: App, sandbox: Sandbox, now: datetime) -> list[Effect]:
    """Fails unless both books tell the same, to the minor unit; what they tell.

    For a quiet moment: nothing may be on its way, and nothing still unknown. `now` is the banks'.
    """
    theirs = sorted([*await list_their_effects(sandbox.books, now), *await _list_wallets(app)])
    ours = await list_our_effects(app, await _list_refused(sandbox.books, now))
    assert ours == theirs, (
        f"only ours: {sorted(set(ours) - set(theirs))};"
        f" only theirs: {sorted(set(theirs) - set(ours))}"
    )
    assert len({effect.reference for effect in theirs}) == len(theirs)
    for (bank, currency), owed_minor in (await _list_owed(sandbox.books, app.clock.now())).items():
        code = chart.clearing_code(bank, currency)
        account = await app.ledger.find_account(account_id(PLATFORM, code))
        assert account is not None, code
        assert account.posted_minor == owed_minor, (code, account.posted_minor, owed_minor)
        assert (account.pending_in_minor, account.pending_out_minor) == (0, 0), code
    return theirs


async def list_their_effects(books: Mapping[str, BankBook], now: datetime) -> list[Effect]:
    """What the banks had done by now, as their own books tell."""
    effects = [
        Effect(
            bank=bank,
            reference=operation.reference,
            kind=str(operation.kind),
            amount_minor=operation.amount_minor,
            captured_minor=operation.amount_minor if operation.capture else 0,
        )
        for bank, book in books.items()
        for operation in _approved(await book.operations(), now)
    ]
    return sorted(effects)


async def _list_wallets(app: App) -> list[Effect]:
    """What our own wallets did for payments, as their rail tells: no bank stands behind them."""
    records = await app.database.fetch(
        "SELECT reference, order_kind, amount_minor FROM wallet_orders WHERE status = 'approved'"
    )
    return [
        Effect(WALLET_ROUTE, reference, "authorization", amount_minor, amount_minor)
        if kind == "charge"
        else Effect(WALLET_ROUTE, reference, kind, amount_minor)
        for reference, kind, amount_minor in records
    ]


async def list_our_effects(app: App, refused: frozenset[str] = frozenset()) -> list[Effect]:
    """What the banks did, as our journal tells.

    What has run out has done so even where a bank refused to void it: such references are
    `refused`, and none of its effects.
    """
    readers: dict[UUID, _PaymentReader | _RefundReader] = {}
    position = 0
    while facts := await app.journal.facts_after(0, position, _PAGE):
        for fact in facts:
            room = fact.kind.partition(".")[0]
            if room == "refund":
                reader = readers.setdefault(fact.aggregate_id, _RefundReader())
            elif room == "payment" and fact.kind != "payment.recorded":
                reader = readers.setdefault(fact.aggregate_id, _PaymentReader(refused))
            else:
                continue
            reader.read(fact.kind.partition(".")[2], to_builtins(fact.data))
        position = facts[-1].position
    return sorted(effect for reader in readers.values() for effect in reader.effects)


class _PaymentReader:
    """Reads one payment's facts in their order."""

    def __init__(self, refused: frozenset[str]) -> None:
        self.effects: list[Effect] = []
        self._refused = refused
        self._ran_out = False
        self._amount_minor = 0
        self._bank = ""
        self._asked: tuple[str, int] | None = None

    def read(self, kind: str, data: dict[str, Any]) -> None:
        match kind:
            case "initiated":
                self._amount_minor = data["amount_minor"]
            case "attempt_sending":
                self._bank = data["route"]
                self._asked = data["reference"], self._amount_minor
            case "capture_sending":
                self._asked = data["reference"], data["amount_minor"]
            case "cancel_sending" | "reversal_sending":
                self._asked = data["reference"], 0
                self._ran_out = data.get("why") == "expired"
            case "authorized" | "late_approval":
                self._happened("authorization")
            case "captured":
                self._captured(data["amount_minor"])
            case "expired" | "rest_released" if self._ran_out and self._was_refused():
                self._asked = None
            case "cancelled" | "reversed" | "expired" | "rest_released":
                self._happened("void")

    def _captured(self, amount_minor: int) -> None:
        if self._asked is None:  # together with the authorization
            last = self.effects.pop()
            assert last.kind == "authorization", last
            self.effects.append(structs.replace(last, captured_minor=amount_minor))
        else:
            assert self._asked[1] == amount_minor
            self._happened("capture")

    def _was_refused(self) -> bool:
        return self._asked is not None and self._asked[0] in self._refused

    def _happened(self, kind: str) -> None:
        assert self._asked is not None, kind
        reference, amount_minor = self._asked
        self.effects.append(Effect(self._bank, reference, kind, amount_minor))
        self._asked = None


class _RefundReader:
    """Reads one refund's facts in their order."""

    def __init__(self) -> None:
        self.effects: Sequence[Effect] = ()
        self._asked: dict[str, Any] = {}

    def read(self, kind: str, data: dict[str, Any]) -> None:
        if kind == "initiated":
            self._asked = data
        elif kind == "succeeded":
            assert not self.effects
            asked = self._asked
            self.effects = [
                Effect(asked["route"], asked["reference"], "refund", asked["amount_minor"])
            ]


async def _list_refused(books: Mapping[str, BankBook], now: datetime) -> frozenset[str]:
    """The voids that the banks would not make."""
    refused: set[str] = set()
    for book in books.values():
        refused |= {
            operation.reference
            for operation in await book.operations()
            if operation.kind == "void" and operation.status_at(now) == "declined"
        }
    return frozenset(refused)


async def _list_owed(books: Mapping[str, BankBook], now: datetime) -> Counter[tuple[str, str]]:
    """What each bank owes us by its own book: captured less refunded and lost, by currency."""
    owed: Counter[tuple[str, str]] = Counter()
    for bank, book in books.items():
        for operation in _approved(await book.operations(), now):
            taken = operation.kind == "capture" or operation.capture
            sign = 1 if taken else -1 if operation.kind == "refund" else 0
            owed[bank, operation.currency] += sign * operation.amount_minor
        for case in book.disputes.list_after(0, 10_000):
            if case.status_at(now) == "lost":
                owed[bank, case.dispute.currency] -= case.dispute.amount_minor
    return owed


def _approved(operations: Iterable[Operation], now: datetime) -> Iterator[Operation]:
    return (operation for operation in operations if operation.status_at(now) == "approved")
