"""The case's transition table, and the words of its columns. Pure."""

from typing import Final

from tallystick.payments.states import Table

CASE_TABLE: Final[Table] = {
    None: {"case.opened": "open"},
    "open": {
        "case.looked_at": "open",
        "case.note_added": "open",
        "case.resolved": "resolved",
        "case.decided": "resolved",
        "case.closed": "resolved",
    },
    # An operator's look may be overtaken by recovery's, which resolved the case.
    "resolved": {
        "case.looked_at": "resolved",
        "case.note_added": "resolved",
        "case.watched": "resolved",
    },
}
CASE_STATUSES: Final = ("open", "resolved")
CASE_KINDS_OF_WORK: Final = ("authorize", "capture", "void", "refund", "payout", "dispute")
RECOVERY: Final = "recovery"
OPERATOR: Final = "operator"
NOTE_LENGTH_MAX: Final = 2_000
NOTES_MAX: Final = 100
