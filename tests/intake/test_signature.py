"""Only who knows the secret can sign, and no header can do worse than be wrong."""

import hashlib
import hmac

from tallystick.intake import verify_signature
from tallystick.intake.signature import sign

SECRET = "whsec-ü-7f3a"
BODY = b'{"reference_number": "PAY-1",  "amount": 1000.50}'
HEX = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()

WRONG_HEADERS = (
    *(None, "", "sha256=", "sha256", HEX[:-1], HEX + "0", f"sha256=sha256={HEX}", f"md5={HEX}"),
    *(f"{HEX}\n", f" {HEX}", f"sha256={HEX},sha256={HEX}", "z" * 64, "é" * 64, "\0" * 64),
    *("\u0660" * 64, "\U0001d7ce" * 64, "\udcff" * 64, "a" * 1_000_000, f"SHA256={HEX}", "0" * 64),
)


def test_the_documented_header_and_bare_hex_are_right() -> None:
    assert sign(BODY, SECRET) == f"sha256={HEX}"
    for header in (f"sha256={HEX}", HEX, HEX.upper()):
        assert verify_signature(BODY, header, SECRET)


def test_any_other_header_is_wrong() -> None:
    assert [header for header in WRONG_HEADERS if verify_signature(BODY, header, SECRET)] == []


def test_each_flipped_byte_of_the_body_is_noticed() -> None:
    for place in range(len(BODY)):
        forged = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        assert not verify_signature(forged, HEX, SECRET)


def test_the_same_json_spaced_otherwise_is_another_body() -> None:
    assert not verify_signature(BODY.replace(b"  ", b" "), HEX, SECRET)


def test_nothing_is_signed_with_another_secret_or_with_none() -> None:
    assert not verify_signature(BODY, HEX, SECRET + "x")
    assert not verify_signature(BODY, sign(BODY, ""), "")
