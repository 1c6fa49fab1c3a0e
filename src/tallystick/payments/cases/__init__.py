"""Operator cases: what a bank has not answered for a day is put before a person.

Promises: whatever was asked of a provider and is still open after `CASE_AFTER_S` has one case, and
one only, which ends by itself once the outcome is known. So has a dispute that does not fit our
books, and a void that a bank refuses although nobody wants the payment: a person closes these.
Tables: `payment_cases`. Facts: `case.*`.
"""

from tallystick.payments.case_facts import CASE_CAUSES
from tallystick.payments.cases.cases import Cases, CaseShown, NoteShown
from tallystick.payments.cases.folds import CASES, CaseRow
from tallystick.payments.cases.states import CASE_KINDS_OF_WORK, CASE_STATUSES, NOTE_LENGTH_MAX
from tallystick.payments.cases.store import CHECKS as checks
from tallystick.payments.cases.store import CasesWanted

projections = (CASES,)

__all__ = [
    "CASE_CAUSES",
    "CASE_KINDS_OF_WORK",
    "CASE_STATUSES",
    "NOTE_LENGTH_MAX",
    "CaseRow",
    "CaseShown",
    "Cases",
    "CasesWanted",
    "NoteShown",
    "checks",
    "projections",
]
