"""Disputes: a payer wants captured money back at his bank, and the merchant may say why not.

Promises: what a bank has taken back is in our books whatever we learn first; evidence is sent once
and before its deadline; a dispute ends accepted, won or lost, with its fee posted.
Tables: `disputes`, `dispute_feeds`, `dispute_documents`. Facts: `dispute.*`, `dispute_feed.*`.
"""

from msgspec import structs

from tallystick.payments.disputes.disputes import Disputes, DisputeShown
from tallystick.payments.disputes.documents import Document, sealed_documents
from tallystick.payments.disputes.evidence import (
    EVIDENCE_BYTES_MAX,
    EVIDENCE_COUNT_MAX,
    EVIDENCE_KINDS,
    EXPLANATION_LENGTH_MAX,
    MEDIA_TYPES,
)
from tallystick.payments.disputes.folds import DISPUTES, FEEDS, DisputeRow
from tallystick.payments.disputes.states import DISPUTE_STATUSES
from tallystick.payments.disputes.store import CHECKS as checks

projections = (structs.replace(DISPUTES, sealed_beside=sealed_documents), FEEDS)

__all__ = [
    "DISPUTE_STATUSES",
    "EVIDENCE_BYTES_MAX",
    "EVIDENCE_COUNT_MAX",
    "EVIDENCE_KINDS",
    "EXPLANATION_LENGTH_MAX",
    "MEDIA_TYPES",
    "DisputeRow",
    "DisputeShown",
    "Disputes",
    "Document",
    "checks",
    "projections",
]
