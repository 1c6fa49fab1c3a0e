"""What a newcomer is told can be pasted, and holds no trap."""

import hmac
import shlex
from datetime import UTC, datetime

from tallystick.cli.here import Credentials
from tallystick.cli.showing.stories import Webhook
from tallystick.cli.showing.welcome import welcome

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
URL = "http://127.0.0.1:3004"
KEYS = Credentials("mer_1", "sk_test_merchant", "sk_test_operator")


def test_the_line_to_pay_with_is_one_shell_command() -> None:
    told = welcome(URL, "/data", KEYS, Webhook("x-signature", "s"), NOW)

    words = shlex.split(told.pay or "")
    assert words[:3] == ["curl", "-s", f"{URL}/api/v1/payments"]
    assert "Authorization: Bearer sk_test_merchant" in words
    assert told.pay in told.lines()


def test_the_webhook_line_is_signed_over_the_very_bytes_it_sends() -> None:
    told = welcome(URL, "/data", KEYS, Webhook("x-signature", "s"), NOW)

    words = shlex.split(told.record or "")
    body = words[words.index("-d") + 1].encode()
    assert f"x-signature: sha256={hmac.digest(b's', body, 'sha256').hex()}" in words


def test_an_unsigned_webhook_has_no_signature() -> None:
    told = welcome(URL, "/data", KEYS, Webhook("x-signature", None), NOW)

    assert "x-signature" not in (told.record or "")


def test_the_operators_key_is_never_shown() -> None:
    told = welcome(URL, "/data", KEYS, Webhook("x-signature", "s"), NOW)

    assert "sk_test_operator" not in "\n".join(told.lines())


def test_in_live_mode_it_says_how_to_make_a_key() -> None:
    said = "\n".join(welcome(URL, "/data", None, Webhook("x-signature", "s"), NOW).lines())

    assert "tallystick keys create --operator" in said
    assert "/docs" not in said
