"""Where a payer goes once his bank has asked him: an address of the merchant's. Pure.

Only https, or plain http to this very machine (a developer's own), so that nobody between can
read along or send the payer elsewhere. Plain characters alone: it stands in headers and pages.
"""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from tallystick.payments.errors import Invalid

LENGTH_MAX: Final = 2_048
# RFC 3986's own characters, of which none can end an attribute, a header or its directive.
_PLAIN: Final = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&()*+,=%-]+", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\.?", re.ASCII)


def require_return_url(text: str) -> str:
    """The address, if a payer may be sent there. Raises Invalid (invalid_return_url)."""
    if not 0 < len(text) <= LENGTH_MAX or _PLAIN.fullmatch(text) is None:
        raise _invalid("expected an address of plain characters")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _invalid("expected an address such as https://shop.example/paid") from None
    if "@" in parts.netloc or not _is_host(host):
        raise _invalid("expected a host, without a user or a password")
    if not _is_plain_port(parts.netloc, port):
        raise _invalid("expected a port from 1 to 65535, or none")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise _invalid("expected https; plain http leads to this machine alone")
    return text


def with_intent(return_url: str, intent: str) -> str:
    """The address with the intent's id, so that the merchant knows who is back.

    It says nothing of the outcome: that is asked for, never believed from a browser.
    """
    parts = urlsplit(return_url)
    query = f"{parts.query}&intent={intent}" if parts.query else f"intent={intent}"
    return urlunsplit(parts._replace(path=parts.path or "/", query=query))


def _is_plain_port(netloc: str, port: int | None) -> bool:
    """Whether a port is said plainly, if one is: banks may refuse `:0443`, or a mere `:`."""
    _, colon, text = netloc.rpartition("]")[2].partition(":")
    return not colon or (port != 0 and text == str(port))


def _is_host(host: str) -> bool:
    return _address(host) or _NAME.fullmatch(host) is not None


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_address(host) and ip_address(host).is_loopback)


def _address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _invalid(detail: str) -> Invalid:
    return Invalid(detail, "invalid_return_url")
