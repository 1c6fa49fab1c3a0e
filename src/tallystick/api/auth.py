"""Who is calling: `Authorization: Bearer sk_test_...` (RFC 6750) becomes a Principal.

Every address under `/api/v1` but the signed webhooks asks for a key, and for one permission. An
object of another merchant does not exist for the caller: it is 404, never 403.
"""

from starlette.requests import Request

from tallystick.api.exchange import Exchange, exchange_of
from tallystick.app import App
from tallystick.identity import Keys, Permission, Principal


class ApiKeyMissing(Exception):
    """There is no usable `Authorization` header."""

    code = "api_key_missing"


class PermissionDenied(Exception):
    """The key is valid and may not do this."""

    code = "permission_denied"


async def authenticate(exchange: Exchange, keys: Keys, permission: str) -> Principal:
    """The caller, who may do what `permission` names.

    Raises ApiKeyMissing, InvalidKey (of identity), PermissionDenied.
    """
    principal = exchange.principal = await keys.authenticate(bearer(exchange))
    if not principal.may(permission):
        raise PermissionDenied(f"this needs a key with the permission `{permission}`")
    return principal


async def require_platform(app: App, request: Request, permission: str = Permission.READ) -> None:
    """The platform's own people: what was paid elsewhere is no merchant's to see.

    Raises as `authenticate`.
    """
    principal = await authenticate(exchange_of(request), app.keys, permission)
    if not principal.is_operator:
        raise PermissionDenied("payments made elsewhere are the platform's, not a merchant's")


def bearer(exchange: Exchange) -> str:
    """What the caller shows for himself. Raises ApiKeyMissing."""
    given = exchange.headers.get(b"authorization", b"").decode("latin-1")
    scheme, _, credential = given.partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise ApiKeyMissing("send the header `Authorization: Bearer sk_test_...`")
    return credential.strip()
