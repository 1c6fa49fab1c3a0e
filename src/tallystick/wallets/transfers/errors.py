"""What wallet transfers and their schedules refuse, by name. Codes are stable.

TransferDiffers          its transfer_id, or its key, stands for a transfer with other fields
WalletsError
+-- TransferNotFound     no such wallet transfer, or not the caller's
+-- ScheduleNotFound     no such schedule, or not the caller's
+-- Invalid              a term that cannot be: `field` says which
|   +-- InvalidSchedule  invalid_transfer_schedule
+-- NotPossible
    +-- ScheduleNotActive    only an active schedule can be paused
    +-- ScheduleNotPaused    only a paused schedule can be resumed
    +-- ScheduleEnded        it is finished, stopped or cancelled, and stays so
"""

from tallystick.journal import JournalError
from tallystick.wallets.model import Invalid, NotPossible, WalletsError


class TransferDiffers(JournalError):
    """The transfer_id, or the key, was used before for a transfer with other `fields`."""

    code = "idempotency_key_reused"

    def __init__(self, fields: tuple[str, ...]) -> None:
        super().__init__(f"this transfer was asked for before with another {', '.join(fields)}")
        self.fields = fields


class TransferNotFound(WalletsError):
    """No such wallet transfer, or not the caller's."""

    code = "wallet_transfer_not_found"


class ScheduleNotFound(WalletsError):
    """No such schedule, or not the caller's."""

    code = "transfer_schedule_not_found"


class InvalidSchedule(Invalid):
    """A term that no schedule can have."""

    code = "invalid_transfer_schedule"


class ScheduleNotActive(NotPossible):
    """Only an active schedule can be paused."""

    code = "transfer_schedule_not_active"


class ScheduleNotPaused(NotPossible):
    """Only a paused schedule can be resumed."""

    code = "transfer_schedule_not_paused"


class ScheduleEnded(NotPossible):
    """It is finished, stopped or cancelled, and stays so."""

    code = "transfer_schedule_ended"
