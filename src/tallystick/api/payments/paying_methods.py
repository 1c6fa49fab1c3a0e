"""What a payment is made with, as callers say it, and who says it."""

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from tallystick.api.fields import Body, PaymentMethod, WalletId, example
from tallystick.identity import Principal
from tallystick.payments.customers import Caller
from tallystick.platform.ids import MalformedId, parse_typeid, typeid

MethodKind = Literal["card", "wallet"]
_FORM: Final = 'Expected a token, or {"type": "wallet", "wallet_id": "wal_..."}'


class WalletMethod(Body):
    """A wallet with us. With a merchant's key, one that its owner has allowed.

    `wal_...` by itself says the same.
    """

    model_config = example({"type": "wallet", "wallet_id": "wal_01kjpy44e0fh0r68j79jejabkn"})

    type: Literal["wallet"]
    wallet_id: WalletId


def _as_token(said: Any) -> Any:
    """A wallet's own name stands for it wherever a token is asked for."""
    if not isinstance(said, dict):
        return said
    if set(said) != {"type", "wallet_id"} or said["type"] != "wallet":
        raise PydanticCustomError("model_type", "{form}", {"form": _FORM})
    try:
        return typeid("wal", parse_typeid("wal", str(said["wallet_id"])))
    except MalformedId:
        raise PydanticCustomError("malformed_id", "{form}", {"form": _FORM}) from None


PayingMethod = Annotated[
    PaymentMethod, BeforeValidator(_as_token, json_schema_input_type=PaymentMethod | WalletMethod)
]


def caller_of(principal: Principal) -> Caller:
    """Whose wallets may pay here: a payer's key is the intent's secret, which the shop has too."""
    if principal.payer_of is not None:
        return Caller.PAYER
    return Caller.OPERATOR if principal.is_operator else Caller.MERCHANT
