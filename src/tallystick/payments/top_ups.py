"""Which captures top up a wallet: told to the room of wallets, which cannot look up here."""

from collections.abc import Sequence
from typing import Final

from tallystick.books import account_id, chart
from tallystick.journal import Told
from tallystick.payments import store
from tallystick.payments.facts import Captured
from tallystick.payments.model import PaymentRow
from tallystick.platform.postgres.pools import Database
from tallystick.wallets import topups

CAPTURED: Final = "payment.captured"


async def find_top_ups(
    facts: Sequence[Told], database: Database
) -> tuple[topups.TopUp | None, ...]:
    """The top-up that each `payment.captured` means; None for a payment of another purpose."""
    cases = await store.find_payment_cases(database, [fact.aggregate_id for fact in facts])
    return tuple(_top_up(fact, cases[fact.aggregate_id].the_payment()) for fact in facts)


def _top_up(fact: Told, row: PaymentRow) -> topups.TopUp | None:
    """A capture that had to go to suspense is nobody's yet and tops up nothing; nor does one of
    which the fee left nothing.
    """
    captured: Captured = fact.data
    charged_minor = captured.fee_minor + captured.tax_minor + captured.reserve_minor
    brought_minor = captured.amount_minor - charged_minor
    if row.wallet_id is None or captured.booked_to != "payable" or not brought_minor:
        return None
    payable = chart.payable_code(row.merchant_id, row.currency)
    return topups.TopUp(
        id=topups.top_up_id(row.id, fact.version),
        payment_id=row.id,
        wallet_id=row.wallet_id,
        from_account_id=account_id(row.merchant_id, payable),
        amount_minor=brought_minor,
        currency=row.currency,
    )


TOP_UP_CONSUMER: Final = topups.consumer(frozenset({CAPTURED}), find_top_ups)
