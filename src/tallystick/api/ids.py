"""Ids and merchants as callers name them. Whatever is not theirs does not exist."""

from uuid import UUID

from tallystick.identity import Merchant, MerchantNotFound, Merchants, Principal
from tallystick.platform.ids import MalformedId, parse_typeid


class NoSuchObject(Exception):
    """No object of this kind has this id, or it is not the caller's: `payment_not_found`."""

    def __init__(self, noun: str) -> None:
        super().__init__(f"no such {noun}")
        self.code = f"{noun}_not_found"


class MerchantMissing(Exception):
    """An operator acts for no merchant of its own, so the body must name one."""

    code = "merchant_missing"


def path_id(prefix: str, text: str, noun: str) -> UUID:
    """The id in an address. Raises NoSuchObject: what has no id cannot be there."""
    try:
        return parse_typeid(prefix, text)
    except MalformedId:
        raise NoSuchObject(noun) from None


def named_customer(text: str | None) -> UUID | None:
    """The customer a body names, if it does. Raises MalformedId."""
    return None if text is None else parse_typeid("cus", text)


async def acting_merchant(
    merchants: Merchants, principal: Principal, named: str | None
) -> Merchant:
    """The merchant a call is for: the key's own, or the one an operator names.

    Raises MerchantNotFound, also when a merchant names another; MerchantMissing.
    """
    if principal.merchant_id is not None:
        own = await merchants.get_merchant(principal.merchant_id)
        if named is not None and not _is_named(own, named):
            raise MerchantNotFound("no such merchant")
        return own
    if named is None:
        raise MerchantMissing("an operator's key needs `merchant` in the body")
    return await _find(merchants, named)


async def _find(merchants: Merchants, named: str) -> Merchant:
    found = await merchants.find_merchant_by_external_id(named)
    if found is not None:
        return found
    try:
        return await merchants.get_merchant(parse_typeid("mer", named))
    except MalformedId:
        raise MerchantNotFound("no such merchant") from None


def _is_named(merchant: Merchant, named: str) -> bool:
    if named == merchant.external_id:
        return True
    try:
        return parse_typeid("mer", named) == merchant.id
    except MalformedId:
        return False
