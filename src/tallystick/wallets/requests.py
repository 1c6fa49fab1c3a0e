"""What comes with a wish for a wallet, a hold or an escrow."""

from uuid import UUID

from msgspec import Struct

from tallystick.journal import Asked, Origin


class Call(Struct, frozen=True):
    """Who wishes, how often, and what he last saw.

    `merchant_id` None is the operator. `if_match` is the version that the wallet must still have.
    """

    merchant_id: UUID | None = None
    asked: Asked | None = None
    origin: Origin = Origin()
    if_match: int | None = None


OPERATOR = Call()
