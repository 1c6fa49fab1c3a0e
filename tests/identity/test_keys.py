import re
from uuid import UUID

import pytest

from tallystick.books import PLATFORM
from tallystick.identity import (
    ApiKey,
    IdentityError,
    InvalidKey,
    Keys,
    Merchant,
    MerchantNotFound,
    Permission,
)
from tallystick.identity.key_text import read_key, write_key
from tallystick.identity.recent_keys import KNOWN_FOR_S, REMEMBERED_MAX, UNKNOWN_FOR_S, RecentKeys
from tallystick.identity.store import PROJECTIONS
from tallystick.journal import Journal
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import bucket_of, new_id
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Database, connect
from tests.identity.conftest import PEPPER, HandTimer

pytestmark = pytest.mark.anyio
BASE32 = "abcdefghijklmnopqrstuvwxyz234567"


async def test_a_new_key_opens_the_door_for_its_merchant(keys: Keys, merchant: Merchant) -> None:
    row, text = await keys.create(merchant.id, "till 1")

    principal = await keys.authenticate(text)

    assert (principal.key_id, principal.merchant_id) == (row.id, merchant.id)
    assert principal.test_mode
    assert principal.permissions == {Permission.READ, Permission.PAY}
    assert not principal.is_operator
    assert re.fullmatch(r"sk_test_[0-9a-z]{26}_[a-z2-7]{52}_[0-9a-f]{8}", text)


async def test_an_operators_key_may_everything(keys: Keys) -> None:
    _, text = await keys.create(None, "operator")

    principal = await keys.authenticate(text)

    assert principal.is_operator
    assert principal.permissions == set(Permission)


async def test_a_key_may_carry_less_and_never_more(keys: Keys, merchant: Merchant) -> None:
    _, text = await keys.create(merchant.id, "report", [Permission.READ])

    assert (await keys.authenticate(text)).permissions == {"read"}
    for permissions in ([], ["operate"], ["everything"]):
        with pytest.raises(IdentityError):
            await keys.create(merchant.id, "too much", permissions)


async def test_a_key_takes_its_owners_bucket(keys: Keys, merchant: Merchant) -> None:
    of_merchant, _ = await keys.create(merchant.id, "till")
    of_operator, _ = await keys.create(None, "operator")

    assert bucket_of(of_merchant.id) == bucket_of(merchant.id)
    assert bucket_of(of_operator.id) == bucket_of(PLATFORM)


async def test_nobody_gets_a_key_for_a_merchant_that_is_not_there(
    keys: Keys, clock: HandClock
) -> None:
    with pytest.raises(MerchantNotFound):
        await keys.create(new_id(clock.now(), 1), "ghost")


async def test_a_dump_of_the_database_holds_no_usable_key(
    keys: Keys, merchant: Merchant, owner_address: Address
) -> None:
    made = [await keys.create(merchant.id, f"till {n}") for n in range(5)]
    dump = await _everything_stored(owner_address)

    for row, text in made:
        secret = text.split("_")[3]
        assert row.digest.hex() in dump, "the dump does contain the table"
        assert secret not in dump
        assert "till" not in dump
    for digest in re.findall(r"\b[0-9a-f]{64}\b", dump):
        for candidate in (
            digest,
            f"sk_test_{digest}",
            write_key(row.id, bytes.fromhex(digest), test_mode=True),
        ):
            with pytest.raises(InvalidKey):
                await keys.authenticate(candidate)


async def test_the_same_table_under_another_pepper_opens_nothing(
    keys: Keys, merchant: Merchant, journal: Journal, database: Database, clock: HandClock
) -> None:
    _, text = await keys.create(merchant.id, "till")
    elsewhere = Keys(journal, database, clock, PEPPER + b"!", test_mode=True)

    with pytest.raises(InvalidKey):
        await elsewhere.authenticate(text)


async def test_a_thousand_wrong_credentials_open_nothing(keys: Keys, merchant: Merchant) -> None:
    row, text = await keys.create(merchant.id, "till")
    prefix, mode, public_id, secret, check = text.split("_")
    wrong = {text[:n] + letter + text[n + 1 :] for n in range(len(text)) for letter in "a2Z_ é-"}
    wrong |= {write_key(row.id, bytes([n]) * 32, test_mode=True) for n in range(256)}
    wrong |= {
        write_key(UUID(int=row.id.int ^ 1 << n), b"s" * 32, test_mode=True) for n in range(62)
    }
    wrong |= {text[:n] for n in range(len(text))} | {text + tail for tail in ("\n", " ", "\0", "0")}
    wrong |= {
        text.upper(),
        text.replace("test", "live"),
        f"{prefix}_{mode}_{secret}_{public_id}_{check}",
    }
    wrong.discard(text)

    assert len(wrong) > 1_000
    for credential in wrong:
        with pytest.raises(InvalidKey):
            await keys.authenticate(credential)
    assert (await keys.authenticate(text)).key_id == row.id


def test_every_single_typing_error_is_told_by_the_check_alone(clock: HandClock) -> None:
    text = write_key(new_id(clock.now(), 5), b"\x9c" * 32, test_mode=True)
    assert read_key(text).text == text.encode()

    start = text.index("_", 8) + 1
    for place in range(start, start + 52):
        for letter in BASE32:
            typo = text[:place] + letter + text[place + 1 :]
            if typo != text:
                with pytest.raises(InvalidKey, match="typing error"):
                    read_key(typo)


