"""Where a database is: URLs, parts, and passwords that do not print."""

from typing import Any

import pytest

from tallystick.platform.postgres.address import (
    Address,
    BadDatabaseUrl,
    outside_login,
    outside_owner,
    parse_database_url,
)
from tallystick.platform.settings import Settings, load_settings

pytestmark = pytest.mark.usefixtures("clean_environment")


def _settings(**changes: Any) -> Settings:
    return load_settings(env_file=None, **changes)


def test_a_url_is_read_with_its_escapes() -> None:
    url = "postgresql://pay%40er:ge%2Fheim@db.example:6543/books?sslmode=require"
    assert parse_database_url(url, "cell_1", ssl=False) == Address(
        host="db.example",
        port=6543,
        database="books",
        user="pay@er",
        password="ge/heim",
        schema="cell_1",
        ssl=True,
    )


def test_a_url_may_name_a_socket_folder() -> None:
    address = parse_database_url("postgres:///books?host=/run/pg", "c", ssl=False)
    assert (address.host, address.port, address.ssl) == ("/run/pg", 5432, False)


@pytest.mark.parametrize(
    "url",
    ["mysql://u:geheim@h/d", "postgresql://u:geheim@h", "geheim", "postgresql://u:geheim@h:x/d"],
)
def test_a_bad_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(BadDatabaseUrl) as told:
        parse_database_url(url, "c", ssl=False)
    assert "geheim" not in str(told.value)


def test_without_any_address_the_embedded_server_is_meant() -> None:
    assert outside_login(_settings()) is None
    assert outside_owner(_settings()) is None


def test_the_url_wins_over_the_parts() -> None:
    parts: dict[str, Any] = {"db_host": "h", "db_password": "p", "db_ssl": True}
    by_parts = outside_login(_settings(**parts))
    assert by_parts is not None
    assert (by_parts.host, by_parts.database, by_parts.password) == ("h", "tallystick", "p")
    assert by_parts.ssl
    by_url = outside_login(_settings(database_url="postgresql://u:p@other/d", **parts))
    assert by_url is not None
    assert (by_url.host, by_url.ssl) == ("other", True)


def test_the_owner_has_a_url_of_his_own_or_is_the_login() -> None:
    login = {"database_url": "postgresql://u:p@h/d"}
    assert outside_owner(_settings(**login)) == outside_login(_settings(**login))
    owner = outside_owner(_settings(**login, db_owner_url="postgresql://boss:p@h/d"))
    assert owner is not None
    assert owner.user == "boss"


def test_a_password_does_not_print() -> None:
    address = Address(host="h", port=1, database="d", user="u", password="geheim")
    assert "geheim" not in f"{address} {address!r}"
    assert address.as_owner("boss", "p").user == "boss"
    assert address.in_database("other").database == "other"
