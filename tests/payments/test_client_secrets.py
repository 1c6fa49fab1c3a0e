"""Client secrets: one intent each, told again at any time, guessed by nobody."""

from uuid import UUID

import pytest

from tallystick.payments.client_secrets import ClientSecrets
from tallystick.payments.errors import InvalidClientSecret
from tallystick.payments.model import intent_name

ONE = UUID("01900000-0000-7001-8000-000000000200")
OTHER = UUID("01900000-0000-7001-8000-000000000201")
SECRETS = ClientSecrets(b"a key")
SECRET = SECRETS.of(ONE)


def test_a_secret_names_its_intent() -> None:
    assert SECRETS.read(SECRET) == ONE
    assert SECRET.startswith(f"{intent_name(ONE)}_secret_")
    assert len(SECRET.rpartition("_")[2]) == 39  # 192 bits in base32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "int_",
        intent_name(ONE),
        f"{intent_name(ONE)}_secret_",
        SECRET[:-1],
        SECRET + "a",
        SECRET + "_secret_",
        SECRET.upper(),
        SECRET.replace(intent_name(ONE), intent_name(OTHER)),
        SECRET.replace(intent_name(ONE), str(ONE)),
        SECRET.replace("int_", "pay_"),
        f"{SECRET}\x00",
        f"{intent_name(ONE)}_secret_é",
        ClientSecrets(b"another key").of(ONE),
    ],
)
def test_anything_else_is_no_secret(text: str) -> None:
    with pytest.raises(InvalidClientSecret):
        SECRETS.read(text)


def test_the_key_is_not_shown() -> None:
    assert "a key" not in repr(SECRETS)
