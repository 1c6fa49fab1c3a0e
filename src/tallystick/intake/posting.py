"""What a recorded payment means in the ledger, and the consumer that sees to it.

The channel owes us what the payer paid there: debit channel clearing, credit loans receivable.
The transfer has the payment's own id, so the ledger's primary key keeps it from being posted twice
whoever posts it: the change that records the payment, or this consumer.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from tallystick.books import PLATFORM, account_id, chart
from tallystick.delivery import Consumer
from tallystick.intake import store
from tallystick.intake.model import PAYMENT_RECORDED, PaymentRecorded
from tallystick.journal import Change, Origin, Told
from tallystick.ledger import Post
from tallystick.platform.postgres.pools import Database

CODE: Final = "recorded_payment"


def posting_of(recorded: PaymentRecorded) -> Post:
    """The transfer that a recorded payment means."""
    return Post(
        debit=account_id(PLATFORM, chart.intake_clearing_code(recorded.currency)),
        credit=account_id(PLATFORM, chart.receivable_code(recorded.currency)),
        amount_minor=recorded.amount_minor,
        currency=recorded.currency,
        code=CODE,
    )


async def decide_postings(facts: Sequence[Told], database: Database) -> list[Change | None]:
    """A change for every payment that is not posted yet."""
    posted = await store.find_posted(database, [fact.aggregate_id for fact in facts])
    return [None if fact.aggregate_id in posted else _posting(fact) for fact in facts]


def _posting(fact: Told) -> Change:
    payment_id: UUID = fact.aggregate_id
    origin = Origin(request_id=fact.origin.request_id, cause=payment_id)
    return Change(id=payment_id, transfers=(posting_of(fact.data),), origin=origin)


LEDGER_CONSUMER: Final = Consumer("ledger", frozenset({PAYMENT_RECORDED}), decide_postings)
