"""Cursors mean one place in one list, and nothing else passes for one."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.api.pages import PAGE_MAX, InvalidCursor, read_cursor, write_cursor
from tests.api.conftest import Caller
from tests.api.test_openapi import operations

plain = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)


@given(plain, plain)
def test_a_cursor_leads_back_to_its_place(name: str, place: str) -> None:
    assert read_cursor(name, write_cursor(name, place)) == place


@given(plain, plain, plain)
def test_a_cursor_of_another_list_is_refused(name: str, other: str, place: str) -> None:
    if name != other:
        with pytest.raises(InvalidCursor):
            read_cursor(other, write_cursor(name, place))


@given(st.text(max_size=300))
def test_an_invented_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor):
        read_cursor("entries", text)


def test_a_changed_cursor_is_refused() -> None:
    cursor = write_cursor("entries", "17")
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for place in range(len(raw)):
        for bit in range(8):
            changed = bytes(raw[:place] + bytes([raw[place] ^ 1 << bit]) + raw[place + 1 :])
            with pytest.raises(InvalidCursor):
                read_cursor("entries", base64.urlsafe_b64encode(changed).decode().rstrip("="))


@pytest.mark.anyio
async def test_every_list_has_the_same_largest_page(anybody: Caller) -> None:
    document = (await anybody.get("/openapi.json")).json
    largest = {
        path: parameter["schema"]["maximum"]
        for path, method, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if method == "get"
        and parameter["name"] == "limit"
        and not path.startswith("/api/v1/monitoring/")  # document 000 says how many
    }

    assert len(largest) > 15
    assert {path for path, most in largest.items() if most != PAGE_MAX} == set()


@pytest.mark.anyio
async def test_no_list_takes_another_ones_cursor(anybody: Caller, operator: Caller) -> None:
    document = (await anybody.get("/openapi.json")).json
    lists = [
        path
        for path, method, operation in operations(document)
        if method == "get"
        and "{" not in path
        and _takes_only_a_cursor(operation.get("parameters", []))
    ]
    cursor = write_cursor("a list that is not there", "1")

    refused = {path: await operator.get(f"{path}?cursor={cursor}") for path in lists}

    assert len(refused) > 10
    assert {path: got.json["code"] for path, got in refused.items()} == dict.fromkeys(
        refused, "invalid_cursor"
    )


def _takes_only_a_cursor(parameters: list[dict[str, object]]) -> bool:
    required = [parameter for parameter in parameters if parameter.get("required")]
    return not required and "cursor" in [parameter["name"] for parameter in parameters]
