"""What escrows refuse, by name. Codes are stable.

WalletsError
+-- EscrowNotFound       no such escrow, or the caller is no party to it
+-- InvalidEscrow        a term that cannot be: `field` says which
+-- EscrowNotYours       only another party may do this
+-- EscrowNotPossible    the escrow's state, or what it holds, forbids it: the code says which
"""

from tallystick.wallets.model import Invalid, NotPossible, WalletsError


class EscrowNotFound(WalletsError):
    """No such escrow, or the caller is no party to it."""

    code = "escrow_not_found"


class InvalidEscrow(Invalid):
    """A term that no escrow can have."""

    code = "invalid_escrow_terms"


class EscrowNotYours(WalletsError):
    """The caller is a party, and this is for another one to do."""

    code = "escrow_not_yours"


class EscrowNotPossible(NotPossible):
    """The escrow is not in a state for this, or does not hold so much."""
