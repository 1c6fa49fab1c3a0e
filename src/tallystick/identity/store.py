"""All SQL of identity: one function, one statement. Rows are written by the journal alone."""

from uuid import UUID

from tallystick.books import PLATFORM
from tallystick.identity.model import (
    ApiKey,
    ApiKeyCreated,
    ApiKeyRevoked,
    Merchant,
    MerchantOnboarded,
    fold_api_key,
    fold_merchant,
)
from tallystick.journal import Projection
from tallystick.platform.postgres.pools import Database

PROJECTIONS = (
    Projection(
        table="merchants",
        row=Merchant,
        kinds={"merchant.onboarded": MerchantOnboarded},
        fold=fold_merchant,
        seals=lambda row: [(row.id, row.name_sealed)],
    ),
    Projection(
        table="api_keys",
        row=ApiKey,
        kinds={"api_key.created": ApiKeyCreated, "api_key.revoked": ApiKeyRevoked},
        fold=fold_api_key,
        seals=lambda row: [(row.merchant_id or PLATFORM, row.name_sealed)],
    ),
)

_MERCHANT = ", ".join(Merchant.__struct_fields__)
_BEFORE_ALL = UUID(int=0)
_API_KEY = ", ".join(ApiKey.__struct_fields__)


async def find_merchant(database: Database, merchant_id: UUID) -> Merchant | None:
    """The merchant with this id."""
    row = await database.fetchrow(f"SELECT {_MERCHANT} FROM merchants WHERE id = $1", merchant_id)
    return Merchant(*row) if row else None


async def find_merchant_by_external_id(database: Database, external_id: str) -> Merchant | None:
    """The merchant that goes by this name of its own."""
    row = await database.fetchrow(
        f"SELECT {_MERCHANT} FROM merchants WHERE external_id = $1", external_id
    )
    return Merchant(*row) if row else None


async def list_merchants(
    database: Database, *, after: UUID | None, limit: int
) -> tuple[Merchant, ...]:
    """At most `limit` merchants in the order of their ids, those behind `after`."""
    rows = await database.fetch(
        f"SELECT {_MERCHANT} FROM merchants WHERE id > $1 ORDER BY id LIMIT $2",
        after or _BEFORE_ALL,
        limit,
    )
    return tuple(Merchant(*row) for row in rows)


async def find_api_key(database: Database, key_id: UUID) -> ApiKey | None:
    """The key with this id, revoked or not."""
    row = await database.fetchrow(f"SELECT {_API_KEY} FROM api_keys WHERE id = $1", key_id)
    return ApiKey(*row) if row else None


async def list_api_keys(database: Database, merchant_id: UUID | None) -> tuple[ApiKey, ...]:
    """All keys of a merchant, or of the platform's operators; revoked ones too."""
    # Two conditions, as no index answers `IS NOT DISTINCT FROM`.
    whose, values = ("IS NULL", ()) if merchant_id is None else ("= $1", (merchant_id,))
    rows = await database.fetch(
        f"SELECT {_API_KEY} FROM api_keys WHERE merchant_id {whose} ORDER BY created_at, id",
        *values,
    )
    return tuple(ApiKey(*row) for row in rows)