async def test_a_revoked_key_stops_at_once_here(keys: Keys, merchant: Merchant) -> None:
    row, text = await keys.create(merchant.id, "till")
    await keys.authenticate(text)

    revoked = await keys.revoke(row.id)

    assert revoked.revoked_at is not None
    with pytest.raises(InvalidKey):
        await keys.authenticate(text)
    assert await keys.revoke(row.id) == revoked, "revoking twice changes nothing"


async def test_a_revoked_key_stops_within_five_seconds_in_another_process(
    keys: Keys, merchant: Merchant, journal: Journal, database: Database, clock: HandClock
) -> None:
    timer = HandTimer()
    elsewhere = Keys(journal, database, clock, PEPPER, test_mode=True, recent=RecentKeys(timer))
    row, text = await keys.create(merchant.id, "till")
    await elsewhere.authenticate(text)
    await keys.revoke(row.id)

    await elsewhere.authenticate(text)  # still remembered
    timer.now_s += KNOWN_FOR_S

    assert KNOWN_FOR_S < 5
    with pytest.raises(InvalidKey):
        await elsewhere.authenticate(text)


async def test_a_live_platform_takes_no_test_key(
    keys: Keys, merchant: Merchant, journal: Journal, database: Database, clock: HandClock
) -> None:
    _, text = await keys.create(merchant.id, "till")
    live = Keys(journal, database, clock, PEPPER, test_mode=False)

    with pytest.raises(InvalidKey):
        await live.authenticate(text)


async def test_the_row_is_what_the_facts_fold_to(
    keys: Keys, merchant: Merchant, journal: Journal
) -> None:
    row, _ = await keys.create(merchant.id, "till")
    revoked = await keys.revoke(row.id)

    assert await journal.row_as_of(PROJECTIONS[1], row.id, 1) == row
    assert await journal.row_as_of(PROJECTIONS[1], row.id, 2) == revoked
    assert await keys.list_keys(merchant.id) == (revoked,)
    assert await keys.list_keys(None) == ()


class TestRecentKeys:
    async def test_a_known_key_is_loaded_once_for_all_who_wait(
        self, keys: Keys, merchant: Merchant
    ) -> None:
        from asyncio import gather, sleep

        row, _ = await keys.create(merchant.id, "till")
        loads = 0

        async def load() -> object:
            nonlocal loads
            loads += 1
            await sleep(0.01)
            return row

        recent = RecentKeys()
        finding = [recent.find("id", load) for _ in range(64)]  # type: ignore[arg-type]
        found = await gather(*finding)

        found += [await recent.find("id", load) for _ in range(100)]  # type: ignore[arg-type]

        assert {key.digest for key in found if key} == {row.digest}
        assert loads == 1

    async def test_an_unknown_key_is_not_asked_for_again_and_again(self) -> None:
        timer = HandTimer()
        recent = RecentKeys(timer)
        loads = 0

        async def load() -> None:
            nonlocal loads
            loads += 1

        for _ in range(100):
            assert await recent.find("nobody", load) is None
        assert loads == 1
        timer.now_s += UNKNOWN_FOR_S
        assert await recent.find("nobody", load) is None
        assert loads == 2

    async def test_its_memory_is_bounded(self) -> None:
        recent = RecentKeys()

        async def load() -> None:
            return None

        for number in range(REMEMBERED_MAX + 100):
            await recent.find(str(number), load)

        assert len(recent._unknown) == REMEMBERED_MAX
        assert recent._known == {}
        assert recent._loads == {}

    async def test_a_key_that_is_forgotten_while_it_loads_is_not_remembered(
        self, keys: Keys, merchant: Merchant
    ) -> None:
        from asyncio import Event, create_task, sleep

        row, _ = await keys.create(merchant.id, "till")
        recent, go, loads = RecentKeys(), Event(), 0

        async def load() -> ApiKey:
            nonlocal loads
            loads += 1
            await go.wait()
            return row

        first = create_task(recent.find("id", load))
        await sleep(0)
        recent.forget("id")  # revoked at this very moment
        go.set()
        await first
        await recent.find("id", load)

        assert loads == 2

    async def test_a_caller_who_gives_up_does_not_take_the_key_from_the_others(self) -> None:
        from asyncio import CancelledError, Event, create_task, sleep

        recent = RecentKeys()
        go = Event()

        async def load() -> None:
            await go.wait()

        first = create_task(recent.find("id", load))
        second = create_task(recent.find("id", load))
        await sleep(0)
        first.cancel()
        await sleep(0)
        go.set()

        assert await second is None
        with pytest.raises(CancelledError):
            await first


async def _everything_stored(owner: Address) -> str:
    """All rows of all tables of the cell, as text."""
    connection = await connect(owner)
    try:
        tables = await connection.fetch(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name"
            " FROM pg_tables WHERE schemaname = $1",
            owner.schema,
        )
        assert len(tables) > 5
        rows = [
            await connection.fetch(f"SELECT t::text FROM {table['name']} t") for table in tables
        ]
        return "\n".join(row[0] for found in rows for row in found)
    finally:
        await connection.close()
