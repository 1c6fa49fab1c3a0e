"""Whose an account is: a merchant sees its own accounts and no others, an operator sees all."""

from typing import Final
from uuid import UUID

from tallystick.identity import Principal
from tallystick.ledger import Ledger
from tallystick.platform.ids import typeid

_ACCOUNTS_MAX: Final = 1_000  # a merchant has a few a currency


def may_see(principal: Principal, code: str) -> bool:
    """Whether the account with this code is the caller's: the code carries its owner's id."""
    if principal.merchant_id is None:
        return True
    owner = typeid("mer", principal.merchant_id)
    return code.startswith((f"merchant:{owner}:", f"wallet:{owner}:"))


async def may_see_any(principal: Principal, ledger: Ledger, *account_ids: UUID) -> bool:
    """Whether one of these accounts is the caller's: then what moved between them is, too."""
    if principal.merchant_id is None:
        return True
    for account_id in account_ids:
        account = await ledger.find_account(account_id)
        if account is not None and may_see(principal, account.code):
            return True
    return False


async def own_account_ids(principal: Principal, ledger: Ledger) -> set[UUID] | None:
    """The merchant's own accounts; None, which is all, for the operator."""
    if principal.merchant_id is None:
        return None
    found = await ledger.list_accounts_of(principal.merchant_id, None, _ACCOUNTS_MAX)
    return {account.id for account in found}
