"""What a dispute costs is a setting, by currency."""

import pytest
from pydantic import ValidationError

from tallystick.platform.settings import load_settings

pytestmark = pytest.mark.usefixtures("clean_environment")


def test_fees_are_said_by_currency() -> None:
    chosen = load_settings(env_file=None, dispute_fees_minor="INR:50000, USD:1500")

    assert chosen.dispute_fees_minor == {"INR": 50_000, "USD": 1_500}
    assert load_settings(env_file=None).dispute_fees_minor is None


@pytest.mark.parametrize("text", ["INR", "INR:-1", "INR:1.5", "rupee:1", "INR:", ":5"])
def test_what_is_no_fee_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        load_settings(env_file=None, dispute_fees_minor=text)
