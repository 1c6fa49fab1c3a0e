"""The banks' own books held against ours, reference by reference."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from tallystick.app import App
from tallystick.payments import PaymentRow
from tallystick.sandbox import read_book, standings

LOOKS: Final = 5
LOOK_PAUSE_S: Final = 0.5

# Our words for money that moved at a bank: the fields of our row and of the bank's standing alike.
_MONEY: Final = ("captured_minor", "refunded_minor")
_NOTHING: Final = dict.fromkeys(_MONEY, 0)

Standings = dict[str, dict[str, Any]]  # by bank, then by the reference of an authorization


class Difference(Struct, frozen=True):
    """One reference about which a bank's book and ours disagree, in minor units."""

    bank: str
    reference: str
    what: str
    ours: int
    theirs: int


class Comparison(Struct, frozen=True):
    """How many references were compared, and where the books differ."""

    references: int
    differences: tuple[Difference, ...]

    @property
    def equal(self) -> bool:
        return not self.differences


async def compare_with_banks(app: App, home: Path) -> Comparison:
    """Our payments against the sandbox's books.

    While payments go on the two cannot be read at one instant, so only what differs at every one
    of several looks counts.
    """
    found = await _look(app, home)
    for _ in range(LOOKS - 1):
        if found.equal:
            return found
        await asyncio.sleep(LOOK_PAUSE_S)
        again = await _look(app, home)
        lasting = tuple(d for d in again.differences if d in found.differences)
        found = Comparison(again.references, lasting)
    return found


def compare(
    payments: Iterable[PaymentRow], banks: Mapping[str, str], theirs: Standings
) -> Comparison:
    """Every attempt of ours against the bank's standing of its reference, and the other way round.

    `banks` says which bank a route leads to. A payment whose bank still owes us an answer is left
    out: there is nothing of ours to compare yet.
    """
    left = {bank: dict(of_bank) for bank, of_bank in theirs.items()}
    differences: list[Difference] = []
    references = 0
    for payment in payments:
        settled = payment.operation is None and not payment.refund_pending_minor
        *earlier, last = payment.tried or (None,)
        for attempt in filter(None, (*earlier, last)):
            bank = banks.get(attempt.route)
            if bank is None:
                continue
            standing = left[bank].pop(attempt.reference, None)
            if settled:
                references += 1
                ours = _ours(payment) if attempt is last else _NOTHING
                differences += _differences(bank, attempt.reference, ours, standing)
    for bank, of_bank in left.items():
        references += len(of_bank)
        for reference, standing in of_bank.items():
            differences += _differences(bank, reference, _NOTHING, standing)
    return Comparison(references, tuple(differences))


async def _look(app: App, home: Path) -> Comparison:
    banks = {
        route.name: route.provider for route in app.settings.payment_routes if not route.base_url
    }
    payments = await _all_payments(app)
    theirs = await asyncio.to_thread(_standings, home / "sandbox", set(banks.values()))
    return compare(payments, banks, theirs)


async def _all_payments(app: App) -> list[PaymentRow]:
    payments: list[PaymentRow] = []
    cursor: str | None = None
    while True:
        page = await app.payments.list_payments(None, cursor=cursor)
        payments += page.rows
        cursor = page.next_cursor
        if cursor is None:
            return payments


def _standings(folder: Path, banks: Iterable[str]) -> Standings:
    now = datetime.now(UTC)
    return {bank: standings(read_book(folder / f"{bank}.db"), now) for bank in banks}


def _ours(payment: PaymentRow) -> dict[str, int]:
    return {field: getattr(payment, field) for field in _MONEY}


def _differences(
    bank: str, reference: str, ours: Mapping[str, int], standing: Any
) -> Iterator[Difference]:
    for field in _MONEY:
        theirs = getattr(standing, field) if standing else 0
        if ours[field] != theirs:
            yield Difference(bank, reference, field, ours[field], theirs)
