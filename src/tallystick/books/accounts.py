"""Accounts: opened, frozen, limited, closed. The judge decides; the facts tell themselves."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from tallystick.books.metadata import described
from tallystick.books.model import (
    NOBODY,
    AccountDiffers,
    AccountKept,
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
_KEPT: Final = ("wallet:usr_", "wallet:mer_", "escrow:esc_")
_ROUNDS: Final = 5


@dataclass(frozen=True, slots=True)
class Accounts:
    """The verbs of accounts. Each answers with the terms as they stand after it.

    All raise AccountKept for the account of a wallet or an escrow, Refused (`unknown_account`,
    `account_exists`, `account_closed`, `account_not_empty`, `insufficient_funds`), KeyReused, and
    what the journal says.
    """

    journal: Journal
    clock: Clock

    async def open(
        self,
        order: Open,
        *,
        metadata: Mapping[str, str] | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Terms:
        """A new account, with texts of the caller's own.

        Raises InvalidTerms, AccountKept, UnknownCurrency (of `money`).
        """
        require_sound(order)
        return await self._record(order, 1, asked, origin, metadata=metadata)

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
            require_sound(order)
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
        # The judge draws the real revision; this one is where to begin looking for it.
        standing = await self.find_terms(order.account_id)
        if standing:
            _require_unkept(standing.code)
        revision = standing.revision + 1 if standing else 1
        return await self._record(order, revision, asked, origin)

    async def _record(
        self,
        order: AccountOrder,
        revision: int,
        asked: Asked | None,
        origin: Origin,
        *,
        metadata: Mapping[str, str] | None = None,
    ) -> Terms:
        account_id = order.account_id
        facts = (await described(self.journal, account_id, metadata),) if metadata else ()
        claim = asked.claim(account_id, version=revision) if asked else None
        change_id = new_id(self.clock.now(), bucket_of(account_id))
        try:
            await self.journal.record(
                Change(change_id, facts=facts, accounts=(order,), claim=claim, origin=origin)
            )
        except Repeated as repeat:
            return await answered(self.journal, repeat, order)
        return await _terms_after(self.journal, order, revision)


async def answered(journal: Journal, repeat: Repeated, order: AccountOrder) -> Terms:
    """What the first call with this key was answered. Raises KeyReused, Refused."""
    done = await journal.answer(repeat, patience_s=0)
    return replace(await _terms_after(journal, order, done.subject_version), replayed=True)


async def _terms_after(journal: Journal, order: AccountOrder, revision: int) -> Terms:
    """The terms as this order made them: the first fact that says it, from `revision` on.

    Of two verbs at once both expect the same revision, and one of them gets the next.
    """
    facts = await journal.facts_of(order.account_id)
    made = next((f for f in facts if f.version >= revision and f.data == order), None)
    terms = terms_of(f for f in facts if made is not None and f.version <= made.version)
    if terms is None:
        raise LookupError(f"account {order.account_id} has no facts")
    return terms


def require_sound(order: Open) -> None:
    """Raise InvalidTerms, AccountKept or UnknownCurrency (of `money`) for what nobody may open."""
    Currency(order.currency)
    if _CODE.fullmatch(order.code) is None:
        raise InvalidTerms("an account's code has 1 to 120 letters, digits or . _ : -")
    if order.normal_side not in {"debit", "credit"}:
        raise InvalidTerms("an account grows on the `debit` or the `credit` side")
    _require_limit(order.overdraft_limit_minor)
    _require_unkept(order.code)


def _require_unkept(code: str) -> None:
    if code.startswith(_KEPT):
        raise AccountKept("this account is part of another object: change that one instead")


def _require_limit(limit_minor: int | None) -> None:
    if limit_minor is not None and not 0 <= limit_minor <= LIMIT_MINOR_MAX:
        raise InvalidTerms(f"an overdraft limit is 0 to {LIMIT_MINOR_MAX} minor units, or none")
