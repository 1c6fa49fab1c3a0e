"""What top-ups refuse, by name. Codes are stable."""

from tallystick.wallets.model import WalletsError


class TopUpNotFound(WalletsError):
    """No such top-up, or neither its wallet nor its money is the caller's."""

    code = "top_up_not_found"
