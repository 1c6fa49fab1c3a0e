"""The journal: the one door through which every change becomes durable.

Promises: a change is recorded whole or not at all; what was answered is on disk; a claim stands
for one effect; position order is commit order within a lane; nothing recorded is ever rewritten.
Tables: `journal_lanes`, `journal_batches`, `journal_facts`, `journal_claims`,
`journal_subject_keys`, and the projections that rooms publish.
"""

# The bulk loader's entrance: only `intake.staging` loads in bulk, so it is not on the plate below.
from tallystick.journal.bulk import BulkBatch as BulkBatch
from tallystick.journal.bulk import BulkLoader as BulkLoader
from tallystick.journal.journal import Journal
from tallystick.journal.lane import UNAVAILABLE as UNAVAILABLE
from tallystick.journal.lane import UNRECORDABLE as UNRECORDABLE
from tallystick.journal.log import ACCOUNT_KINDS as ACCOUNT_KINDS
from tallystick.journal.model import (
    Asked,
    Change,
    CloseClaim,
    Conflict,
    Fact,
    JournalError,
    Origin,
    Projection,
    Refused,
    Repeated,
    Told,
)
from tallystick.journal.model import Busy as Busy
from tallystick.journal.model import Retention as Retention
from tallystick.journal.model import SealedText as SealedText
from tallystick.journal.sealing import SealTampered as SealTampered

__all__ = [
    "Asked",
    "Change",
    "CloseClaim",
    "Conflict",
    "Fact",
    "Journal",
    "JournalError",
    "Origin",
    "Projection",
    "Refused",
    "Repeated",
    "Told",
]
