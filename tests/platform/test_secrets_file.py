"""Secrets that are made in test mode and demanded in live mode."""

import json
import stat
import threading
from pathlib import Path

import pytest

from tallystick.platform.secrets_file import (
    HomeUnusable,
    SecretsMissing,
    SecretsUnreadable,
    keep_secrets,
    kept_secrets,
    random_secret,
)
from tallystick.platform.settings import Settings, decoded_key, load_settings

pytestmark = pytest.mark.usefixtures("clean_environment")


def _settings(home: Path, **changes: object) -> Settings:
    return load_settings(env_file=None, tallystick_home=home, **changes)


def test_test_mode_makes_them_once_and_keeps_them_private(tmp_path: Path) -> None:
    home = tmp_path / "a home"
    first = keep_secrets(_settings(home))
    assert len(decoded_key(first.master_key)) == 32
    assert keep_secrets(_settings(home)) == first
    assert stat.S_IMODE((home / "secrets.json").stat().st_mode) == 0o600
    assert sorted(path.name for path in home.iterdir()) == ["secrets.json"]


def test_one_that_is_set_is_neither_replaced_nor_written_down(tmp_path: Path) -> None:
    settings = keep_secrets(_settings(tmp_path, key_pepper="chosen"))
    assert settings.key_pepper is not None
    assert settings.key_pepper.get_secret_value() == "chosen"
    assert "key_pepper" not in json.loads((tmp_path / "secrets.json").read_text())


def test_live_mode_refuses_and_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SecretsMissing, match="MASTER_KEY, WEBHOOK_AUTH_SECRET") as told:
        keep_secrets(_settings(tmp_path, mode="live", key_pepper="chosen"))
    assert told.value.names == ["MASTER_KEY", "WEBHOOK_AUTH_SECRET"]
    assert not (tmp_path / "secrets.json").exists()


def test_live_mode_needs_no_webhook_secret_while_webhooks_are_unsigned(tmp_path: Path) -> None:
    with pytest.raises(SecretsMissing) as told:
        keep_secrets(_settings(tmp_path, mode="live", webhook_auth_enabled=False))
    assert told.value.names == ["KEY_PEPPER", "MASTER_KEY"]


def test_later_secrets_join_the_earlier_ones(tmp_path: Path) -> None:
    one = kept_secrets(tmp_path, {"one": random_secret})
    both = kept_secrets(tmp_path, {"one": random_secret, "two": random_secret})
    assert both["one"] == one["one"] != both["two"]


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_file_is_never_overwritten(tmp_path: Path, content: str) -> None:
    (tmp_path / "secrets.json").write_text(content)
    with pytest.raises(SecretsUnreadable):
        keep_secrets(_settings(tmp_path))
    assert (tmp_path / "secrets.json").read_text() == content


def test_a_home_that_cannot_be_is_told_with_a_way_out(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for home in (file, file / "home"):
        with pytest.raises(HomeUnusable, match="set TALLYSTICK_HOME to another folder"):
            keep_secrets(_settings(home))


def test_a_draft_left_by_a_crash_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "secrets.json.new").write_text("half")
    keep_secrets(_settings(tmp_path))


def test_all_who_ask_at_once_get_the_same(tmp_path: Path) -> None:
    found: list[dict[str, str]] = []
    ready = threading.Barrier(8)

    def ask() -> None:
        ready.wait()
        found.append(kept_secrets(tmp_path, {"pepper": random_secret}))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len({each["pepper"] for each in found}) == 1
