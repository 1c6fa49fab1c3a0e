"""Ids: UUIDv7 with a bucket, TypeIDs outside, derived and numbered ones."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.platform.ids import (
    BUCKETS,
    MalformedId,
    bucket_of,
    derived_id,
    new_id,
    numbered_id,
    parse_typeid,
    random_bucket,
    typeid,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
any_uuid = st.uuids()
any_bucket = st.integers(0, BUCKETS - 1)

# https://github.com/jetify-com/typeid/blob/main/spec/valid.yml
SPEC_VECTORS = (
    ("prefix", "0123456789abcdefghjkmnpqrs", "0110c853-1d09-52d8-d73e-1194e95b5f19"),
    ("prefix", "01h455vb4pex5vsknk084sn02q", "01890a5d-ac96-774b-bcce-b302099a8057"),
    ("nil", "00000000000000000000000000", "00000000-0000-0000-0000-000000000000"),
    ("one", "00000000000000000000000001", "00000000-0000-0000-0000-000000000001"),
    ("ten", "0000000000000000000000000a", "00000000-0000-0000-0000-00000000000a"),
    ("max", "7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
)


@pytest.mark.parametrize(("prefix", "suffix", "plain"), SPEC_VECTORS)
def test_typeids_are_those_of_the_specification(prefix: str, suffix: str, plain: str) -> None:
    identifier = uuid.UUID(plain)
    assert typeid(prefix, identifier) == f"{prefix}_{suffix}"
    assert parse_typeid(prefix, f"{prefix}_{suffix}") == identifier


@given(any_uuid)
def test_every_id_comes_back_from_its_typeid_and_from_its_plain_form(identifier: uuid.UUID) -> None:
    assert parse_typeid("pay", typeid("pay", identifier)) == identifier
    assert parse_typeid("pay", str(identifier)) == identifier
    assert parse_typeid("pay", str(identifier).upper()) == identifier


@given(any_uuid, any_uuid)
def test_typeids_sort_as_their_ids_do(one: uuid.UUID, other: uuid.UUID) -> None:
    assert (typeid("pay", one) < typeid("pay", other)) == (one < other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pay",
        "pay_",
        "int_01h455vb4pex5vsknk084sn02q",  # another kind of object
        "pay_01h455vb4pex5vsknk084sn02",  # one too short
        "pay_01h455vb4pex5vsknk084sn02qq",  # one too long
        "pay_81h455vb4pex5vsknk084sn02q",  # more than 128 bits
        "pay_01H455VB4PEX5VSKNK084SN02Q",  # the specification wants lower case
        "pay_01h455vb4pex5vsknk084sn0iq",  # no i, l, o, u in the alphabet
        "pay_01h455vb4pex5vsknk084sn02q\n",
        "PAY_01h455vb4pex5vsknk084sn02q",
        "pay-01h455vb4pex5vsknk084sn02q",
        "01890a5dac96774bbcceb302099a8057",  # a plain UUID has its hyphens
        "{01890a5d-ac96-774b-bcce-b302099a8057}",
        "urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057",
        "pay_٠1h455vb4pex5vsknk084sn02q",  # an Arabic zero is no zero here
    ],
)
def test_malformed_ids_are_refused(text: str) -> None:
    with pytest.raises(MalformedId):
        parse_typeid("pay", text)


@given(any_bucket, st.datetimes(datetime(1970, 1, 2), datetime(9999, 1, 1)))  # noqa: DTZ001
def test_a_new_id_is_a_uuid_of_version_7_in_its_bucket(bucket: int, naive: datetime) -> None:
    now = naive.replace(tzinfo=UTC)
    identifier = new_id(now, bucket)
    assert identifier.version == 7
    assert identifier.variant == uuid.RFC_4122
    assert bucket_of(identifier) == bucket
    assert identifier.int >> 80 == int(now.timestamp() * 1000)


@pytest.mark.parametrize("bucket", [-1, BUCKETS])
def test_there_are_4096_buckets(bucket: int) -> None:
    with pytest.raises(ValueError, match="bucket"):
        new_id(NOW, bucket)


def test_new_ids_differ_and_follow_time() -> None:
    ids = [new_id(NOW + timedelta(milliseconds=n), 7) for n in range(1_000)]
    assert len({*ids, *(new_id(NOW, 7) for _ in range(1_000))}) == 2_000
    assert sorted(ids) == ids


def test_random_buckets_are_spread() -> None:
    seen = {random_bucket() for _ in range(2_000)}
    assert len(seen) > 1_000
    assert all(0 <= bucket < BUCKETS for bucket in seen)


@given(any_bucket, st.text())
def test_a_derived_id_stays_with_its_owner(bucket: int, name: str) -> None:
    owner = new_id(NOW, bucket)
    derived = derived_id(owner, name)
    assert derived == derived_id(owner, name)
    assert bucket_of(derived) == bucket
    assert derived.int >> 62 == owner.int >> 62  # time, version, bucket, variant
    assert derived != owner


def test_derived_ids_differ_by_name_and_by_owner() -> None:
    owners = [new_id(NOW, 1) for _ in range(50)]
    names = [f"merchant:{n}:payable:INR" for n in range(50)]
    assert len({derived_id(owner, name) for owner in owners for name in names}) == 2_500


def test_a_numbered_id_lies_beside_the_first_one() -> None:
    first = new_id(NOW, 4095)
    members = [numbered_id(first, index) for index in range(1_000)]
    assert members[0] == first
    assert [member.int - first.int for member in members] == list(range(1_000))
    assert {bucket_of(member) for member in members} == {4095}


def test_numbering_never_runs_into_the_variant_bits() -> None:
    assert not any(new_id(NOW, 0).int >> 61 & 1 for _ in range(500))
