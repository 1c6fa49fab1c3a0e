"""A channel has terms of its own: secrets, header, names of fields, currency, strictness."""

import json
from decimal import Decimal
from typing import get_args

import pytest
from pydantic import ValidationError

from tallystick.platform.secrets_file import SecretsMissing, keep_secrets
from tallystick.platform.settings import Settings, load_settings
from tallystick.platform.settings_collection import PaymentField
from tests.api.intake.conftest import Houses, report

pytestmark = pytest.mark.anyio

VCB = {
    "auth": {"secrets": ["the new one", "the old one"], "header_name": "x-vcb-signature"},
    "currency": "INR",
    "timezone": "Asia/Kolkata",
    "fields": {"utr": "reference_number", "account.number": "loan_account_number"},
}


async def test_any_of_its_secrets_signs_and_no_other(house: Houses) -> None:
    async with house(webhook_channels={"vcb": VCB}) as bank:
        body = report(reference_number=None, utr="UTR-1", account={"number": "LA-1"})
        told = {"header": "x-vcb-signature"}
        for key in ("the new one", "the old one"):
            assert (await bank.send(body, "vcb", key, **told)).status == 200
        for key in (bank.key, "the older one", ""):
            assert (await bank.send(body, "vcb", key, **told)).status == 401
        assert (await bank.send(body, "vcb", "the new one")).status == 401  # another header
        assert (await bank.send(report(), "", "the new one")).status == 401
        assert (await bank.send(report())).status == 200


async def test_the_old_secret_of_everybody_signs_until_it_is_taken_away(house: Houses) -> None:
    async with house(webhook_auth_previous_secret="last year's") as bank:
        assert (await bank.send(report(), "", "last year's")).status == 200
        assert (await bank.send(report())).status == 200
    async with house() as bank:
        assert (await bank.send(report(), "", "last year's")).status == 401


async def test_its_names_currency_and_timezone_are_its_own(house: Houses) -> None:
    body = report(
        reference_number=None,
        loan_account_number=None,
        utr="UTR-1",
        account={"number": "LA-1"},
        payment_date="2026-03-01T05:29:00",
    )
    async with house(webhook_channels={"vcb": VCB}) as bank:
        answer = await bank.send(body, "vcb", "the new one", "x-vcb-signature")
        row = await bank.app.recording.find_payment("UTR-1")

        assert answer.json["data"]["status"] == "created", answer.raw
        assert row is not None
        assert (row.loan_account_number, row.amount, row.currency) == (
            "LA-1",
            Decimal("1000.50"),
            "INR",
        )
        assert row.payment_date.isoformat() == "2026-02-28T23:59:00"
        assert json.loads(row.metadata or "")["_tallystick"]["channel"] == "vcb"


async def test_what_is_wrong_is_said_in_its_own_names(house: Houses) -> None:
    async with house(webhook_channels={"vcb": VCB}) as bank:
        body = report(account={"number": 7})  # document 000's names are not read here
        answer = await bank.send(body, "vcb", "the new one", "x-vcb-signature")

    assert answer.status == 400
    assert {fault["field"]: fault["message"] for fault in answer.json["details"]} == {
        "utr": "is required",
        "account.number": "must be a string",
    }


async def test_unknown_fields_are_ignored_or_refused_as_the_settings_say(house: Houses) -> None:
    strict = {"vcb": VCB | {"unknown_fields": "refuse", "auth": {}}}
    async with house(webhook_channels=strict) as bank:
        body = report(utr="U", account={"number": "L"}, colour="red", reference_number=None)
        answer = await bank.send(body, "vcb")
        assert answer.status == 400
        told = {fault["field"] for fault in answer.json["details"]}
        assert told == {"colour", "loan_account_number"}
        assert (await bank.send(report(colour="red"))).status == 200
    async with house(webhook_unknown_fields="refuse") as bank:
        answer = await bank.send(report(colour="red", amount=-1))
        assert {fault["field"] for fault in answer.json["details"]} == {"colour", "amount"}


async def test_a_channel_nobody_configured_has_the_terms_of_everybody(house: Houses) -> None:
    async with house() as bank:
        answer = await bank.send(report(), "some_bank-2")
        row = await bank.app.recording.find_payment("PAY-2026-001")
        assert answer.json["data"]["status"] == "created"
        assert row is not None
        assert json.loads(row.metadata or "")["_tallystick"]["channel"] == "some_bank-2"
        assert (await bank.send(report(), "some bank".replace(" ", "%20"))).status == 404
        for word in ("stats", "duplicate", "payment"):
            assert (await bank.send(report(), word)).status in (404, 405)


async def test_metadata_has_a_size(house: Houses) -> None:
    async with house(webhook_metadata_bytes_max=100) as bank:
        assert (await bank.send(report(metadata={"a": "x" * 80}))).status == 200
        answer = await bank.send(report(metadata={"a": "x" * 100}))
        assert answer.json["details"] == [
            {"field": "metadata", "message": "must be at most 100 bytes"}
        ]


async def test_signatures_can_be_left_out(house: Houses) -> None:
    async with house(webhook_auth_enabled=False) as bank:
        assert (await bank.send(report(), "", "whatever")).status == 200
    signed = {"vcb": {"auth": {"enabled": True, "secrets": ["s"]}}}
    async with house(webhook_auth_enabled=False, webhook_channels=signed) as bank:
        assert (await bank.send(report(), "vcb", "whatever")).status == 401
        assert (await bank.send(report(), "vcb", "s")).status == 200


class TestSettings:
    def test_a_sender_may_have_a_name_of_its_own_for_every_field(self) -> None:
        from tallystick.intake.fields import FIELDS

        assert get_args(PaymentField) == FIELDS

    @pytest.mark.parametrize(
        "wrong",
        [
            {"stats": {}},
            {"a b": {}},
            {"vcb": {"secret": "s"}},
            {"vcb": {"auth": {"secrets": [""]}}},
            {"vcb": {"rate_limit": {"max_requests": 0}}},
            {"vcb": {"fields": {"utr": "reference"}}},
            {"vcb": {"fields": {"utr": "reference_number", "rrn": "reference_number"}}},
            {"vcb": {"auth": {"ip_whitelist": ["10.0.0.1/8"]}}},
        ],
    )
    def test_a_wrong_channel_is_refused(
        self, wrong: dict[str, object], clean_environment: None
    ) -> None:
        with pytest.raises(ValidationError):
            load_settings(env_file=None, webhook_channels=wrong)

    def test_no_secret_of_a_channel_is_printed(self, clean_environment: None) -> None:
        chosen = load_settings(
            env_file=None, webhook_channels={"vcb": {"auth": {"secrets": ["geheim"]}}}
        )

        assert "geheim" not in f"{chosen!r} {chosen.model_dump()} {chosen.model_dump_json()}"

    @pytest.mark.parametrize(
        "changes",
        [
            {"mode": "live"},
            {"node_env": "production"},
            {
                "mode": "live",
                "webhook_auth_enabled": False,
                "webhook_channels": {"vcb": {"auth": {"enabled": True}}},
            },
        ],
    )
    def test_signed_without_a_secret_does_not_start(
        self, changes: dict[str, object], settings: Settings
    ) -> None:
        chosen = settings.model_dump(include={"tallystick_home"}) | {
            "key_pepper": "p",
            "master_key": "Z2VoZWltZ2VoZWltZ2VoZWltZ2VoZWltZ2VoZWltOTk=",
        }
        with pytest.raises(SecretsMissing, match="WEBHOOK_AUTH_SECRET"):
            keep_secrets(load_settings(env_file=None, **chosen, **changes))
