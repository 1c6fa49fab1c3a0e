"""The settings of document 000, the collection of payments made elsewhere, under its names.

Defaults are the document's. Addresses, secrets and allow-lists have none: what is not named stays
in this process, or off.
"""

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

_Positive = Annotated[int, Field(gt=0)]
_NotNegative = Annotated[int, Field(ge=0)]
_Port = Annotated[int, Field(ge=0, le=65535)]
_Header = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")]
_ChannelName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
UnknownFields = Literal["ignore", "refuse"]
PaymentField = Literal[
    "reference_number",
    "loan_account_number",
    "cif",
    "amount",
    "payment_date",
    "payment_channel",
    "metadata",
]
Networks = tuple[IPv4Network | IPv6Network, ...]

# A channel's name is a word of the address, and these words stand for something else there.
_ADDRESSES = frozenset({"stats", "duplicate", "payment"})


class ChannelAuth(BaseModel):
    """How a channel's sender is known; what is not said here is said for all channels."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    enabled: bool | None = None
    secrets: tuple[SecretStr, ...] = ()  # any of them signs: the old and the new one, say
    header_name: _Header | None = None
    ip_whitelist: Networks | None = None

    @field_validator("secrets")
    @classmethod
    def _require_text(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(secret.get_secret_value() for secret in value):
            raise ValueError("an empty secret signs nothing")
        return value


class ChannelLimit(BaseModel):
    """How much one client may send on a channel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool | None = None
    max_requests: _Positive | None = None
    window_ms: _Positive | None = None


class ChannelSettings(BaseModel):
    """One channel of the webhook. `fields`: the sender's name of a field -> document 000's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    auth: ChannelAuth = ChannelAuth()
    rate_limit: ChannelLimit = ChannelLimit()
    currency: _CurrencyCode | None = None
    timezone: str | None = None
    fields: dict[str, PaymentField] = {}
    unknown_fields: UnknownFields | None = None

    @field_validator("fields")
    @classmethod
    def _require_one_name_each(cls, value: dict[str, PaymentField]) -> dict[str, PaymentField]:
        if len(set(value.values())) < len(value):
            raise ValueError("two of the sender's names mean the same field")
        return value


class CollectionSettings(BaseModel):
    """Document 000's variables. Times without a unit in their name are milliseconds, as there."""

    node_env: Literal["development", "test", "staging", "production"] = "development"
    db_debug: bool = False

    # Redis; without a host, everything stays in this process
    redis_host: str | None = None
    redis_port: _Port = 6379
    redis_password: SecretStr | None = None
    redis_ssl: bool = False
    redis_ttl_seconds: _Positive = 86_400
    redis_timeout_ms: _Positive = 50
    redis_pause_ms: _Positive = 5_000

    # Kafka; while it is off, consumers read the journal
    kafka_enabled: bool = False
    kafka_brokers: str | None = None
    kafka_topic: str = "payment.events"
    kafka_topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")] | None = None
    kafka_client_id: str = "payment-service"
    kafka_batch_size: _Positive = 100
    kafka_compression: Literal["gzip", "snappy", "lz4", "zstd", "none"] = "gzip"
    kafka_retries: _NotNegative = 5
    kafka_acks: Annotated[int, Field(ge=-1, le=1)] = -1
    kafka_timeout: _Positive = 30_000
    kafka_session_timeout_ms: Annotated[int, Field(gt=0, le=300_000)] = 10_000
    kafka_instance_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$")] | None = None
    kafka_schema_registry_url: SecretStr | None = None  # its address may hold a password

    # the staging table
    staging_batch_size: Annotated[int, Field(gt=0, le=10_000)] = 1_000
    staging_max_retries: _NotNegative = 3
    staging_retry_delay: _NotNegative = 5_000
    staging_parallel: bool = False
    staging_workers: _Positive = 2
    staging_schedule: str = "*/30 * * * * *"
    staging_job_enabled: bool = True
    staging_max_failures: _Positive = 5
    staging_timeout: _Positive = 300_000
    staging_timezone: str = "UTC"
    intake_currency: _CurrencyCode = "USD"
    intake_posting: Literal["inline", "consumer"] = "consumer"

    # the webhook
    webhook_timeout_ms: _Positive = 5_000
    webhook_rate_limit_enabled: bool = True
    webhook_rate_limit_max: _Positive = 1_000
    webhook_rate_limit_window: _Positive = 60_000
    webhook_auth_enabled: bool = True
    webhook_auth_secret: SecretStr | None = None
    webhook_auth_previous_secret: SecretStr | None = None
    webhook_auth_header: _Header = "x-signature"
    webhook_ip_whitelist: Annotated[Networks | None, NoDecode] = None
    webhook_trusted_proxies: Annotated[int, Field(ge=0, le=16)] = 0
    webhook_unknown_fields: UnknownFields = "ignore"
    webhook_metadata_bytes_max: Annotated[int, Field(gt=0, le=32_768)] = 32_768
    webhook_channels: dict[_ChannelName, ChannelSettings] | None = None

    # who has a reference
    memory_cache_max_size: _Positive = 10_000
    enable_memory_cache: bool = True
    enable_redis_cache: bool = True
    reference_cache_ttl_days: _Positive = 90
    process_log_ttl_days: _Positive = 30
    enable_cache_warming: bool = True
    cache_warming_limit: _Positive = 10_000

    # the months of the recorded payments
    partition_retention_months: _Positive = 12
    partition_future_months: _Positive = 3
    partition_schedule: str = "0 2 * * *"
    partition_job_enabled: bool = True
    cache_cleanup_schedule: str = "0 3 * * *"
    cache_cleanup_enabled: bool = True
    schedule_timezone: str = "UTC"  # of all three schedules

    # what is measured
    enable_metrics: bool = True
    metrics_port: _Port | None = None

    @field_validator("kafka_schema_registry_url")
    @classmethod
    def _require_http(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not re.fullmatch(r"https?://[^\s?#]+", value.get_secret_value()):
            raise ValueError("must be http:// or https://, without a query")
        return value

    @field_validator("webhook_ip_whitelist", mode="before")
    @classmethod
    def _split_networks(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(network.strip() for network in value.split(","))
        return value

    @field_validator("webhook_channels")
    @classmethod
    def _require_names_of_their_own(
        cls, value: dict[str, ChannelSettings] | None
    ) -> dict[str, ChannelSettings] | None:
        if taken := _ADDRESSES & (value or {}).keys():
            raise ValueError(f"{', '.join(sorted(taken))}: an address of the webhook's own")
        return value
