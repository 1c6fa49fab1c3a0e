"""The chart of accounts: which accounts there are, what they are called, and on which side.

An account's id follows from its owner and its code, so nobody ever has to look one up.

| account                      | class     | normal side | owner    |
|------------------------------|-----------|-------------|----------|
| `rail:{route}:clearing:{C}`  | asset     | debit       | platform |
| `rail:wallet:clearing:{C}`   | asset     | debit       | platform |
| `payouts:{route}:{C}`        | asset     | debit       | platform |
| `platform:bank:{C}`          | asset     | debit       | platform |
| `channel:clearing:{C}`       | asset     | debit       | platform |
| `loans:receivable:{C}`       | asset     | debit       | platform |
| `merchant:{id}:payable:{C}`  | liability | credit      | merchant |
| `merchant:{id}:reserve:{C}`  | liability | credit      | merchant |
| `merchant:{id}:advance:{C}`  | liability | credit      | merchant |
| `platform:suspense:{C}`      | liability | credit      | platform |
| `disputes:held:{C}`          | liability | credit      | platform |
| `platform:exchange:{C}`      | equity    | credit      | platform |
| `platform:fees:{C}`          | income    | credit      | platform |
| `platform:tax:{C}`           | liability | credit      | platform |
| `platform:rounding:{C}`      | income    | credit      | platform |
"""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from asyncpg.pgproto.pgproto import UUID as FastUUID

from tallystick.ledger import Open
from tallystick.platform.ids import derived_id, typeid

PLATFORM: UUID = FastUUID("00000000-0000-7000-8000-000000000000")
"""The owner of the platform's own accounts: bucket 0, time 0."""

WALLET_ROUTE: Final = "wallet"
"""The route of payments out of our own wallets: no bank stands behind it."""


def account_id(owner_id: UUID, code: str) -> UUID:
    """The id of the owner's account with this code."""
    return derived_id(owner_id, code)


def clearing_code(route: str, currency: str) -> str:
    """What a rail owes us for captures it has not paid out yet."""
    return f"rail:{route}:clearing:{currency}"


def wallet_clearing_code(currency: str) -> str:
    """What was taken from wallets for payments, until those are recorded: zero but for moments."""
    return clearing_code(WALLET_ROUTE, currency)


def payouts_code(route: str, currency: str) -> str:
    """What a rail has paid out for us, on its credit side, until our bank has paid the rail."""
    return f"payouts:{route}:{currency}"


def bank_code(currency: str) -> str:
    """Our own money at our bank."""
    return f"platform:bank:{currency}"


def fees_code(currency: str) -> str:
    """What we earned."""
    return f"platform:fees:{currency}"


def tax_code(currency: str) -> str:
    """Tax on our fees, which we owe the tax office."""
    return f"platform:tax:{currency}"


def suspense_code(currency: str) -> str:
    """Money that arrived and could not be placed; it must come back to zero."""
    return f"platform:suspense:{currency}"


def disputes_code(currency: str) -> str:
    """Money that payers dispute at their banks, until the banks have decided."""
    return f"disputes:held:{currency}"


def exchange_code(currency: str) -> str:
    """What exchanges have brought in of this currency, less what they have paid out."""
    return f"platform:exchange:{currency}"


def rounding_code(currency: str) -> str:
    """What exchanges gained by rounding to whole units."""
    return f"platform:rounding:{currency}"


def payable_code(merchant_id: UUID, currency: str) -> str:
    """What we owe a merchant."""
    return f"merchant:{typeid('mer', merchant_id)}:payable:{currency}"


def reserve_code(merchant_id: UUID, currency: str) -> str:
    """What we owe a merchant and keep back for some days; it may not be overdrawn."""
    return f"merchant:{typeid('mer', merchant_id)}:reserve:{currency}"


def advance_code(merchant_id: UUID, currency: str) -> str:
    """What we advanced a merchant for refunds, as a negative balance."""
    return f"merchant:{typeid('mer', merchant_id)}:advance:{currency}"


def intake_clearing_code(currency: str) -> str:
    """Payments that channels reported and have not handed over yet."""
    return f"channel:clearing:{currency}"


def receivable_code(currency: str) -> str:
    """What borrowers still owe; recorded payments lower it."""
    return f"loans:receivable:{currency}"


def merchant_accounts(merchant_id: UUID, currencies: Iterable[str]) -> tuple[Open, ...]:
    """The accounts a merchant starts with. A payable may not be overdrawn."""
    codes = ((payable_code(merchant_id, currency), currency) for currency in currencies)
    return tuple(
        Open(account_id(merchant_id, code), code, currency, "credit") for code, currency in codes
    )


def reserve_accounts(merchant_id: UUID, currencies: Iterable[str]) -> tuple[Open, ...]:
    """Where a merchant's reserves wait; opened when a fee plan with a reserve may hold for it."""
    codes = ((reserve_code(merchant_id, currency), currency) for currency in currencies)
    return tuple(
        Open(account_id(merchant_id, code), code, currency, "credit") for code, currency in codes
    )


def advance_account(merchant_id: UUID, currency: str, limit_minor: int) -> Open:
    """Whence a merchant's refunds are advanced; opened with the first, overdrawn up to a limit."""
    code = advance_code(merchant_id, currency)
    return Open(account_id(merchant_id, code), code, currency, "credit", limit_minor)


def exchange_accounts(currencies: Iterable[str]) -> tuple[Open, ...]:
    """The platform's accounts for exchanging these currencies, none of them limited."""
    codes = [
        (code_of(currency), currency)
        for currency in currencies
        for code_of in (exchange_code, rounding_code)
    ]
    return tuple(
        Open(account_id(PLATFORM, code), code, currency, "credit", None) for code, currency in codes
    )


def platform_accounts(routes: Iterable[str], currencies: Iterable[str]) -> tuple[Open, ...]:
    """The platform's own accounts for these rails and currencies, none of them limited."""
    opens = []
    for currency in currencies:
        debits = [clearing_code(route, currency) for route in routes]
        debits += [wallet_clearing_code(currency)]
        debits += [payouts_code(route, currency) for route in routes]
        debits += [bank_code(currency), intake_clearing_code(currency), receivable_code(currency)]
        credits_ = [fees_code(currency), tax_code(currency), suspense_code(currency)]
        credits_ += [disputes_code(currency)]
        for side, codes in (("debit", debits), ("credit", credits_)):
            opens += [
                Open(account_id(PLATFORM, code), code, currency, side, None) for code in codes
            ]
        opens += exchange_accounts([currency])
    return tuple(opens)
