"""What a verb has left is not read again by the next one."""

from typing import Final
from uuid import UUID

from tallystick.payments.model import Row
from tallystick.payments.steps import Case

RECENT_MAX: Final = 2_000


class RecentCases:
    """Cases as verbs have left them, each for the next verb on it alone.

    They may be stale: whoever decides upon one must be ready to read it and decide again. The
    journal takes no change that was decided upon a stale row.
    """

    def __init__(self) -> None:
        self._cases: dict[UUID, Case] = {}

    def keep(self, case: Case) -> None:
        """Keep what a next verb is to be expected for: a new intent, an authorized payment."""
        if case.payment is None:
            row: Row | None = case.intent
        else:
            row = case.payment if case.payment.status == "authorized" else None
        if row is None or case.refund or case.operation:
            return
        if len(self._cases) >= RECENT_MAX:
            del self._cases[next(iter(self._cases))]  # the one that was kept longest
        self._cases[row.id] = Case(case.payment, case.intent, recent=True)

    def take(self, row_id: UUID) -> Case | None:
        """The case of this row, if it is kept; it is not kept any longer."""
        return self._cases.pop(row_id, None)
