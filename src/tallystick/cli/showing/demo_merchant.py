"""The demo merchant, onboarded on the first start, and the keys to try the platform with."""

from pathlib import Path
from typing import Final

from tallystick.app import App
from tallystick.books import PLATFORM, account_id, chart
from tallystick.cli.here import Credentials, find_credentials, write_credentials
from tallystick.identity import FeePlan, InvalidKey, Merchant
from tallystick.journal import Asked
from tallystick.ledger import Post
from tallystick.platform.ids import typeid

NAME: Final = "Chai & Sons"
EXTERNAL_ID: Final = "demo_shop"
CURRENCIES: Final = ("INR", "USD")
DEPOSIT_MINOR: Final = 10_000_000
FEE: Final = FeePlan(percent_bp=200, fixed_minor=30)


async def demo_credentials(app: App, home: Path) -> Credentials:
    """The keys kept in the home folder, or new ones when this database does not know them."""
    kept = find_credentials(home)
    if kept and await _are_known(app, kept):
        return kept
    merchant = await _demo_merchant(app)
    _, merchant_key = await app.keys.create(merchant.id, "demo")
    _, operator_key = await app.keys.create(None, "operator of the demo")
    made = Credentials(typeid("mer", merchant.id), merchant_key, operator_key)
    write_credentials(home, made)
    return made


async def _demo_merchant(app: App) -> Merchant:
    found = await app.merchants.find_merchant_by_external_id(EXTERNAL_ID)
    merchant = found or await app.merchants.onboard(NAME, EXTERNAL_ID, CURRENCIES, FEE)
    for currency in CURRENCIES:
        await _deposit(app, merchant, currency)
    return merchant


async def _deposit(app: App, merchant: Merchant, currency: str) -> None:
    """What the merchant left with us, once: without it the first refund, which gives back the fee
    too, would find too little.
    """
    order = Post(
        debit=account_id(PLATFORM, chart.bank_code(currency)),
        credit=account_id(merchant.id, chart.payable_code(merchant.id, currency)),
        amount_minor=DEPOSIT_MINOR,
        currency=currency,
        code="deposit",
    )
    key = f"{typeid('mer', merchant.id)}:{currency}"
    await app.transfers.post_one(order, Asked("demo:deposit", key, b"deposit"))


async def _are_known(app: App, kept: Credentials) -> bool:
    try:
        for key in (kept.merchant_key, kept.operator_key):
            await app.keys.authenticate(key)
    except InvalidKey:
        return False
    return True
