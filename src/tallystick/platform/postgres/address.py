"""Where a database is and who we are there."""

from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from tallystick.platform.settings import Settings, secret

DEFAULT_SCHEMA = "payment_service"
_PLAIN_SSL_MODES = {"", "disable", "allow", "prefer"}


class BadDatabaseUrl(ValueError):
    """A database URL that cannot be understood; the message never shows the URL."""


class Address(Struct, frozen=True):
    """A database and a login. `host` is a name, or the folder of a Unix socket.

    `schema` is the cell. With `ssl` the server's certificate is verified.
    """

    host: str
    port: int
    database: str
    user: str
    password: str
    schema: str = DEFAULT_SCHEMA
    ssl: bool = False

    def __repr__(self) -> str:
        return f"Address({self.user}@{self.host}:{self.port}/{self.database}, {self.schema})"

    def as_owner(self, user: str, password: str) -> "Address":
        """The same database for the login that owns its tables."""
        return replace(self, user=user, password=password)

    def in_database(self, database: str) -> "Address":
        """The same server and login, another database."""
        return replace(self, database=database)


def parse_database_url(url: str, schema: str, *, ssl: bool) -> Address:
    """The address behind `postgresql://user:password@host:port/database?sslmode=require`.

    Raises BadDatabaseUrl.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError:
        raise BadDatabaseUrl("the database URL is malformed") from None
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        raise BadDatabaseUrl("expected postgresql://user:password@host:port/database")
    query = parse_qs(parts.query)
    ssl_mode = query.get("sslmode", [""])[0]
    return Address(
        host=query.get("host", [parts.hostname or "127.0.0.1"])[0],
        port=port,
        database=unquote(parts.path.strip("/")),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        schema=schema,
        ssl=ssl or ssl_mode not in _PLAIN_SSL_MODES,
    )


def outside_login(settings: Settings) -> Address | None:
    """The servers' login at the database the settings name; None means the embedded server."""
    if settings.database_url is not None:
        url = secret(settings.database_url)
        return parse_database_url(url, settings.db_schema, ssl=settings.db_ssl)
    if settings.db_host is None:
        return None
    return Address(
        host=settings.db_host,
        port=settings.db_port,
        database=settings.db_database or "tallystick",
        user=settings.db_username or "tallystick",
        password=secret(settings.db_password) if settings.db_password else "",
        schema=settings.db_schema,
        ssl=settings.db_ssl,
    )


def outside_owner(settings: Settings) -> Address | None:
    """The login that migrates: DB_OWNER_URL, else the servers' own."""
    if settings.db_owner_url is None:
        return outside_login(settings)
    url = secret(settings.db_owner_url)
    return parse_database_url(url, settings.db_schema, ssl=settings.db_ssl)
