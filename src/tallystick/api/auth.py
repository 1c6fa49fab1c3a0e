"""Who is calling: `Authorization: Bearer sk_test_...` (RFC 6750) becomes a Principal.

Every address under `/api/v1` but the signed webhooks asks for a key, and for one permission. An
object of another merchant does not exist for the caller: it is 404, never 403.
"""

from starlette.requests import Request

from tallystick.api.exchange import exchange_of
from tallystick.identity import Keys, Principal


class ApiKeyMissing(Exception):
    """There is no usable `Authorization` header."""

    code = "api_key_missing"


class PermissionDenied(Exception):
    """The key is valid and may not do this."""

    code = "permission_denied"


async def authenticate(request: Request, keys: Keys, permission: str) -> Principal:
    """The caller, who may do what `permission` names.

    Raises ApiKeyMissing, InvalidKey (of identity), PermissionDenied.
    """
    exchange = exchange_of(request)
    principal = exchange.principal = await keys.authenticate(_bearer(request))
    if not principal.may(permission):
        raise PermissionDenied(f"this needs a key with the permission `{permission}`")
    return principal


def _bearer(request: Request) -> str:
    given = request.headers.getlist("authorization")
    if len(given) != 1:
        raise ApiKeyMissing("send one header `Authorization: Bearer sk_test_...`")
    scheme, _, credential = given[0].partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise ApiKeyMissing("send the header `Authorization: Bearer sk_test_...`")
    return credential.strip()
