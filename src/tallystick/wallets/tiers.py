"""Tiers: how much a wallet may hold and spend, a tier and a currency at a time.

The limits shipped here hold until an operator sets others; those are facts, like everything else.
A wallet names its tier, so new limits hold for all its wallets from the next move on.
"""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books import PLATFORM
from tallystick.journal import Asked, Change, Conflict, Fact, Journal, Origin, Repeated
from tallystick.money import Currency
from tallystick.platform.clock import Clock
from tallystick.platform.ids import derived_id, new_id
from tallystick.platform.postgres.pools import Database
from tallystick.wallets import store
from tallystick.wallets.facts import TIER_SET, TierSet
from tallystick.wallets.folds import TierRow, tier_of
from tallystick.wallets.model import Invalid, Tier, TierNotFound
from tallystick.wallets.projections import TIERS

LIMIT_MINOR_MAX: Final = 10**15
UNLIMITED: Final = "unlimited"
USER_TIER: Final = "basic"
MERCHANT_TIER: Final = UNLIMITED
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_ROUNDS: Final = 5
NOBODY: Final = Origin()

# name, currency, a day's and a month's spending, balance; minor units. The INR figures follow the
# order of those for prepaid instruments in India: small without, large with full identification.
SHIPPED: Final = (
    Tier("basic", "INR", 1_000_000, 1_000_000, 1_000_000),
    Tier("verified", "INR", 10_000_000, 20_000_000, 20_000_000),
    Tier("basic", "USD", 20_000, 50_000, 50_000),
    Tier("verified", "USD", 200_000, 1_000_000, 1_000_000),
    Tier("basic", "EUR", 15_000, 15_000, 15_000),
    Tier("verified", "EUR", 200_000, 1_000_000, 1_000_000),
    Tier("basic", "GBP", 15_000, 40_000, 40_000),
    Tier("verified", "GBP", 200_000, 1_000_000, 1_000_000),
)
_SHIPPED: Final = {(tier.name, tier.currency): tier for tier in SHIPPED}


def tier_id(name: str, currency: str) -> UUID:
    """Where the facts of this tier in this currency stand."""
    return derived_id(PLATFORM, f"wallet_tier:{name}:{currency}")


class SetAnswer(Struct, frozen=True):
    """The limits as a call set them, and whether an earlier one with its key had."""

    tier: Tier
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Tiers:
    """The verbs of tiers."""

    journal: Journal
    database: Database
    clock: Clock

    async def get(self, name: str, currency: str) -> Tier:
        """The limits that hold now. Raises TierNotFound; `unlimited` is there in any currency."""
        row = await store.find_tier(self.database, tier_id(name, currency))
        if row is not None:
            return tier_of(row)
        return shipped_tier(name, currency)

    async def list_tiers(self) -> tuple[Tier, ...]:
        """All limits that hold now, by name and currency; there are few."""
        rows = await store.list_tiers(self.database)
        standing = _SHIPPED | {(row.name, row.currency): tier_of(row) for row in rows}
        return tuple(standing[place] for place in sorted(standing))

    async def set(
        self, tier: Tier, *, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> SetAnswer:
        """Let these limits hold from now on. What a wallet holds or has spent stays.

        Raises Invalid, UnknownCurrency (of `money`), KeyReused.
        """
        _require_sound(tier)
        subject_id = tier_id(tier.name, tier.currency)
        data = TierSet(*(getattr(tier, field) for field in tier.__struct_fields__))
        for _ in range(_ROUNDS):
            row = await store.find_tier(self.database, subject_id)
            version = row.version + 1 if row else 1
            change = Change(
                new_id(self.clock.now(), 0),
                (Fact(subject_id, version, TIER_SET, data),),
                claim=asked.claim(subject_id, version=version) if asked else None,
                origin=origin,
            )
            try:
                await self.journal.record(change)
            except Conflict:
                continue
            except Repeated as repeat:
                return await self._as_answered(repeat)
            return SetAnswer(tier)
        raise Conflict("somebody else sets these limits at the same time")

    async def _as_answered(self, repeat: Repeated) -> SetAnswer:
        claim = await self.journal.answer(repeat, patience_s=0)
        row: TierRow = await self.journal.row_as_of(TIERS, claim.subject_id, claim.subject_version)
        return SetAnswer(tier_of(row), replayed=True)


def shipped_tier(name: str, currency: str) -> Tier:
    """The limits this tier comes with. Raises TierNotFound."""
    if name == UNLIMITED:
        return Tier(name, currency)
    try:
        return _SHIPPED[name, currency]
    except KeyError:
        raise TierNotFound(f"no limits are set for tier {name} in {currency}") from None


def _require_sound(tier: Tier) -> None:
    Currency(tier.currency)
    if _NAME.fullmatch(tier.name) is None:
        raise Invalid("name", "a tier's name has 1 to 40 small letters, digits or _")
    if tier.name == UNLIMITED:
        raise Invalid("name", "this tier is without limit, and stays so")
    for field in ("daily_minor", "monthly_minor", "balance_minor"):
        limit_minor = getattr(tier, field)
        if limit_minor is not None and not 0 <= limit_minor <= LIMIT_MINOR_MAX:
            raise Invalid(field, f"a limit is 0 to {LIMIT_MINOR_MAX} minor units, or none")
