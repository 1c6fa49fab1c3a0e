"""Every POST of the document that takes an Idempotency-Key: what it refused, it refuses for ever.

Each wish names something that is not there, so its verb refuses it before anything is recorded.
That stands under the key like any other answer, whatever becomes possible afterwards.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from tallystick.api.ledger.accounts import BULK_PATH
from tallystick.api.refused_wishes import FLEETING
from tallystick.app import App
from tallystick.books import PLATFORM
from tallystick.identity import Merchant
from tallystick.platform.ids import derived_id, parse_typeid, typeid
from tests.api.conftest import Answer, Caller
from tests.api.money_posts import API, Wish, World, found_world
from tests.api.test_every_key import MOVES_MONEY

pytestmark = pytest.mark.anyio

NAMES_A_THING = re.compile(r"([a-z]{2,4})_[0-7][0-9a-hjkmnp-tv-z]{25}")
# Their bodies name nothing that must be there; a currency that nobody is paid in will do.
NAME_NOTHING = (f"{API}/intents", f"{API}/payments")


@pytest.fixture
async def world(app: App, operator: Caller, seller: Caller, merchant: Merchant) -> World:
    return await found_world(app, operator, seller, merchant)


async def test_what_was_refused_stays_refused(app: App, world: World) -> None:
    remembered, otherwise = set(), {}
    for path, operation in world.operations.items():
        if operation.method != "POST" or not operation.takes_key:
            continue
        try:
            wish = of_nothing(path, await world.wish(path))
        except (AssertionError, LookupError) as error:  # nothing there makes such an object
            otherwise[path] = repr(error)
            continue
        key, before = secrets.token_hex(8), await refused_claims(app)
        first = await world.send(wish, key)
        if not refusals_in(first) or refusals_in(first) & FLEETING:
            otherwise[path] = f"{wish}: {first.raw!r}"
            continue
        again = await world.send(wish, key)
        assert (again.status, told(again.json)) == (first.status, told(first.json)), path
        if await refused_claims(app) == before + 1:
            remembered.add(path)
        else:
            otherwise[path] = f"not on record: {first.raw!r}"

    print(f"{len(remembered)} remembered, otherwise: {otherwise}")  # noqa: T201
    missing = {path: otherwise.get(path) for path in MOVES_MONEY - remembered}
    assert not missing, missing


@pytest.mark.parametrize("atomic", [False, True])
async def test_a_bulk_remembers_that_a_reservation_is_kept(world: World, atomic: bool) -> None:
    hold = await world.wish(f"{API}/holds")
    assert (await world.send(hold, secrets.token_hex(8))).status == 201
    account = typeid("acc", parse_typeid("wal", hold.body["wallet_id"]))
    found = (await world.operator.get(f"{API}/reservations?account_id={account}")).json["data"]
    void = {"kind": "void", "reservation_id": found[0]["id"]}
    post = (await world.wish(f"{API}/transfers")).body
    wish = Wish(f"{API}/transfers/bulk", {"transfers": [void, post], "atomic": atomic})

    key = secrets.token_hex(8)
    first, again = await world.send(wish, key), await world.send(wish, key)

    assert refusals_in(first) == {"reservation_kept"}
    assert (again.status, told(again.json)) == (first.status, told(first.json))
    assert first.status == 409 if atomic else first.json["posted"] == 1


async def test_an_account_that_was_opened_needs_its_owner_no_more(
    app: App, world: World, merchant: Merchant
) -> None:
    passing = replace(merchant, id=derived_id(PLATFORM, "passing"))
    app.merchants.recent[passing.id] = passing
    account = {
        "code": "merchant:passing:till",
        "currency": "INR",
        "normal_side": "credit",
        "owner": typeid("mer", passing.id),
    }
    another = account | {"code": "merchant:passing:bank"}
    one, two = Wish(f"{API}/accounts", account), Wish(BULK_PATH, {"accounts": [another]})
    opened = [await world.send(wish, "till") for wish in (one, two)]
    app.merchants.recent.clear()

    again = [await world.send(wish, "till") for wish in (one, two)]
    anew = await world.send(one, "another")

    assert [answer.status for answer in opened] == [201, 200], opened
    assert [answer.json for answer in again] == [answer.json for answer in opened]
    assert anew.code == "merchant_not_found"


async def test_what_became_possible_is_another_wish(app: App, world: World) -> None:
    wish = await world.wish(f"{API}/wallet-transfers")
    payer = parse_typeid("wal", wish.body["from_wallet_id"])
    await app.wallets.freeze(payer)
    refused = await world.send(wish, "k1")
    assert refused.code == "wallet_frozen"
    await app.wallets.unfreeze(payer)

    again, anew = await world.send(wish, "k1"), await world.send(wish, "k2")

    assert (again.status, told(again.json)) == (refused.status, told(refused.json))
    assert anew.status == 201, anew.raw


async def test_what_is_impossible_for_another_reason_by_now_is_told_as_it_was(
    app: App, world: World
) -> None:
    wish = await world.wish(f"{API}/payouts")
    wallet = parse_typeid("wal", wish.body["wallet_id"])
    await app.wallets.freeze(wallet)
    refused = await world.send(wish, "k1")
    await app.wallets.unfreeze(wallet)
    beyond = Wish(wish.path, {**wish.body, "amount": 10**12})
    assert (await world.send(beyond, "k2")).status == 422

    again = await world.send(wish, "k1")
    reused = await world.send(beyond, "k1")

    assert (refused.code, again.code) == ("wallet_frozen", "wallet_frozen")
    assert reused.code == "idempotency_key_reused"


async def test_what_nobody_could_read_may_be_mended_under_its_key(world: World) -> None:
    wish = await world.wish(f"{API}/transfers")
    garbled = Wish(wish.path, {**wish.body, "amount": "much"})
    assert (await world.send(garbled, "k1")).code == "invalid_fields"

    assert (await world.send(wish, "k1")).status == 201


def of_nothing(path: str, wish: Wish) -> Wish:
    """The wish with everything it names replaced by what is not there."""
    if path in NAME_NOTHING:
        return Wish(wish.path, {**wish.body, "currency": "XAF"})
    if "{" in path:
        return Wish(_gone(wish.path), wish.body)
    return Wish(wish.path, {name: _gone(value) for name, value in wish.body.items()})


def _gone(value: Any) -> Any:
    if isinstance(value, str):
        return NAMES_A_THING.sub(
            lambda found: typeid(found[1], derived_id(PLATFORM, secrets.token_hex(8))), value
        )
    if isinstance(value, list):
        return [_gone(inner) for inner in value]
    if isinstance(value, dict):
        return {name: _gone(inner) for name, inner in value.items()}
    return value


def refusals_in(answer: Answer) -> set[str]:
    """Why it was refused, or its items; nothing for what happened."""
    if answer.status >= 400:
        return {answer.code}
    items = answer.json.get("data", ())
    return {item["code"] for item in items if item.get("status") == "refused"}


def told(body: Mapping[str, Any]) -> dict[str, Any]:
    """A problem without the request it answers."""
    return {name: value for name, value in body.items() if name != "request_id"}


async def refused_claims(app: App) -> int:
    count: int = await app.database.fetchval(
        "SELECT count(*) FROM journal_claims WHERE state = 'refused'"
    )
    return count
