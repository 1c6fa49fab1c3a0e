"""The webhook's channels: each a sender with terms of its own, and the terms of everybody else."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from tallystick.intake.fields import FIELDS, read_payment
from tallystick.intake.model import FieldError, IntakeTerms, InvalidPayment, ReportedPayment
from tallystick.intake.signature import verify_signature
from tallystick.platform.limits import Limit
from tallystick.platform.settings import Settings
from tallystick.platform.settings_collection import ChannelSettings

EVERYBODY: Final = "default"
"""The name of the terms that hold where no channel has its own."""
UNKNOWN_FIELDS_TOLD_MAX: Final = 50
FIELD_NAME_LENGTH_MAX: Final = 100

Address = IPv4Address | IPv6Address


class ChannelMisconfigured(ValueError):
    """A channel must be signed and has no secret; `keep_secrets` says so before, or makes one."""


class Channel(Struct, frozen=True):
    """One sender's terms. Without `secrets` reports are not signed; without `limit`, not limited.

    `fields` leads from document 000's name of a field to the way to it in the sender's body.
    """

    name: str
    terms: IntakeTerms
    header: str
    secrets: tuple[str, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] | None = None
    limit: Limit | None = None
    fields: Mapping[str, tuple[str, ...]] = {}
    refuses_unknown: bool = False

    def admits(self, client: Address | None) -> bool:
        """Whether a report may come from this address at all."""
        if self.networks is None:
            return True
        return client is not None and any(client in network for network in self.networks)

    def is_signed(self, body: bytes, header: str | None) -> bool:
        """Whether `header` signs these very bytes with any of the secrets."""
        if not self.secrets:
            return True
        return any(verify_signature(body, header, secret) for secret in self.secrets)

    def read(self, body: object) -> ReportedPayment:
        """The payment in a decoded JSON body. Raises InvalidPayment with every fault at once."""
        if not isinstance(body, dict):
            raise InvalidPayment((FieldError("body", "must be an object"),))
        values = self._translated(body)
        unknown = self._unknown(body) if self.refuses_unknown else ()
        try:
            payment = read_payment(values, self.terms)
        except InvalidPayment as invalid:
            raise InvalidPayment(self._in_their_words(invalid.errors) + unknown) from None
        if unknown:
            raise InvalidPayment(unknown)
        return payment

    def _translated(self, body: dict[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {field: body[field] for field in FIELDS if field in body}
        for field, way in self.fields.items():
            values.pop(field, None)
            value: Any = body
            for step in way:
                value = value.get(step, _ABSENT) if isinstance(value, dict) else _ABSENT
            if value is not _ABSENT:
                values[field] = value
        return values

    def _unknown(self, body: dict[str, Any]) -> tuple[FieldError, ...]:
        known = {field for field in FIELDS if field not in self.fields}
        known |= {way[0] for way in self.fields.values()}
        strange = sorted(body.keys() - known)[:UNKNOWN_FIELDS_TOLD_MAX]
        return tuple(
            FieldError(name[:FIELD_NAME_LENGTH_MAX], "is not a field of a payment")
            for name in strange
        )

    def _in_their_words(self, errors: tuple[FieldError, ...]) -> tuple[FieldError, ...]:
        ways = self.fields
        return tuple(
            FieldError(".".join(ways[error.field]), error.message) if error.field in ways else error
            for error in errors
        )


_ABSENT: Final = object()


class Channels:
    """All channels by name."""

    def __init__(self, settings: Settings) -> None:
        self.everybody = _everybody(settings)
        self._own = {
            name: _own_channel(name, chosen, self.everybody, settings)
            for name, chosen in (settings.webhook_channels or {}).items()
        }

    def get(self, name: str | None) -> Channel:
        """The terms that hold for reports on this channel; those for everybody if it has none.

        A name that nobody configured gets no allowance of its own: else each name would be one.
        """
        return self._own.get(name, self.everybody) if name else self.everybody

    @property
    def names(self) -> tuple[str, ...]:
        """The channels with terms of their own."""
        return tuple(self._own)


def intake_currencies(settings: Settings) -> tuple[str, ...]:
    """The currencies that payments are reported in, of all channels."""
    own = (channel.currency for channel in (settings.webhook_channels or {}).values())
    return tuple(dict.fromkeys((settings.intake_currency, *filter(None, own))))


def _everybody(settings: Settings) -> Channel:
    secrets = (settings.webhook_auth_secret, settings.webhook_auth_previous_secret)
    shared = tuple(secret.get_secret_value() for secret in secrets if secret)
    limit = Limit(settings.webhook_rate_limit_max, settings.webhook_rate_limit_window)
    terms = IntakeTerms.of(settings.intake_currency, settings.staging_timezone)
    return Channel(
        name=EVERYBODY,
        terms=replace(terms, metadata_bytes_max=settings.webhook_metadata_bytes_max),
        header=settings.webhook_auth_header,
        secrets=_required(EVERYBODY, shared) if settings.webhook_auth_enabled else (),
        networks=settings.webhook_ip_whitelist,
        limit=limit if settings.webhook_rate_limit_enabled else None,
        refuses_unknown=settings.webhook_unknown_fields == "refuse",
    )


def _own_channel(
    name: str, chosen: ChannelSettings, everybody: Channel, settings: Settings
) -> Channel:
    auth, terms = chosen.auth, everybody.terms
    own = IntakeTerms.of(
        chosen.currency or settings.intake_currency, chosen.timezone or settings.staging_timezone
    )
    unknown = chosen.unknown_fields or settings.webhook_unknown_fields
    return Channel(
        name=name,
        terms=replace(terms, currency=own.currency, timezone=own.timezone),
        header=auth.header_name or everybody.header,
        secrets=_secrets(name, chosen, settings),
        networks=everybody.networks if auth.ip_whitelist is None else auth.ip_whitelist,
        limit=_limit(chosen, settings),
        fields={ours: tuple(theirs.split(".")) for theirs, ours in chosen.fields.items()},
        refuses_unknown=unknown == "refuse",
    )


def _secrets(name: str, chosen: ChannelSettings, settings: Settings) -> tuple[str, ...]:
    enabled = chosen.auth.enabled
    if not (settings.webhook_auth_enabled if enabled is None else enabled):
        return ()
    shared = (settings.webhook_auth_secret, settings.webhook_auth_previous_secret)
    found = chosen.auth.secrets or tuple(secret for secret in shared if secret)
    return _required(name, tuple(secret.get_secret_value() for secret in found))


def _required(name: str, secrets: tuple[str, ...]) -> tuple[str, ...]:
    if not any(secrets):
        raise ChannelMisconfigured(f"the channel {name} must be signed, and has no secret")
    return tuple(filter(None, secrets))


def _limit(chosen: ChannelSettings, settings: Settings) -> Limit | None:
    own = chosen.rate_limit
    if not (settings.webhook_rate_limit_enabled if own.enabled is None else own.enabled):
        return None
    return Limit(
        own.max_requests or settings.webhook_rate_limit_max,
        own.window_ms or settings.webhook_rate_limit_window,
    )
