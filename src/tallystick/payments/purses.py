"""The wallet that a payment is to top up, and what such a payment costs.

A user's wallet has the payment whole: it bears no fee. A merchant's own wallet is as good as his
payable, so its payments bear what all others do; and a wallet that nobody has would leave the money
on the payable, where it was free of charge.
"""

from uuid import UUID

from msgspec import Struct

from tallystick.payments.customers.tokens import WALLET
from tallystick.payments.errors import Invalid, NotFound, NotPossible, PaymentsError
from tallystick.platform.postgres.pools import Database
from tallystick.wallets import topups


class Purse(Struct, frozen=True):
    """What is known of it before the payment is made. Most payments top up nothing."""

    bears_fee: bool = True
    refusal: PaymentsError | None = None


async def find_purse(
    database: Database, wallet_id: UUID | None, currency: str, method_kind: str
) -> Purse:
    """Never raises: a wish that was granted before is answered as it was.

    Refused are NotFound (wallet_not_found), NotPossible (wallet_closed), Invalid
    (currency_mismatch, invalid_payment_method).
    """
    if wallet_id is None:
        return Purse()
    if method_kind == WALLET:
        detail = "a wallet is topped up from elsewhere; between wallets there are transfers"
        return Purse(refusal=Invalid(detail, "invalid_payment_method"))
    wallet = await topups.find_wallet(database, wallet_id)
    if wallet is None:
        return Purse(refusal=NotFound("there is no such wallet", "wallet_not_found"))
    if wallet.currency != currency:
        detail = f"this wallet holds {wallet.currency}"
        return Purse(refusal=Invalid(detail, "currency_mismatch"))
    if wallet.status == "closed":
        return Purse(refusal=NotPossible("the wallet is closed", "wallet_closed"))
    return Purse(bears_fee=wallet.owner_kind == "merchant")
