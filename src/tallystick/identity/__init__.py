"""Identity: merchants, their API keys, and the Principal that stands behind a request.

Promises: a key is shown once and stored only as a keyed hash; recognising one costs no SQL on
the hot path; a revoked key stops within five seconds everywhere; names are sealed and erasable.
Tables: `merchants`, `api_keys`.
Facts: `merchant.onboarded`, `api_key.created`, `api_key.revoked`.
"""

from tallystick.identity.keys import Keys
from tallystick.identity.merchants import Merchants
from tallystick.identity.model import (
    ApiKey,
    ExternalIdTaken,
    FeePlan,
    IdentityError,
    InvalidKey,
    Merchant,
    MerchantNotFound,
    Permission,
    Principal,
)
from tallystick.identity.store import PROJECTIONS as projections

__all__ = [
    "ApiKey",
    "ExternalIdTaken",
    "FeePlan",
    "IdentityError",
    "InvalidKey",
    "Keys",
    "Merchant",
    "MerchantNotFound",
    "Merchants",
    "Permission",
    "Principal",
    "projections",
]
