"""What comes with a wish for a wallet or a hold, and how one that comes again is recognised."""

from uuid import UUID

from msgspec import Struct

from tallystick.journal import Asked, Journal, Origin, Repeated
from tallystick.platform.ids import derived_id


class Call(Struct, frozen=True):
    """Who wishes, how often, and what he last saw.

    `merchant_id` None is the operator. `if_match` is the version that the wallet must still have.
    """

    merchant_id: UUID | None = None
    asked: Asked | None = None
    origin: Origin = Origin()
    if_match: int | None = None


OPERATOR = Call()


async def find_repeat(journal: Journal, asked: Asked | None) -> Repeated | None:
    """Whether this key was used before, and how.

    Asked before anything is decided: what was possible for the first call need not be now.
    """
    if asked is None:
        return None
    claim = asked.claim(_ANYTHING)
    standing = await journal.find_claim(claim.id)
    return Repeated(standing, standing.fingerprint == claim.fingerprint) if standing else None


_ANYTHING = derived_id(UUID(int=0), "a claim's id does not depend on its subject")
