"""Identity's nouns: merchants, their fee plans, API keys, and the Principal a key stands for."""

from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

from tallystick.journal import Origin, Told
from tallystick.money import Rounding, share

FEE_PERCENT_BP_MAX: Final = 10_000
"""A fee of one hundred percent, in basis points."""

NOBODY: Final = Origin()
"""The origin of what nobody asked for through a door."""


class Permission(StrEnum):
    """What a key may do. A route names one of these; nothing is allowed that is not named."""

    READ = "read"  # look at what is its own
    PAY = "pay"  # intents, payments, refunds
    OPERATE = "operate"  # the platform's own: accounts, transfers, everybody's objects


MERCHANT_PERMISSIONS: Final = frozenset({Permission.READ, Permission.PAY})
OPERATOR_PERMISSIONS: Final = frozenset(Permission)


class Principal(Struct, frozen=True):
    """Who is calling. `merchant_id` None is the platform's operator."""

    key_id: UUID
    merchant_id: UUID | None
    test_mode: bool
    permissions: frozenset[str]
    payer_of: UUID | None = None  # the one intent that he may see, who shows its client secret

    @property
    def is_operator(self) -> bool:
        return self.merchant_id is None

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def may_see(self, owner_id: UUID) -> bool:
        """Whether an object of this merchant exists for the caller at all."""
        return self.merchant_id is None or self.merchant_id == owner_id


class FeePlan(Struct, frozen=True):
    """What the platform keeps of a capture: basis points of it plus a fixed part.

    `fixed_minor` is in the minor unit of the payment's own currency.
    """

    percent_bp: int = 0
    fixed_minor: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.percent_bp <= FEE_PERCENT_BP_MAX:
            raise InvalidMerchant(f"a fee of {self.percent_bp} basis points is not within 0..10000")
        if self.fixed_minor < 0:
            raise InvalidMerchant("a fixed fee may not be negative")

    def fee_minor(self, amount_minor: int) -> int:
        """The fee on `amount_minor`, half a unit rounded up, never more than the amount."""
        part = share(amount_minor, self.percent_bp, FEE_PERCENT_BP_MAX, Rounding.HALF_UP)
        return min(amount_minor, part + self.fixed_minor)


# Facts --------------------------------------------------------------------------------------


class MerchantOnboarded(Struct, frozen=True):
    """`merchant.onboarded`; the name is sealed under the merchant's own key."""

    external_id: str | None
    name_sealed: str
    currencies: tuple[str, ...]
    fee_plan: FeePlan


class ApiKeyCreated(Struct, frozen=True):
    """`api_key.created`; of the secret only its keyed hash."""

    merchant_id: UUID | None
    name_sealed: str
    permissions: tuple[str, ...]
    digest: bytes
    test_mode: bool


class ApiKeyRevoked(Struct, frozen=True):
    """`api_key.revoked`."""


# Rows ---------------------------------------------------------------------------------------


class Merchant(Struct, frozen=True):
    """One merchant; fields are the columns of `merchants`, in their order."""

    id: UUID
    version: int
    external_id: str | None
    name_sealed: str
    currencies: str  # JSON array of ISO 4217 codes
    fee_percent_bp: int
    fee_fixed_minor: int
    created_at: datetime

    @property
    def fee_plan(self) -> FeePlan:
        return FeePlan(self.fee_percent_bp, self.fee_fixed_minor)

    @property
    def currency_codes(self) -> tuple[str, ...]:
        return msgspec.json.decode(self.currencies, type=tuple[str, ...])


class ApiKey(Struct, frozen=True):
    """One API key; fields are the columns of `api_keys`, in their order."""

    id: UUID
    version: int
    merchant_id: UUID | None
    name_sealed: str
    permissions: str  # JSON array
    digest: bytes  # HMAC-SHA-256 of the whole key under the pepper
    test_mode: bool
    created_at: datetime
    revoked_at: datetime | None

    @property
    def principal(self) -> Principal:
        granted = msgspec.json.decode(self.permissions, type=frozenset[str])
        return Principal(self.id, self.merchant_id, self.test_mode, granted)


def fold_merchant(row: Merchant | None, fact: Told) -> Merchant:
    """The `merchants` row after `fact`."""
    if row is not None or not isinstance(fact.data, MerchantOnboarded):
        raise TypeError(f"{fact.kind} does not follow version {fact.version - 1} of a merchant")
    data = fact.data
    return Merchant(
        id=fact.aggregate_id,
        version=fact.version,
        external_id=data.external_id,
        name_sealed=data.name_sealed,
        currencies=msgspec.json.encode(data.currencies).decode(),
        fee_percent_bp=data.fee_plan.percent_bp,
        fee_fixed_minor=data.fee_plan.fixed_minor,
        created_at=fact.at,
    )


def fold_api_key(row: ApiKey | None, fact: Told) -> ApiKey:
    """The `api_keys` row after `fact`."""
    match row, fact.data:
        case None, ApiKeyCreated() as data:
            return ApiKey(
                id=fact.aggregate_id,
                version=fact.version,
                merchant_id=data.merchant_id,
                name_sealed=data.name_sealed,
                permissions=msgspec.json.encode(data.permissions).decode(),
                digest=data.digest,
                test_mode=data.test_mode,
                created_at=fact.at,
                revoked_at=None,
            )
        case ApiKey(), ApiKeyRevoked():
            return msgspec.structs.replace(row, version=fact.version, revoked_at=fact.at)
    raise TypeError(f"{fact.kind} does not follow version {fact.version - 1} of an API key")


# Errors -------------------------------------------------------------------------------------


class IdentityError(Exception):
    """Everything identity refuses; `code` is stable.

    IdentityError
    +-- InvalidKey        no such key, or a wrong secret, or revoked: never said which
    +-- KeyNotFound
    +-- MerchantNotFound
    +-- InvalidMerchant   a merchant, fee plan or permission that cannot be
    +-- ExternalIdTaken   another merchant goes by this external id
    """

    code = "identity_error"


class InvalidKey(IdentityError):
    """The credential is not one of ours, or no longer."""

    code = "invalid_api_key"


class KeyNotFound(IdentityError):
    """No API key has this id."""

    code = "api_key_not_found"


class MerchantNotFound(IdentityError):
    """No merchant has this id."""

    code = "merchant_not_found"


class InvalidMerchant(IdentityError):
    """A merchant, its fee plan, or a key's permissions cannot be like this."""

    code = "invalid_merchant"


class ExternalIdTaken(IdentityError):
    """Another merchant goes by this external id already."""

    code = "external_id_taken"
