"""Every setting, read once at the door and handed down: one frozen object, no global.

Precedence: arguments > environment > `.env` > the YAML file named by `TALLYSTICK_CONFIG` >
defaults. A setting's environment name is its field name in capitals; four have a
`validation_alias` instead. Empty variables count as unset.
`docs/reference/settings.md` is the table.
"""

import base64
import binascii
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from tallystick.platform.settings_collection import CollectionSettings
from tallystick.platform.settings_file import YamlFileSource

MASTER_KEY_BYTES = 32
_Positive = Annotated[int, Field(gt=0)]
_Port = Annotated[int, Field(ge=0, le=65535)]
_NotNegative = Annotated[int, Field(ge=0)]
_CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

# As a browser writes it in `Origin` (RFC 6454, 6.2): without a path, in lower case.
_HTTPS = r"https://[a-z0-9-]+(\.[a-z0-9-]+)*"
_LOOPBACK = r"http://(localhost|127\.0\.0\.1|\[::1\])"
_Origin = Annotated[str, Field(pattern=rf"^({_HTTPS}|{_LOOPBACK})(:[1-9][0-9]{{0,4}})?$")]


class RouteSettings(BaseModel):
    """One way to a provider. `max_amount` is in major units, `fee_percent` in percent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    provider: str
    priority: _Positive = 1
    max_amount: Annotated[Decimal, Field(gt=0)]
    fee_percent: Annotated[Decimal, Field(ge=0, lt=100)] = Decimal(0)
    base_url: str | None = None  # unset: the sandbox
    currencies: tuple[str, ...] = ()  # empty: every currency


DEFAULT_ROUTES = (
    RouteSettings(
        name="hdfc_bank",
        provider="hdfc_bank",
        priority=1,
        max_amount=Decimal(200_000),
        fee_percent=Decimal("0.5"),
    ),
    RouteSettings(
        name="icici_bank",
        provider="icici_bank",
        priority=2,
        max_amount=Decimal(100_000),
        fee_percent=Decimal("0.6"),
    ),
)


class Settings(CollectionSettings, BaseSettings):
    """All settings. Times carry their unit in the name, else milliseconds, as in document 000."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,  # an error message must not print a secret
    )

    # the house
    tallystick_home: Path = Path(".tallystick")
    mode: Literal["test", "live"] = Field("test", validation_alias="tallystick_mode")
    host: str = "127.0.0.1"
    port: _Port = 3004
    log_level: Literal["debug", "info", "warn", "warning", "error"] = "info"
    api_processes: _Positive = 1
    drain_seconds: Annotated[int, Field(ge=0)] = 5
    crash_at: str | None = Field(None, validation_alias="tallystick_crash_at")
    test_clock: Literal["running", "hand"] = Field(
        "running", validation_alias="tallystick_test_clock"
    )
    test_clock_at: AwareDatetime | None = Field(None, validation_alias="tallystick_test_clock_at")

    # the database; neither database_url nor db_host: the embedded server
    database_url: SecretStr | None = None
    db_owner_url: SecretStr | None = None
    db_read_url: SecretStr | None = None
    db_read_lag_max: _NotNegative = 100
    db_host: str | None = None
    db_port: _Port = 5432
    db_database: str | None = None
    db_username: str | None = None
    db_password: SecretStr | None = None
    db_schema: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")] = "payment_service"
    db_ssl: bool = False
    db_shared_buffers_mb: Annotated[int, Field(ge=16)] | None = None
    db_pool_min: Annotated[int, Field(ge=0)] = 10
    db_pool_max: _Positive = 50
    db_acquire_timeout: _Positive = 60_000
    db_request_acquire_timeout: _Positive = 200
    db_idle_timeout: _Positive = 30_000
    db_statement_timeout: _Positive = 5_000
    db_lock_timeout: _Positive = 2_000

    # secrets: made in test mode, demanded in live mode (`keep_secrets`)
    key_pepper: SecretStr | None = None
    master_key: SecretStr | None = None

    # the API
    idempotency_required: Literal["live", "always", "never"] = "live"
    request_timeout_ms: _Positive = 30_000
    claim_patience_ms: Annotated[int, Field(ge=0)] = 5_000
    body_limit_bytes: _Positive = 65_536
    cors_origin: Annotated[tuple[_Origin, ...] | None, NoDecode] = None

    # rails and payments
    currencies: Annotated[tuple[str, ...], NoDecode] = ("INR", "USD", "EUR", "JPY", "KWD")
    payment_routes: tuple[RouteSettings, ...] = DEFAULT_ROUTES
    provider_timeout_ms: _Positive = 10_000
    provider_settle_ms: Annotated[int, Field(ge=0)] = 30_000
    recovery_schedule_s: Annotated[tuple[_Positive, ...], NoDecode] = (60, 300, 3_600, 86_400)
    case_after_s: _Positive = 86_400
    authorization_ttl_s: _Positive = 604_800
    intent_ttl_s: _Positive = 86_400
    intent_max_attempts: _Positive = 10
    quote_ttl_s: Annotated[int, Field(gt=0, le=86_400)] = 60
    sandbox_port: _Port = 0
    dispute_poll_s: _Positive = 60
    refund_advance_minor: Annotated[dict[_CurrencyCode, _NotNegative] | None, NoDecode] = None
    dispute_fees_minor: Annotated[dict[_CurrencyCode, _NotNegative] | None, NoDecode] = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        yaml_file = YamlFileSource(settings_cls, env_settings, dotenv_settings)
        return init_settings, env_settings, dotenv_settings, yaml_file

    @field_validator("recovery_schedule_s", "currencies", "cors_origin", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return value.split(",") if isinstance(value, str) else value

    @field_validator("dispute_fees_minor", "refund_advance_minor", mode="before")
    @classmethod
    def _split_pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = (pair.partition(":") for pair in value.split(","))
        return {currency.strip(): amount for currency, _, amount in pairs}

    @field_validator("master_key")
    @classmethod
    def _require_32_bytes(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(decoded_key(value)) != MASTER_KEY_BYTES:
            raise ValueError("must be 32 bytes in base64")
        return value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.db_pool_min > self.db_pool_max:
            raise ValueError("DB_POOL_MIN is greater than DB_POOL_MAX")
        by_hand = self.test_clock == "hand"
        if self.mode == "live" and (self.test_clock_at or by_hand or self.crash_at):
            raise ValueError("a test clock and crash points exist in test mode only")
        names = [route.name for route in self.payment_routes]
        if len(set(names)) < len(names):
            raise ValueError("two payment routes have the same name")
        return self


def load_settings(*, env_file: Path | None = Path(".env"), **overrides: Any) -> Settings:
    """Read the settings; arguments, by field name, win over everything.

    Raises pydantic's ValidationError (without the values), UnknownConfigKey, BadConfigFile.
    """
    if unknown := overrides.keys() - Settings.model_fields:
        raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
    arguments = {variable_of(name): value for name, value in overrides.items()}
    return Settings(**{"_env_file": env_file, **arguments})


def variable_of(name: str) -> str:
    """The environment variable of a field, in lower case."""
    return str(Settings.model_fields[name].validation_alias or name)


def secret(value: SecretStr | None) -> str:
    """The clear text of a secret that must be there by now."""
    if value is None:
        raise LookupError("this secret is not set; `keep_secrets` makes or demands it")
    return value.get_secret_value()


def decoded_key(value: SecretStr | None) -> bytes:
    """The bytes of a key that is kept in base64. Raises ValueError without showing the key."""
    try:
        return base64.b64decode(secret(value), validate=True)
    except binascii.Error:
        raise ValueError("must be base64") from None
