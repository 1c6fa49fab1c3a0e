"""Accounts: opened, frozen, limited, closed. The judge decides; the facts tell themselves."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from tallystick.books.model import (
    NOBODY,
    AccountDiffers,
    AccountOrder,
    InvalidTerms,
    Terms,
    terms_of,
)
from tallystick.journal import Asked, Change, Conflict, Journal, Origin, Refused, Repeated
from tallystick.ledger import Close, Freeze, Limit, Open
from tallystick.money import Currency
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id

LIMIT_MINOR_MAX: Final = 10**18
_CODE: Final = re.compile(r"[A-Za-z0-9._:-]{1,120}", re.ASCII)
_ROUNDS: Final = 5


@dataclass(frozen=True, slots=True)
class Accounts:
    """The verbs of accounts. Each answers with the terms as they stand after it.

    All raise Refused (`unknown_account`, `account_exists`, `account_closed`,
    `account_not_empty`, `insufficient_funds`), KeyReused, and what the journal says.
    """

    journal: Journal
    clock: Clock

    async def open(
        self, order: Open, *, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> Terms:
        """A new account. Raises InvalidTerms, UnknownCurrency (of `money`)."""
        _require_sound(order)
        return await self._record(order, 1, asked, origin)

    async def freeze(
        self, order: Freeze, *, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> Terms:
        """Stop what leaves, or everything; `no` thaws. Raises InvalidTerms."""
        if order.frozen not in {"no", "outflow", "all"}:
            raise InvalidTerms("a freeze stops `no`, `outflow` or `all`")
        return await self._next(order, asked, origin)

    async def limit(
        self, order: Limit, *, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> Terms:
        """Set how far the account may be overdrawn. Raises InvalidTerms."""
        _require_limit(order.overdraft_limit_minor)
        return await self._next(order, asked, origin)

    async def close(
        self, order: Close, *, asked: Asked | None = None, origin: Origin = NOBODY
    ) -> Terms:
        """Close an empty account for good."""
        return await self._next(order, asked, origin)

    async def find_terms(self, account_id: UUID) -> Terms | None:
        """The account's terms, from its facts."""
        return terms_of(await self.journal.facts_of(account_id))

    async def ensure_open(self, opens: Sequence[Open], *, origin: Origin = NOBODY) -> None:
        """Open those that are missing, in one change; several processes may try at once.

        Raises AccountDiffers when one stands in another currency or on another side.
        """
        for order in opens:
            _require_sound(order)
        for round_ in range(_ROUNDS):
            missing = [order for order in opens if await self._is_missing(order)]
            if not missing:
                return
            change_id = new_id(self.clock.now(), bucket_of(missing[0].account_id))
            try:
                await self.journal.record(Change(change_id, accounts=tuple(missing), origin=origin))
            except (Refused, Conflict):
                # Somebody opened one of them meanwhile: look again, unless that is not it.
                if round_ == _ROUNDS - 1:
                    raise

    async def _is_missing(self, order: Open) -> bool:
        terms = await self.find_terms(order.account_id)
        if terms is None:
            return True
        if (terms.currency, terms.normal_side) != (order.currency, order.normal_side):
            raise AccountDiffers(
                f"{terms.code} is a {terms.normal_side} account in {terms.currency}"
            )
        return False

    async def _next(self, order: AccountOrder, asked: Asked | None, origin: Origin) -> Terms:
        # Only a repeat depends on the revision read here; the judge draws the real one.
        standing = await self.find_terms(order.account_id)
        revision = standing.revision + 1 if standing else 1
        return await self._record(order, revision, asked, origin)

    async def _record(
        self, order: AccountOrder, revision: int, asked: Asked | None, origin: Origin
    ) -> Terms:
        account_id = order.account_id
        claim = asked.claim(account_id, version=revision) if asked else None
        change_id = new_id(self.clock.now(), bucket_of(account_id))
        try:
            await self.journal.record(
                Change(change_id, accounts=(order,), claim=claim, origin=origin)
            )
        except Repeated as repeat:
            done = await self.journal.answer(repeat, patience_s=0)
            terms = await self._terms_as_of(done.subject_id, done.subject_version)
            return replace(terms, replayed=True)
        return await self._terms_as_of(account_id, revision)

    async def _terms_as_of(self, account_id: UUID, revision: int) -> Terms:
        terms = terms_of(await self.journal.facts_of(account_id, revision))
        if terms is None:
            raise LookupError(f"account {account_id} has no facts")
        return terms


def _require_sound(order: Open) -> None:
    Currency(order.currency)
    if _CODE.fullmatch(order.code) is None:
        raise InvalidTerms("an account's code has 1 to 120 letters, digits or . _ : -")
    if order.normal_side not in {"debit", "credit"}:
        raise InvalidTerms("an account grows on the `debit` or the `credit` side")
    _require_limit(order.overdraft_limit_minor)


def _require_limit(limit_minor: int | None) -> None:
    if limit_minor is not None and not 0 <= limit_minor <= LIMIT_MINOR_MAX:
        raise InvalidTerms(f"an overdraft limit is 0 to {LIMIT_MINOR_MAX} minor units, or none")
