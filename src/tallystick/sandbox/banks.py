"""The two banks of document 004's routes. Limits there are in major units; here in minor ones."""

from tallystick.sandbox.model import Bank

EXPONENTS = {"INR": 2, "USD": 2, "EUR": 2, "GBP": 2, "JPY": 0, "KWD": 3}


def _limits_minor(amount: int) -> dict[str, int]:
    return {currency: amount * 10**exponent for currency, exponent in EXPONENTS.items()}


HDFC_BANK = Bank(
    name="hdfc_bank",
    id_prefix="hdfc",
    limits_minor=_limits_minor(200_000),
    fee_bp=50,
    latency_ms=(30, 90),
    reaches_every_issuer=False,
)
ICICI_BANK = Bank(
    name="icici_bank",
    id_prefix="icici",
    limits_minor=_limits_minor(100_000),
    fee_bp=60,
    latency_ms=(60, 180),
)
BANKS = (HDFC_BANK, ICICI_BANK)
