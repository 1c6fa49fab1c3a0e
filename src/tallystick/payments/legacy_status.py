"""The status words of documents 001 and 003 beside ours. Pure.

Both know fewer states than a payment has. What they have no word for is told by the nearest one
that promises no more than is true: money that may still fail to come is never a success.
`docs/explanation/payment-states.md` shows the table.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct


class LegacyStatus(Struct, frozen=True):
    """How the other documents would say it."""

    document_001: str  # its `payment_status`: pending, processing, completed, failed
    document_003: str  # its answer's `status`: PENDING, SUCCESS, FAILED


_WAITING: Final = LegacyStatus("pending", "PENDING")
_UNDER_WAY: Final = LegacyStatus("processing", "PENDING")
_CAME_IN: Final = LegacyStatus("completed", "SUCCESS")  # refunds are their own transactions there
_CAME_TO_NOTHING: Final = LegacyStatus("failed", "FAILED")

LEGACY_STATUSES: Final[Mapping[str, LegacyStatus]] = {
    "initiated": _WAITING,
    "pending": _UNDER_WAY,
    "authorized": _UNDER_WAY,
    "captured": _CAME_IN,
    "partially_refunded": _CAME_IN,
    "refunded": _CAME_IN,
    "failed": _CAME_TO_NOTHING,
    "cancelled": _CAME_TO_NOTHING,
    "expired": _CAME_TO_NOTHING,
}


def legacy_status(status: str) -> LegacyStatus:
    """The words for a payment's status. Raises KeyError for what is no status of ours."""
    return LEGACY_STATUSES[status]
