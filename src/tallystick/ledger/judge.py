"""The judge: may these transfers happen, and what do they leave behind?

Pure. It sees the accounts and reservations of one batch in memory and hears changes in the order
of their arrival. Each change is heard on copies, which replace the originals only when all of it
is accepted: a refused change leaves no trace. An account that a whole batch leans on costs no
more than any other.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tallystick.ledger import moves, upkeep
from tallystick.ledger.hearing import Hearing
from tallystick.ledger.model import (
    Account,
    AccountVerb,
    Close,
    Refusal,
    Reservation,
    Transfer,
    Verdict,
)


class Bench:
    """The accounts and reservations one batch is judged on, and which of them have changed."""

    def __init__(
        self, accounts: dict[UUID, Account], reservations: dict[UUID, Reservation]
    ) -> None:
        self.accounts = accounts
        self.reservations = reservations
        self.changed_accounts: set[UUID] = set()
        self.changed_reservations: set[UUID] = set()

    def judge(
        self,
        change_id: UUID,
        transfers: Sequence[Transfer],
        verbs: Sequence[AccountVerb] = (),
        *,
        at: datetime,
        lane: int = 0,
        batch: int = 0,
    ) -> Verdict:
        """Accept the whole change or refuse the whole change.

        Accounts are opened, frozen, limited and looked at before the transfers, and closed after
        them.
        """
        hearing = Hearing(self.accounts, self.reservations, change_id, at, (lane, batch))
        closing = [verb for verb in verbs if type(verb) is Close]
        try:
            for verb in verbs:
                if type(verb) is not Close:
                    upkeep.RULINGS[type(verb)](hearing, verb)
            for transfer in transfers:
                moves.RULINGS[type(transfer)](hearing, transfer)
            for close in closing:
                upkeep.RULINGS[Close](hearing, close)
        except Refusal as refusal:
            return Verdict([], [], (refusal.code, refusal.detail))
        self._accept(hearing)
        return Verdict(hearing.rows, hearing.facts)

    def _accept(self, hearing: Hearing) -> None:
        self.accounts.update(hearing.accounts)
        self.reservations.update(hearing.reservations)
        self.changed_accounts.update(hearing.accounts)
        self.changed_reservations.update(hearing.reservations)
