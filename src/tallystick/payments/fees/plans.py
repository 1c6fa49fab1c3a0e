"""Fee plans as data: set by operators, kept as facts, followed by later ones and never altered.

A payment keeps the terms it was made on, so a plan set later never changes what it is charged.
Which plan holds is looked up at most every few seconds a merchant and process; one that is set
here holds here at once.
"""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from cachetools import TTLCache
from msgspec import Struct, structs

from tallystick.books import PLATFORM, Accounts, chart
from tallystick.identity import Merchant
from tallystick.journal import Asked, Change, Fact, Journal, Origin, Repeated
from tallystick.money import Currency
from tallystick.payments.errors import Invalid, NotFound
from tallystick.payments.fees import store as fee_store
from tallystick.payments.fees.plan_folds import (
    FEE_PLAN_SET,
    PLAN_METHODS,
    FeePlanRow,
    FeePlanSet,
    PlanBook,
)
from tallystick.payments.fees.terms import WHOLE_BP, Charge, FeeTerms, OnRefund, charge_on
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.pools import Database
from tallystick.platform.shared_loads import SharedLoads

RECENT_FOR_S: Final = 5.0  # every payment asks for its terms
RECENT_MAX: Final = 10_000
AMOUNT_MINOR_MAX: Final = 10**15
RESERVE_DAYS_MAX: Final = 3_650
NOBODY: Final = Origin()


class PlanAnswer(Struct, frozen=True):
    """A plan, and whether an earlier call with its key had set it."""

    row: FeePlanRow
    replayed: bool = False


class Preview(Struct, frozen=True):
    """What a payment of this amount would leave here if it were captured whole."""

    terms: FeeTerms
    amount_minor: int
    charge: Charge

    @property
    def payable_minor(self) -> int:
        return self.amount_minor - self.charge.total_minor


@dataclass(frozen=True)
class FeePlans:
    """The verbs of fee plans."""

    journal: Journal
    database: Database
    clock: Clock
    _recent: TTLCache[UUID, PlanBook] = field(
        default_factory=lambda: TTLCache(RECENT_MAX, RECENT_FOR_S), repr=False, compare=False
    )
    _loads: SharedLoads[UUID, PlanBook] = field(
        default_factory=SharedLoads, repr=False, compare=False
    )

    async def set(
        self, plan: FeePlanSet, *, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> PlanAnswer:
        """Let payments that are made from `valid_from` on, at the earliest now, be charged so.

        Raises Invalid (invalid_fee_plan), UnknownCurrency (of `money`), KeyReused.
        """
        _require_sound(plan)
        now = self.clock.now()
        owner_id = plan.merchant_id or PLATFORM
        plan_id = new_id(now, bucket_of(owner_id))
        claim = asked.claim(plan_id) if asked else None
        fact = Fact(
            plan_id, 1, FEE_PLAN_SET, structs.replace(plan, valid_from=max(plan.valid_from, now))
        )
        try:
            await self.journal.record(Change(plan_id, (fact,), claim=claim, origin=origin))
        except Repeated as repeat:
            done = await self.journal.answer(repeat, patience_s=0)
            return PlanAnswer(await self._get(done.subject_id), replayed=True)
        self._loads.forget()
        self._recent.clear()
        return PlanAnswer(await self._get(plan_id))

    async def get(self, plan_id: UUID, *, merchant_id: UUID | None = None) -> FeePlanRow:
        """One plan; a merchant sees only its own. Raises NotFound."""
        row = await self._get(plan_id)
        if merchant_id not in (None, row.owner_id):
            raise NotFound("there is no such fee plan", "fee_plan_not_found")
        return row

    async def list_plans(
        self,
        merchant_id: UUID | None = None,
        after: fee_store.PlanPlace | None = None,
        limit: int = 50,
    ) -> tuple[FeePlanRow, ...]:
        """All plans that were ever set, of one merchant or of all, the latest set first."""
        return await fee_store.list_plans(self.database, merchant_id, after, limit)

    async def preview(
        self, merchant: Merchant, amount_minor: int, currency: str, method: str
    ) -> Preview:
        """What a payment made now by this method would cost, captured at once.

        Raises Invalid (currency_not_enabled).
        """
        if currency not in merchant.currency_codes:
            raise Invalid(f"this merchant takes no {currency}", "currency_not_enabled")
        book = await self.book_of(merchant)
        terms = book.terms(currency, method, self.clock.now())
        return Preview(terms, amount_minor, charge_on(amount_minor, 0, Charge(), terms))

    async def book_of(self, merchant: Merchant) -> PlanBook:
        """What may be charged this merchant, as it stood at most five seconds ago."""
        known: PlanBook | None = self._recent.get(merchant.id)
        return known or await self._loads.get(merchant.id, lambda: self._load(merchant))

    async def _load(self, merchant: Merchant) -> PlanBook:
        rows = await fee_store.list_standing(
            self.database, [merchant.id, PLATFORM], self.clock.now()
        )
        onboarded = FeeTerms(merchant.fee_percent_bp, merchant.fee_fixed_minor)
        book = PlanBook.of(merchant.id, onboarded, rows)
        await self._open_reserves(merchant, rows)
        self._recent[merchant.id] = book
        return book

    async def _open_reserves(self, merchant: Merchant, rows: tuple[FeePlanRow, ...]) -> None:
        """A capture needs the account at once: it is there before any payment knows the plan."""
        held_in = {row.currency for row in rows if row.reserve_bp}
        currencies = sorted(held_in & set(merchant.currency_codes))
        if currencies:
            accounts = Accounts(self.journal, self.clock)
            await accounts.ensure_open(chart.reserve_accounts(merchant.id, currencies))

    async def _get(self, plan_id: UUID) -> FeePlanRow:
        row = await fee_store.find_plan(self.database, plan_id)
        if row is None:
            raise NotFound("there is no such fee plan", "fee_plan_not_found")
        return row


def _require_sound(plan: FeePlanSet) -> None:
    Currency(plan.currency)
    for name in ("percent_bp", "tax_bp", "reserve_bp"):
        _require(0 <= getattr(plan, name) <= WHOLE_BP, f"{name} is 0 to {WHOLE_BP} basis points")
    for name in ("fixed_minor", "minimum_minor", "cap_minor"):
        amount = getattr(plan, name)
        _require(
            amount is None or 0 <= amount <= AMOUNT_MINOR_MAX,
            f"{name} is 0 to {AMOUNT_MINOR_MAX} minor units",
        )
    cap = plan.cap_minor
    _require(cap is None or cap >= plan.minimum_minor, "a cap is not below the minimum")
    _require(plan.method in PLAN_METHODS, f"a method is one of {', '.join(PLAN_METHODS)}")
    _require(plan.on_refund in set(OnRefund), f"on a refund a fee is one of {', '.join(OnRefund)}")
    _require(
        (plan.reserve_days > 0) == (plan.reserve_bp > 0), "a reserve has a percentage and its days"
    )
    _require(0 <= plan.reserve_days <= RESERVE_DAYS_MAX, f"at most {RESERVE_DAYS_MAX} days")


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Invalid(otherwise, "invalid_fee_plan")
