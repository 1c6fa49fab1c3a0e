"""What the tests of payments speak to, and short ways to say the usual things."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from tallystick.books import PLATFORM, account_id, chart
from tallystick.identity import Merchant
from tallystick.journal import Asked
from tallystick.ledger import Ledger
from tallystick.payments import (
    Answer,
    Intents,
    Operations,
    PaymentRow,
    Payments,
    Recovery,
    RefundRow,
    Refunds,
)
from tallystick.payments.customers import MethodWish
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id, random_bucket
from tallystick.sandbox import BankBook, standings
from tallystick.wallets import Tiers, Wallets

_keys = count(1)


def a_key(scope: str = "test", key: str | None = None, body: bytes = b"{}") -> Asked:
    """A caller's idempotency key: a fresh one unless named."""
    return Asked(scope, key or f"key-{next(_keys)}", body)


@dataclass(frozen=True)
class Desk:
    """The room, its merchant, the clock and the banks' own books."""

    merchant: Merchant
    operations: Operations
    intents: Intents
    payments: Payments
    refunds: Refunds
    recovery: Recovery
    clock: HandClock
    books: Mapping[str, BankBook] = field(repr=False)

    async def pay(
        self, amount_minor: int = 10_000, token: str | MethodWish = "tok_visa", **options: Any
    ) -> PaymentRow:
        answer = await self.payments.create(
            self.merchant,
            amount_minor=amount_minor,
            currency=options.pop("currency", "INR"),
            payment_method=token,
            **options,
        )
        return answer.row

    async def hold(
        self, amount_minor: int = 10_000, token: str = "tok_visa", **options: Any
    ) -> PaymentRow:
        return await self.pay(amount_minor, token, capture=False, **options)

    async def capture(self, row: PaymentRow, *args: Any, **options: Any) -> PaymentRow:
        return (await self.payments.capture(row.id, *args, **options)).row

    async def refund(self, row: PaymentRow, **options: Any) -> RefundRow:
        return (await self.refunds.create(row.id, **options)).row

    async def look(self, row: PaymentRow) -> PaymentRow:
        return (await self.payments.get(row.id)).row

    async def recover(self, after: timedelta = timedelta(seconds=61)) -> None:
        """Turn the clock and let recovery do what is due."""
        await asyncio.sleep(0.02)  # banks keep their own time: what is pending there gets decided
        self.clock.advance(after)
        await self.recovery.run_once()

    async def open_wallet(self, owner_kind: str = "user") -> UUID:
        """A new owner's wallet, empty."""
        operations, owner_id = self.operations, new_id(self.clock.now(), random_bucket())
        wallets = Wallets(
            operations.journal,
            operations.database,
            Ledger(operations.database),
            self.clock,
            Tiers(operations.journal, operations.database, self.clock),
        )
        return (await wallets.open(owner_id, "INR", owner_kind=owner_kind)).wallet.id

    # The books --------------------------------------------------------------------------------

    async def balance(self, owner_id: UUID, code: str) -> tuple[int, int]:
        """What an account holds, and what of it is promised away."""
        row = await self.operations.database.fetchrow(
            "SELECT normal_side, debits_posted, credits_posted, debits_pending, credits_pending"
            " FROM ledger_accounts WHERE id = $1",
            account_id(owner_id, code),
        )
        assert row is not None, f"no account {code}"
        sign = 1 if row["normal_side"] == "debit" else -1
        pending = row["credits_pending"] if sign == 1 else row["debits_pending"]
        return sign * (row["debits_posted"] - row["credits_posted"]), pending

    async def payable(self, currency: str = "INR") -> int:
        code = chart.payable_code(self.merchant.id, currency)
        return (await self.balance(self.merchant.id, code))[0]

    async def reserved(self, currency: str = "INR") -> int:
        code = chart.payable_code(self.merchant.id, currency)
        return (await self.balance(self.merchant.id, code))[1]

    async def fees(self, currency: str = "INR") -> int:
        return (await self.balance(PLATFORM, chart.fees_code(currency)))[0]

    async def suspense(self, currency: str = "INR") -> int:
        return (await self.balance(PLATFORM, chart.suspense_code(currency)))[0]

    async def clearing(self, route: str = "hdfc_bank", currency: str = "INR") -> int:
        return (await self.balance(PLATFORM, chart.clearing_code(route, currency)))[0]

    async def bank_says(self, row: PaymentRow) -> tuple[int, int, int, bool]:
        """The bank's own book about a payment: authorized, captured, refunded, voided."""
        totals = [0, 0, 0]
        voided = False
        for book in self.books.values():
            mine = [
                operation
                for operation in await book.operations()
                if operation.authorization_reference in {tried.reference for tried in row.tried}
            ]
            now = max((operation.decided_at for operation in mine), default=None)
            if now is None:
                continue
            for standing in standings(mine, now).values():
                totals[0] += standing.authorized_minor
                totals[1] += standing.captured_minor
                totals[2] += standing.refunded_minor
                voided = voided or standing.voided
        return totals[0], totals[1], totals[2], voided


async def all_of(*waiting: Any) -> list[Any]:
    """The outcomes of everything at once, errors among them."""
    return await asyncio.gather(*waiting, return_exceptions=True)


def codes(answers: list[Any]) -> list[str]:
    """The codes of what failed."""
    return [str(getattr(answer, "code", answer)) for answer in answers if not _said(answer)]


def rows(answers: list[Any]) -> list[Any]:
    """The rows of what succeeded."""
    return [answer.row for answer in answers if _said(answer)]


def _said(answer: Any) -> bool:
    return isinstance(answer, Answer)
