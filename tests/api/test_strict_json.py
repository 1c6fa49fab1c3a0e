from contextlib import suppress
from decimal import Decimal
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from tallystick.api.strict_json import MalformedJson, parse_json
from tests.api import hostile_json

BODIES = list(hostile_json.every_body())
TRANSFER = (
    b'{"debit_account_id":"acc_01h455vb4pex5vsknk084sn02q","amount":1250,"currency":"INR",'
    b'"credit_account_id":"acc_01h455vb4pex5vsknk084sn02r","code":"transfer"}'
)


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    assert len(BODIES) >= 400


@pytest.mark.parametrize("reason", hostile_json.ALL)
def test_every_hostile_body_is_refused(reason: str) -> None:
    for body in hostile_json.ALL[reason]:
        with pytest.raises(MalformedJson) as refused:
            pytest.fail(f"{body[:60]!r} was read as {parse_json(body)!r:.60}")
        assert len(str(refused.value)) < 100, "a refusal never repeats the body"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"{}", {}),
        (b" [1, -2, 0] \r\n", [1, -2, 0]),
        (b'{"a":{"a":1},"b":{"a":2}}', {"a": {"a": 1}, "b": {"a": 2}}),
        (b"9223372036854775808", 2**63),
        (b"[true,false,null]", [True, False, None]),
        ('"é\\u00e9\\ud83d\\ude00😀"'.encode(), "éé😀😀"),
        (b'"\\\\u0000 \\\\ud800"', "\\u0000 \\ud800"),
        (b"[" * 32 + b"]" * 32, json.decode(b"[" * 32 + b"]" * 32)),
        (b"[" + b"{}," * 200 + b"[]]", [{}] * 200 + [[]]),
    ],
)
def test_plain_json_is_read_as_it_is_meant(body: bytes, value: object) -> None:
    assert parse_json(body) == value


@pytest.mark.parametrize(
    "token", ["1000.50", "1.10", "1e2", "1E400", "-0.0", "0.1", "99999999999999999999999", "1e-7"]
)
def test_a_number_that_is_no_plain_integer_keeps_its_digits(token: str) -> None:
    read = parse_json(token.encode())
    assert isinstance(read, Decimal)
    assert read.as_tuple() == Decimal(token).as_tuple()


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts,
    lambda child: st.lists(child, max_size=5) | st.dictionaries(texts, child, max_size=5),
    max_leaves=20,
)


@given(json_values)
def test_what_a_good_writer_writes_is_read_back(value: object) -> None:
    assert parse_json(json.encode(value)) == value


@given(st.binary(max_size=200))
def test_no_bytes_cause_anything_but_a_value_or_a_refusal(body: bytes) -> None:
    with suppress(MalformedJson):
        json.encode(parse_json(body))


def test_the_hot_path_costs_less_than_ten_microseconds() -> None:
    def seconds_for_a_thousand() -> float:
        started = perf_counter()
        for _ in range(1_000):
            parse_json(TRANSFER)
        return perf_counter() - started

    assert min(seconds_for_a_thousand() for _ in range(20)) < 0.010
