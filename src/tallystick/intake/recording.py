"""Recording a payment made elsewhere: once for its reference, and posted to the ledger."""

from dataclasses import dataclass
from uuid import UUID

from msgspec import Raw
from msgspec.structs import replace

from tallystick.intake import store
from tallystick.intake.dedup import References
from tallystick.intake.fields import written_metadata
from tallystick.intake.model import (
    PAYMENT_RECORDED,
    IntakeTerms,
    InvalidPayment,
    PaymentRecorded,
    PaymentRow,
    Receipt,
    Recorded,
    ReportedPayment,
    Source,
    loan_bucket,
)
from tallystick.intake.partitions import HeldMonths
from tallystick.intake.posting import posting_of
from tallystick.journal import Change, Conflict, Fact, Journal, Origin, Refused
from tallystick.platform.clock import Clock
from tallystick.platform.ids import new_id
from tallystick.platform.postgres.pools import Database
from tallystick.platform.redis_link import RedisLink
from tallystick.platform.settings import Settings

PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Recording:
    """The verbs of recorded payments. `Recording.over` makes one."""

    journal: Journal
    database: Database
    clock: Clock
    terms: IntakeTerms
    references: References
    months: HeldMonths

    @classmethod
    def over(
        cls, journal: Journal, database: Database, clock: Clock, *, currency: str, timezone: str
    ) -> "Recording":
        """`currency` is that of every report, `timezone` that of a date which names none.

        Raises UnknownCurrency and ZoneInfoNotFoundError.
        """
        terms = IntakeTerms.of(currency, timezone)
        return cls(journal, database, clock, terms, References(database), HeldMonths(database))

    @classmethod
    def configured(
        cls,
        journal: Journal,
        database: Database,
        clock: Clock,
        *,
        settings: Settings,
        redis: RedisLink,
    ) -> "Recording":
        """As the settings say. Raises as `over`."""
        terms = replace(
            IntakeTerms.of(settings.intake_currency, settings.staging_timezone),
            posts_inline=settings.intake_posting == "inline",
        )
        references = References.over(database, redis, settings)
        return cls(journal, database, clock, terms, references, HeldMonths(database))

    async def record_webhook(
        self, payment: ReportedPayment, receipt: Receipt, *, patience_s: float = PATIENCE_S
    ) -> Recorded:
        """Record what a webhook reports, or name the payment that has its reference already.

        Raises InvalidPayment for a date in no held month, and the journal's Refused, Busy and
        Unknown: whoever sends the same report again learns what became of it.
        """
        reference = payment.reference_number
        if standing := await self.references.find_nearby(reference):
            return Recorded("duplicate", standing)
        try:
            await self.months.require(payment.payment_date)
        except InvalidPayment:
            if standing := await self.references.find(reference):
                return Recorded("duplicate", standing)
            raise
        change = self.change_for(payment, Source.WEBHOOK, receipt)
        return await self.record_change(change, patience_s=patience_s)

    async def find_payment(self, reference: str) -> PaymentRow | None:
        """The recorded payment that has `reference`."""
        return await store.find_payment(self.database, reference)

    def change_for(self, payment: ReportedPayment, source: Source, receipt: Receipt) -> Change:
        """The payment and its posting, as one change.

        The change, the payment and the transfer share one id: the ledger's own primary key keeps
        a payment from being posted twice.
        """
        payment_id = new_id(self.clock.now(), loan_bucket(payment.loan_account_number))
        currency = payment.amount.currency.code
        fact = PaymentRecorded(
            reference_number=payment.reference_number,
            loan_account_number=payment.loan_account_number,
            cif=payment.cif,
            amount_minor=payment.amount.amount_minor,
            currency=currency,
            payment_date=payment.payment_date,
            payment_channel=payment.payment_channel,
            source=source,
            metadata=Raw(written_metadata(payment.metadata, receipt)),
        )
        return Change(
            id=payment_id,
            facts=(Fact(payment_id, 1, PAYMENT_RECORDED, fact),),
            transfers=(posting_of(fact),) if self.terms.posts_inline else (),
            origin=Origin(request_id=receipt.request_id),
        )

    async def record_change(self, change: Change, *, patience_s: float = PATIENCE_S) -> Recorded:
        """Record a change of `change_for`; recording the same one again answers as at first."""
        reported: PaymentRecorded = change.facts[0].data  # type: ignore[assignment]
        try:
            await self.journal.record(change, patience_s=patience_s)
        except Conflict as conflict:
            return await self._standing(change.id, reported, conflict.holder)
        except Refused as refusal:
            if refusal.code == "not_recordable":
                # Most likely the month's partition has been dropped since we looked.
                self.months.forget()
                await self.months.require(reported.payment_date)
            raise
        self.references.remember_recorded(reported.reference_number, change.id, known=False)
        return Recorded("created", change.id)

    async def _standing(
        self, payment_id: UUID, reported: PaymentRecorded, holder: UUID | None
    ) -> Recorded:
        """Somebody else was faster, or we were ourselves and did not hear of it."""
        reference = reported.reference_number
        if holder:
            self.references.remember_recorded(reference, holder, known=True)
        standing = holder or await self.references.find(reference)
        if standing is None:
            raise Conflict(f"reference {reference!r:.80} is taken by a payment that is gone")
        return Recorded("created" if standing == payment_id else "duplicate", standing)
