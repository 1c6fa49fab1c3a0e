"""Customers of merchants: known by name, changed, closed for good, erased."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tallystick.identity import Merchant
from tallystick.journal import Asked, Journal, Origin
from tallystick.payments.customers import store as customer_store
from tallystick.payments.customers.decisions import (
    Facts,
    decide_close,
    decide_creation,
    decide_erasure,
    decide_update,
    reference_after,
    text_after,
)
from tallystick.payments.customers.folds import CUSTOMERS
from tallystick.payments.customers.model import CustomerRow, CustomerTerms, Saved
from tallystick.payments.customers.payment_methods import PaymentMethods
from tallystick.payments.customers.records import NOBODY, CustomerRecords
from tallystick.payments.customers.store import CustomersWanted
from tallystick.payments.errors import NotFound, NotPossible
from tallystick.payments.pages import PAGE_MAX, Page
from tallystick.platform.clock import Clock
from tallystick.platform.postgres.pools import Database

_SUBJECTS: Final = 1_000


@dataclass(frozen=True)
class Customers:
    """The verbs of customers; those of their payment methods are `methods`."""

    records: CustomerRecords
    methods: PaymentMethods

    @classmethod
    def over(cls, journal: Journal, database: Database, clock: Clock) -> "Customers":
        """Customers kept by this journal."""
        records = CustomerRecords(journal, database, clock)
        return cls(records, PaymentMethods(records))

    async def create(
        self,
        merchant: Merchant,
        terms: CustomerTerms,
        *,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Saved[CustomerRow]:
        """A new customer; all that is personal is kept sealed under a key of its own.

        Raises Invalid (invalid_customer), NotPossible (customer_reference_taken).
        """
        customer_id = self.records.new_id(merchant.id)
        reference = reference_after(None, terms)
        sealed = await self.records.journal.seal(customer_id, text_after({}, terms))

        async def decide() -> Facts:
            await self._require_free(merchant.id, reference)
            return decide_creation(customer_id, merchant.id, reference, sealed)

        return await self.records.record(CUSTOMERS, decide, asked, origin)

    async def update(
        self,
        customer_id: UUID,
        terms: CustomerTerms,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Saved[CustomerRow]:
        """Say something else of a customer; what is not mentioned stays.

        Raises NotFound, Invalid, NotPossible (customer_closed, customer_reference_taken).
        """

        async def decide() -> Facts:
            row = await self.load(customer_id, merchant_id)
            before = await self.records.clear_text(row)
            reference = reference_after(row.reference, terms)
            if reference != row.reference:
                await self._require_free(row.merchant_id, reference)
            sealed = await self.records.journal.seal(row.id, text_after(before, terms))
            return decide_update(row, reference, sealed)

        return await self.records.record(CUSTOMERS, decide, asked, origin)

    async def close(
        self,
        customer_id: UUID,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Saved[CustomerRow]:
        """Close a customer for good, and detach every payment method.

        Its text stays until it is erased. Raises NotFound, NotPossible (customer_closed).
        """

        async def decide() -> Facts:
            row = await self.load(customer_id, merchant_id)
            return decide_close(row, await self.methods.list_attached(row.id))

        return await self.records.record(CUSTOMERS, decide, asked, origin)

    async def erase(
        self,
        customer_id: UUID,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Saved[CustomerRow]:
        """Destroy the keys of all that is said of a customer; close it.

        With its own text and what is shown of its methods goes the text beside its intents and
        payments: their refunds, disputes with their evidence, and cases are sealed under the same
        keys. Rows and amounts stay. Raises NotFound, NotPossible (customer_erased).
        """

        async def decide() -> Facts:
            row = await self.load(customer_id, merchant_id)
            facts = decide_erasure(row)
            await self.records.require_unused(asked)
            if row.status == "active":
                # Whoever is about to pay or to attach something has seen it open: he conflicts.
                with suppress(NotPossible):  # somebody else was faster
                    await self.close(row.id, origin=origin)
                return await decide()
            # Before it is said: a house that falls here leaves no name behind an erasure.
            await self._erase_texts(row.id)
            return facts

        return await self.records.record(CUSTOMERS, decide, asked, origin)

    async def _erase_texts(self, customer_id: UUID) -> None:
        """Whatever stops it on the way, it is gone through again: nothing is recorded before."""
        journal, database = self.records.journal, self.records.database
        await journal.erase(customer_id)
        after = UUID(int=0)
        while subjects := await customer_store.list_subjects(
            database, customer_id, after, _SUBJECTS
        ):
            await journal.erase(*subjects)
            after = subjects[-1]

    async def get(
        self, customer_id: UUID, *, merchant_id: UUID | None = None
    ) -> Saved[CustomerRow]:
        """One customer; `merchant_id` None is the operator, who sees all. Raises NotFound."""
        row = await self.load(customer_id, merchant_id)
        return await self.records.shown(row, leniently=False)

    async def list_customers(
        self, wanted: CustomersWanted, *, cursor: str | None = None, limit: int = PAGE_MAX
    ) -> Page[Saved[CustomerRow]]:
        """The latest customers, at most 200 a page. Raises Invalid (invalid_cursor)."""
        page = await customer_store.list_customers(
            self.records.database, wanted, cursor=cursor, limit=limit
        )
        shown = [await self.records.shown(row) for row in page.rows]
        return Page(tuple(shown), page.next_cursor)

    async def load(self, customer_id: UUID, merchant_id: UUID | None) -> CustomerRow:
        """A customer's row. Raises NotFound, also when it is another merchant's."""
        row = await customer_store.find_customer(self.records.database, customer_id)
        if row is None or merchant_id not in (None, row.merchant_id):
            raise NotFound("there is no such customer", "customer_not_found")
        return row

    async def _require_free(self, merchant_id: UUID, reference: str | None) -> None:
        if reference is None:
            return
        database = self.records.database
        if await customer_store.find_customer_by_reference(database, merchant_id, reference):
            detail = "another customer of this merchant goes by this reference"
            raise NotPossible(detail, "customer_reference_taken")
