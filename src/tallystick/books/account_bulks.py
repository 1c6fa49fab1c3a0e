"""Thousands of accounts in one request: each a change of its own, or all of them one change."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from tallystick.books.accounts import answered, require_sound
from tallystick.books.metadata import described
from tallystick.books.model import NOBODY, Submitted, Terms, items_of
from tallystick.journal import Asked, Change, Fact, Journal, JournalError, Origin, Repeated
from tallystick.ledger import Open
from tallystick.platform.clock import Clock
from tallystick.platform.ids import bucket_of, new_id

_SEALED_AT_ONCE: Final = 50


class NewAccount(Struct, frozen=True):
    """One account to open, and what the caller keeps beside it."""

    order: Open
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class AccountBulks:
    """Opening many accounts at once, at most `LARGEST`."""

    # So many accounts with metadata are as many rows as a batch of the journal takes.
    LARGEST: ClassVar[int] = 2_500

    journal: Journal
    clock: Clock

    async def open_all(
        self, wanted: Sequence[NewAccount], *, asked: Asked, origin: Origin = NOBODY
    ) -> list[Terms]:
        """All of them or none, in one change: a refusal is raised, as that of one account.

        Raises InvalidTerms, AccountKept, Refused, KeyReused, Conflict when a code is taken.
        """
        for new in wanted:
            require_sound(new.order)
        bulk_id = new_id(self.clock.now(), bucket_of(wanted[0].order.account_id))
        facts = [fact for told in await self._described(wanted) for fact in told]
        change = Change(
            bulk_id,
            facts=(_submitted(bulk_id, wanted), *facts),
            accounts=tuple(new.order for new in wanted),
            claim=asked.claim(bulk_id),
            origin=origin,
        )
        replayed = False
        try:
            await self.journal.record(change)
        except Repeated as repeat:
            await self.journal.answer(repeat, patience_s=0)
            replayed = True
        return [replace(_opened(new.order), replayed=replayed) for new in wanted]

    async def open_each(
        self, wanted: Sequence[NewAccount], *, asked: Asked, origin: Origin = NOBODY
    ) -> list[Terms | JournalError]:
        """Each by itself: an item holds its terms, or the error that it alone would have raised.

        Raises InvalidTerms or AccountKept for a bulk that holds what nobody may open, KeyReused.
        """
        for new in wanted:
            require_sound(new.order)
        origin = Origin(origin.actor, origin.request_id, await self._submit(wanted, asked, origin))
        facts = await self._described(wanted)
        wishes = items_of(asked, len(wanted))
        changes = [
            self._opening(new.order, told, wish, origin)
            for new, told, wish in zip(wanted, facts, wishes, strict=True)
        ]
        opened: list[Terms | JournalError] = []
        for new, outcome in zip(wanted, await self.journal.record_each(changes), strict=True):
            if isinstance(outcome, Repeated):
                # One after the other: they are rare, and the pool belongs to everybody.
                opened.append(await self._replayed(outcome, new.order))
            elif isinstance(outcome, JournalError):
                opened.append(outcome)
            else:
                opened.append(_opened(new.order))
        return opened

    async def _submit(self, wanted: Sequence[NewAccount], asked: Asked, origin: Origin) -> UUID:
        """Claim the key for the bulk as a whole, before any of its accounts is opened."""
        bulk_id = new_id(self.clock.now(), bucket_of(wanted[0].order.account_id))
        told = _submitted(bulk_id, wanted)
        change = Change(bulk_id, (told,), claim=asked.claim(bulk_id), origin=origin)
        try:
            await self.journal.record(change)
        except Repeated as repeat:
            return (await self.journal.answer(repeat, patience_s=0)).subject_id
        return bulk_id

    def _opening(
        self, order: Open, facts: tuple[Fact, ...], asked: Asked, origin: Origin
    ) -> Change:
        return Change(
            new_id(self.clock.now(), bucket_of(order.account_id)),
            facts=facts,
            accounts=(order,),
            claim=asked.claim(order.account_id),
            origin=origin,
        )

    async def _replayed(self, repeat: Repeated, order: Open) -> Terms | JournalError:
        try:
            return await answered(self.journal, repeat, order)
        except JournalError as error:
            return error

    async def _described(self, wanted: Sequence[NewAccount]) -> list[tuple[Fact, ...]]:
        """Each account's texts as a fact; those sealed at once cost one commit together."""
        facts: list[tuple[Fact, ...]] = []
        for start in range(0, len(wanted), _SEALED_AT_ONCE):
            some = wanted[start : start + _SEALED_AT_ONCE]
            facts += await asyncio.gather(*map(self._facts, some))
        return facts

    async def _facts(self, new: NewAccount) -> tuple[Fact, ...]:
        if not new.metadata:
            return ()
        return (await described(self.journal, new.order.account_id, new.metadata),)


def _submitted(bulk_id: UUID, wanted: Sequence[NewAccount]) -> Fact:
    return Fact(bulk_id, 1, "accounts.submitted", Submitted(len(wanted)))


def _opened(order: Open) -> Terms:
    """An account's terms at its opening: what was ordered."""
    return Terms(
        id=order.account_id,
        revision=1,
        code=order.code,
        currency=order.currency,
        normal_side=order.normal_side,
        overdraft_limit_minor=order.overdraft_limit_minor,
        frozen="no",
        closed_at=None,
    )
