"""Which kind of fact is told on which topic. Pure.

A topic takes whole families, because only within one topic can the facts of one aggregate keep
their order. What is nobody's business outside stays in: the house's own notes, and keys.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from tallystick.platform.settings import Settings

RECORDED: Final = "payment.recorded"
PAYMENTS: Final = "payment-events"
LEDGER: Final = "ledger.events"
WALLETS: Final = "wallet.events"
DEAD_LETTER: Final = ".dead-letter"
PARTITIONS: Final = 12

FAMILIES: Final[Mapping[str, str | None]] = {
    **dict.fromkeys(
        (
            *("intent", "payment", "refund", "dispute", "case", "reserve", "fee_plan"),
            *("customer", "payment_method", "merchant", "settlement_record"),
        ),
        PAYMENTS,
    ),
    **dict.fromkeys(
        (
            *("wallet", "wallet_tier", "wallet_transfer", "wallet_order", "transfer_schedule"),
            *("hold", "escrow", "payout", "top_up"),
        ),
        WALLETS,
    ),
    **dict.fromkeys(
        (
            *("account", "accounts", "transfer", "transfers", "exchange", "exchange_rate"),
            *("quote", "assertion", "reconciliation"),
        ),
        LEDGER,
    ),
    **dict.fromkeys(("api_key", "dispute_feed", "books", "recorded_month", "references"), None),
}
UNTOLD: Final = tuple(family for family, topic in FAMILIES.items() if topic is None)


class Topics(Struct, frozen=True):
    """The topics of one house; `prefix` stands before every name, where houses share a cluster."""

    recorded: str = "payment.events"
    prefix: str = ""

    @classmethod
    def configured(cls, settings: Settings) -> "Topics":
        """As the settings name them."""
        return cls(settings.kafka_topic, settings.kafka_topic_prefix or "")

    def of(self, kind: str) -> str | None:
        """Where a fact of this kind is told; None: nowhere. An unknown family goes with the
        ledger's.
        """
        if kind == RECORDED:
            return self.prefix + self.recorded
        topic = FAMILIES.get(kind.partition(".")[0], LEDGER)
        return self.prefix + topic if topic else None

    @property
    def all(self) -> tuple[str, ...]:
        """Every topic we write to."""
        told = [self.prefix + topic for topic in (self.recorded, PAYMENTS, LEDGER, WALLETS)]
        return (*told, *(topic + DEAD_LETTER for topic in told))
