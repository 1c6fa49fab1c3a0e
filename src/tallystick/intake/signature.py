"""The signature of a webhook: HMAC-SHA-256 over the very bytes of the body (RFC 2104).

Document 000's sample signs the body as parsed and written again, which any sender that spaces its
JSON differently would fail; the raw bytes are what both sides surely share.
"""

import hmac
import re
from typing import Final

# Bare hex is accepted beside the documented prefix: senders differ.
_SIGNATURE: Final = re.compile(r"(?:sha256=)?([0-9a-fA-F]{64})", re.ASCII)


def verify_signature(body: bytes, header: str | None, secret: str) -> bool:
    """Whether `header` (`sha256=<hex>` or bare hex) signs `body` with `secret`.

    Any other header is simply wrong, and with an empty secret nothing is right: everybody knows it.
    """
    claimed = _SIGNATURE.fullmatch(header or "")
    if claimed is None or not secret:
        return False
    return hmac.compare_digest(bytes.fromhex(claimed[1]), _digest(body, secret))


def sign(body: bytes, secret: str) -> str:
    """The header value a sender puts beside `body`: `sha256=` and 64 hex digits."""
    return f"sha256={_digest(body, secret).hex()}"


def _digest(body: bytes, secret: str) -> bytes:
    return hmac.digest(secret.encode(), body, "sha256")
