"""Who pays: a browser that shows an intent's client secret instead of an API key.

It may look at this one intent and confirm it, and see of it what concerns a payer. The secret goes
in the `Authorization` header, as a key does: in an address it would be kept by every log.
"""

from typing import Final

from starlette.requests import Request

from tallystick.api.auth import authenticate, bearer
from tallystick.api.exchange import exchange_of
from tallystick.api.ids import NoSuchObject, path_id
from tallystick.identity import Permission, Principal
from tallystick.payments import Intents

PAYER: Final = "x-payer"
"""The key of a route's `openapi_extra` that lets payers in."""
_INTENT_MARK: Final = "int_"  # keys begin otherwise
_MAY: Final = frozenset({Permission.PAY, Permission.READ})


async def authenticate_payer_or_key(request: Request, permission: str) -> None:
    """The payer of the intent in the address, or whose key it is. Raises as `authenticate`.

    Raises InvalidClientSecret, and NoSuchObject for any intent but the secret's own.
    """
    exchange, state = exchange_of(request), request.app.state
    if not bearer(exchange).startswith(_INTENT_MARK):
        await authenticate(exchange, state.keys, permission)
        return
    intents: Intents = state.intents
    intent_id = intents.intent_of(bearer(exchange))
    if path_id("int", request.path_params["intent_id"], "intent") != intent_id:
        raise NoSuchObject("intent")
    exchange.principal = Principal(
        key_id=intent_id,  # who acted, in the facts: the payer of this intent
        merchant_id=await intents.get_merchant_id(intent_id),
        test_mode=state.settings.mode == "test",
        permissions=_MAY,
        payer_of=intent_id,
    )
