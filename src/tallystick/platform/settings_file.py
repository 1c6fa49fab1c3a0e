"""The YAML settings file, with the nested keys of documents 000 and 004 and settings' own names."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from pydantic_settings.sources import EnvSettingsSource

# Where a nested key of the file lands.
_PLACES: Mapping[str, str] = {
    "server.host": "host",
    "server.port": "port",
    "server.timeout": "request_timeout_ms",
    "database.postgres.host": "db_host",
    "database.postgres.port": "db_port",
    "database.postgres.database": "db_database",
    "database.postgres.username": "db_username",
    "database.postgres.password": "db_password",
    "database.postgres.max_connections": "db_pool_max",
    "payment_routes": "payment_routes",
    # document 000's `PaymentServiceConfig`
    "staging.batchSize": "staging_batch_size",
    "staging.maxRetries": "staging_max_retries",
    "staging.retryDelayMs": "staging_retry_delay",
    "staging.enableParallelProcessing": "staging_parallel",
    "staging.workerCount": "staging_workers",
    "webhook.timeout_ms": "webhook_timeout_ms",
    "webhook.rate_limit.enabled": "webhook_rate_limit_enabled",
    "webhook.rate_limit.max_requests": "webhook_rate_limit_max",
    "webhook.rate_limit.window_ms": "webhook_rate_limit_window",
    "webhook.auth.enabled": "webhook_auth_enabled",
    "webhook.auth.secret": "webhook_auth_secret",
    "webhook.auth.header_name": "webhook_auth_header",
    "webhook.auth.ip_whitelist": "webhook_ip_whitelist",
    "webhook.channels": "webhook_channels",
    "deduplication.memoryCache.maxSize": "memory_cache_max_size",
    "deduplication.redis.ttlSeconds": "redis_ttl_seconds",
    "redis.host": "redis_host",
    "redis.port": "redis_port",
}
# Sections that the documents have and no room reads yet: accepted, so that one file serves all.
_FOR_LATER = ("redis", "fraud_detection", "rate_limits")

_DURATION = re.compile(r"(\d+)(ms|s|m|h)", re.ASCII)
_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}


class BadConfigFile(ValueError):
    """The file named by TALLYSTICK_CONFIG is missing or is not a YAML mapping."""


class UnknownConfigKey(ValueError):
    """The settings file has a key that nobody reads: most likely a slip of the pen."""

    def __init__(self, key: str, path: Path) -> None:
        super().__init__(f"{path}: unknown key {key}; docs/reference/settings.md lists them")
        self.key = key


class YamlFileSource(PydanticBaseSettingsSource):
    """Reads the file that `TALLYSTICK_CONFIG` names, in the environment or in `.env`."""

    def __init__(
        self, settings_cls: type[BaseSettings], *named_by: PydanticBaseSettingsSource
    ) -> None:
        super().__init__(settings_cls)
        self._path = _path_from(named_by)

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError("the file is read whole")

    def __call__(self) -> dict[str, Any]:
        if self._path is None:
            return {}
        values = read_settings_file(self._path, set(self.settings_cls.model_fields))
        return {self._alias(name): value for name, value in values.items()}

    def _alias(self, name: str) -> str:
        # The sources are merged by alias: under its own name a field would beat the environment.
        return str(self.settings_cls.model_fields[name].validation_alias or name)


def read_settings_file(path: Path, own_names: set[str]) -> dict[str, Any]:
    """The file's settings by field name. Raises BadConfigFile, UnknownConfigKey."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadConfigFile(f"TALLYSTICK_CONFIG={path}: {_reason(error)}") from None
    if not isinstance(content, dict):
        raise BadConfigFile(f"TALLYSTICK_CONFIG={path}: expected a mapping at the top")
    found: dict[str, Any] = {}
    for key, value in _flat(content):
        name = _PLACES.get(key) or (key if key in own_names else None)
        if name is not None:
            found[name] = _milliseconds(value) if name.endswith("_ms") else value
        elif key.partition(".")[0] not in _FOR_LATER:
            raise UnknownConfigKey(key, path)
    return found


def _reason(error: Exception) -> str:
    # A YAML error quotes the line it failed on, which may hold a password: say only where.
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f"not valid YAML at line {mark.line + 1}, column {mark.column + 1}"
    return getattr(error, "strerror", None) or type(error).__name__


def _flat(section: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """The leaves of nested mappings, as dotted keys."""
    leaves: list[tuple[str, Any]] = []
    for key, value in section.items():
        name = f"{prefix}{key}"
        is_section = isinstance(value, dict) and name not in _PLACES
        leaves += _flat(value, f"{name}.") if is_section else [(name, value)]
    return leaves


def _milliseconds(value: object) -> object:
    """`30s` as 30000; anything else stays for the settings to judge."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return int(match[1]) * _UNIT_MS[match[2]] if match else value


def _path_from(sources: tuple[PydanticBaseSettingsSource, ...]) -> Path | None:
    for source in sources:
        if isinstance(source, EnvSettingsSource):
            text = source.env_vars.get("tallystick_config")
            if text:
                return Path(text)
    return None
