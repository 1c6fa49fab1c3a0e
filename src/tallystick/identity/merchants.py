"""Merchants: brought on board with their accounts, and found again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from cachetools import TTLCache

from tallystick.books import chart
from tallystick.identity import store
from tallystick.identity.model import (
    NOBODY,
    ExternalIdTaken,
    FeePlan,
    InvalidMerchant,
    Merchant,
    MerchantNotFound,
    MerchantOnboarded,
)
from tallystick.journal import Change, Conflict, Fact, Journal, Origin
from tallystick.money import Currency
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id, random_bucket
from tallystick.platform.postgres.pools import Database
from tallystick.platform.shared_loads import SharedLoads

NAME_LENGTH_MAX: Final = 200
PAGE_MAX: Final = 200
RECENT_FOR_S: Final = 5.0  # every payment asks for its merchant
RECENT_MAX: Final = 10_000
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class Merchants:
    """The verbs of merchants."""

    journal: Journal
    database: Database
    clock: Clock
    recent: TTLCache[UUID, Merchant] = field(
        default_factory=lambda: TTLCache(RECENT_MAX, RECENT_FOR_S), repr=False, compare=False
    )
    loads: SharedLoads[UUID, Merchant] = field(
        default_factory=SharedLoads, repr=False, compare=False
    )

    async def onboard(
        self,
        name: str,
        external_id: str | None,
        currencies: Sequence[str],
        fee_plan: FeePlan,
        *,
        origin: Origin = NOBODY,
    ) -> Merchant:
        """A new merchant with a payable account in each of its currencies, in one change.

        Raises InvalidMerchant, ExternalIdTaken, UnknownCurrency (of `money`).
        """
        codes = _valid(name, external_id, currencies)
        await self._require_free(external_id)
        now = self.clock.now()
        merchant_id = new_id(now, random_bucket())
        onboarded = MerchantOnboarded(
            external_id=external_id,
            name_sealed=await self.journal.seal(merchant_id, {"name": name.strip()}),
            currencies=codes,
            fee_plan=fee_plan,
        )
        change = Change(
            id=new_id(now, bucket_of(merchant_id)),
            facts=(Fact(merchant_id, 1, "merchant.onboarded", onboarded),),
            accounts=chart.merchant_accounts(merchant_id, codes),
            origin=origin,
        )
        try:
            await self.journal.record(change)
        except Conflict:  # the id is new, so only the external id can be taken
            await self._require_free(external_id)
            raise
        return await self.get_merchant(merchant_id)

    async def get_merchant(self, merchant_id: UUID) -> Merchant:
        """The merchant as it was at most five seconds ago. Raises MerchantNotFound."""
        known: Merchant | None = self.recent.get(merchant_id)
        return known or await self.loads.get(merchant_id, lambda: self._load(merchant_id))

    async def find_merchant_by_external_id(self, external_id: str) -> Merchant | None:
        """The merchant that goes by this name of its own, such as `merchant_123`."""
        return await store.find_merchant_by_external_id(self.database, external_id)

    async def list_merchants(
        self, *, after: UUID | None = None, limit: int = PAGE_MAX
    ) -> tuple[Merchant, ...]:
        """A page of merchants in the order of their ids, at most 200, behind `after`."""
        return await store.list_merchants(self.database, after=after, limit=min(limit, PAGE_MAX))

    async def name_of(self, merchant: Merchant) -> str | None:
        """The merchant's name in clear; None once it was erased. Raises SealTampered."""
        clear = await self.journal.unseal(merchant.id, merchant.name_sealed)
        return None if clear is None else str(clear["name"])

    async def _load(self, merchant_id: UUID) -> Merchant:
        merchant = await store.find_merchant(self.database, merchant_id)
        if merchant is None:
            raise MerchantNotFound("no such merchant")
        self.recent[merchant_id] = merchant
        return merchant

    async def _require_free(self, external_id: str | None) -> None:
        if external_id is None:
            return
        if await store.find_merchant_by_external_id(self.database, external_id) is not None:
            raise ExternalIdTaken(f"another merchant goes by {external_id}")


def _valid(name: str, external_id: str | None, currencies: Sequence[str]) -> tuple[str, ...]:
    if not 1 <= len(name.strip()) <= NAME_LENGTH_MAX or not name.isprintable():
        raise InvalidMerchant(f"a name has 1 to {NAME_LENGTH_MAX} printable characters")
    if external_id is not None and _EXTERNAL_ID.fullmatch(external_id) is None:
        raise InvalidMerchant("an external id has 1 to 64 letters, digits or . _ : -")
    codes = tuple(dict.fromkeys(Currency(code).code for code in currencies))
    if not codes:
        raise InvalidMerchant("a merchant takes payments in at least one currency")
    return codes
