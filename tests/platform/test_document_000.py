"""Document 000's variables: all there, under their names, with its defaults.

`document_000.env` is the document's table of them. What names a place, a person or a secret has no
default here: nobody's database is called by accident.
"""

import re
from pathlib import Path

import pytest

from tallystick.platform.secrets_file import SecretsMissing, keep_secrets
from tallystick.platform.settings import Settings, load_settings, variable_of

pytestmark = pytest.mark.usefixtures("clean_environment")

TABLE = Path(__file__).with_name("document_000.env").read_text(encoding="utf-8")
VARIABLE = re.compile(r"^([A-Z_]+)=(.*)$", re.MULTILINE)
DOCUMENTED = dict(VARIABLE.findall(TABLE))
PROFILES = Path(__file__).parents[2] / "deploy" / "env"
WITHOUT_DEFAULT = {
    *("HOST", "DB_HOST", "DB_DATABASE", "DB_USERNAME", "DB_PASSWORD"),
    *("REDIS_HOST", "KAFKA_BROKERS", "WEBHOOK_AUTH_SECRET", "WEBHOOK_IP_WHITELIST", "CORS_ORIGIN"),
    "METRICS_PORT",
}
WRITTEN = {**DOCUMENTED, "CORS_ORIGIN": "https://app.collectioncrm.com"}  # `*` stays refused


def shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def fields() -> dict[str, str]:
    return {variable_of(name).upper(): name for name in Settings.model_fields}


def test_the_table_is_the_documents() -> None:
    assert len(DOCUMENTED) == 60


def test_every_variable_is_a_setting() -> None:
    assert DOCUMENTED.keys() - fields().keys() == set()


@pytest.mark.parametrize("variable", sorted(DOCUMENTED.keys() - WITHOUT_DEFAULT))
def test_a_default_is_the_documents(variable: str) -> None:
    settings = load_settings(env_file=None)

    assert shown(getattr(settings, fields()[variable])) == DOCUMENTED[variable]


@pytest.mark.parametrize("variable", sorted(WITHOUT_DEFAULT - {"HOST"}))
def test_a_place_or_a_secret_has_no_default(variable: str) -> None:
    assert getattr(load_settings(env_file=None), fields()[variable]) is None


def test_the_api_listens_on_this_machine_unless_told() -> None:
    assert load_settings(env_file=None).host == "127.0.0.1"


def test_the_documents_whole_file_is_read(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("\n".join(f"{name}={value}" for name, value in WRITTEN.items()))

    settings = load_settings(env_file=dotenv)

    secret = {"DB_PASSWORD", "WEBHOOK_AUTH_SECRET"}
    read = {
        name: shown(getattr(settings, fields()[name])) for name in WRITTEN if name not in secret
    }
    assert read == {name: value for name, value in WRITTEN.items() if name not in secret}


@pytest.mark.parametrize("profile", ["production", "staging"])
def test_a_profile_is_read_whole(profile: str) -> None:
    path = PROFILES / f"{profile}.env"
    written = dict(VARIABLE.findall(path.read_text(encoding="utf-8")))

    settings = load_settings(env_file=path)

    assert written["NODE_ENV"] == profile
    assert {name: shown(getattr(settings, fields()[name])) for name in written} == written


def test_production_starts_with_no_secret_of_its_own_making(tmp_path: Path) -> None:
    settings = load_settings(env_file=PROFILES / "production.env", tallystick_home=tmp_path)

    with pytest.raises(SecretsMissing, match="WEBHOOK_AUTH_SECRET"):
        keep_secrets(settings)
