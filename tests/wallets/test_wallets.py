"""Wallets are opened once, frozen, thawed, closed, and tell all that happened to their money."""

import asyncio

import pytest

from tallystick.journal import JournalError, Refused
from tallystick.money import UnknownCurrency
from tallystick.wallets import Call, StaleVersion, wallet_id
from tallystick.wallets.model import Invalid, NotPossible, TierNotFound, WalletNotFound
from tests.wallets.till import Till, asked, open_till

pytestmark = pytest.mark.anyio


# Opening ----------------------------------------------------------------------------------------


async def test_a_wallet_is_empty_and_its_id_is_its_accounts(till: Till) -> None:
    seen = await till.wallets.open(till.owner("asha"), "INR")

    account = await till.ledger.find_account(seen.wallet.id)
    assert account is not None
    assert account.code.startswith("wallet:usr_")
    assert seen.wallet.id == wallet_id(till.owner("asha"), "INR")
    assert (seen.wallet.status, seen.wallet.tier) == ("active", "basic")
    assert await till.balances(seen.wallet.id) == (0, 0, 0)


async def test_an_owner_has_one_wallet_a_currency(till: Till) -> None:
    owner = till.owner("asha")
    await till.wallets.open(owner, "INR")
    await till.wallets.open(owner, "USD")

    with pytest.raises(NotPossible) as refused:
        await till.wallets.open(owner, "INR", tier="verified")

    assert refused.value.code == "wallet_exists"


async def test_of_twenty_who_open_the_same_wallet_one_has_opened_it(till: Till) -> None:
    async def attempt() -> str:
        try:
            await till.wallets.open(till.owner("asha"), "INR")
        except NotPossible as refused:
            return refused.code
        return "opened"

    outcomes = await asyncio.gather(*(attempt() for _ in range(20)))

    assert sorted(outcomes) == ["opened"] + 19 * ["wallet_exists"]


async def test_a_repeated_opening_is_answered_alike(till: Till) -> None:
    call = Call(asked=asked("k1"))
    first = await till.wallets.open(till.owner("asha"), "INR", call=call)
    await till.fund(first.wallet.id, 500)
    again = await till.wallets.open(till.owner("asha"), "INR", call=call)

    assert (again.wallet, again.replayed) == (first.wallet, True)
    with pytest.raises(JournalError, match="another request body"):
        await till.wallets.open(
            till.owner("asha"), "USD", call=Call(asked=asked("k1", "another body"))
        )


async def test_a_currency_or_tier_that_is_not_there_opens_nothing(till: Till) -> None:
    with pytest.raises(UnknownCurrency):
        await till.wallets.open(till.owner("asha"), "XTS")
    with pytest.raises(TierNotFound):
        await till.wallets.open(till.owner("asha"), "INR", tier="golden")


async def test_a_merchants_wallet_is_its_own_and_without_limit(till: Till) -> None:
    merchant_id = await till.merchant()
    seen = await till.wallets.open(merchant_id, "INR", owner_kind="merchant")

    assert seen.wallet.tier == "unlimited"
    assert (await till.wallets.get(seen.wallet.id, merchant_id=merchant_id)).wallet == seen.wallet
    with pytest.raises(WalletNotFound):
        await till.wallets.get(seen.wallet.id, merchant_id=till.owner("another"))


# Freezing and closing ---------------------------------------------------------------------------


async def test_what_is_frozen_outward_still_takes_money_in(till: Till) -> None:
    wallet = await till.wallet("asha", 1_000)
    await till.wallets.freeze(wallet)

    await till.fund(wallet, 500)
    with pytest.raises(Refused):
        await till.empty(wallet, 1)

    assert await till.balances(wallet) == (1_500, 1_500, 0)


async def test_a_wallet_frozen_whole_takes_nothing(till: Till) -> None:
    wallet = await till.wallet("asha")
    await till.wallets.freeze(wallet, "all")

    with pytest.raises(Refused):
        await till.fund(wallet, 500)
    with pytest.raises(Invalid):
        await till.wallets.freeze(wallet, "everything")


async def test_a_thawed_wallet_is_as_before(till: Till) -> None:
    wallet = await till.wallet("asha", 1_000)
    await till.wallets.freeze(wallet)
    thawed = await till.wallets.unfreeze(wallet)

    await till.empty(wallet, 1_000)
    assert (thawed.wallet.status, thawed.wallet.frozen) == ("active", "no")
    with pytest.raises(NotPossible, match="not frozen"):
        await till.wallets.unfreeze(wallet)


async def test_only_an_empty_wallet_is_closed_and_then_for_good(till: Till) -> None:
    wallet = await till.wallet("asha", 1_000)
    with pytest.raises(NotPossible, match="still holds money"):
        await till.wallets.close(wallet)

    await till.empty(wallet, 1_000)
    closed = await till.wallets.close(wallet)

    assert closed.wallet.status == "closed"
    with pytest.raises(Refused):
        await till.fund(wallet, 1)
    for verb in (till.wallets.freeze, till.wallets.close, till.wallets.unfreeze):
        with pytest.raises(NotPossible, match="closed"):
            await verb(wallet)
    assert await till.broken() == {}


async def test_money_that_comes_while_a_wallet_closes_is_never_lost(till: Till) -> None:
    wallet = await till.wallet("asha")
    outcomes = await asyncio.gather(
        till.wallets.close(wallet), till.fund(wallet, 700), return_exceptions=True
    )

    assert sum(isinstance(outcome, Exception) for outcome in outcomes) == 1
    status = (await till.wallets.get(wallet)).wallet.status
    assert (status, (await till.balances(wallet))[0]) in {("closed", 0), ("active", 700)}


async def test_a_frozen_wallet_is_not_closed(till: Till) -> None:
    wallet = await till.wallet("asha")
    await till.wallets.freeze(wallet)

    with pytest.raises(NotPossible, match="unfreeze"):
        await till.wallets.close(wallet)


async def test_a_repeated_freeze_is_answered_as_it_was_then(till: Till) -> None:
    wallet = await till.wallet("asha")
    call = Call(asked=asked("k1"))
    frozen = await till.wallets.freeze(wallet, call=call)
    await till.wallets.unfreeze(wallet)

    again = await till.wallets.freeze(wallet, call=call)

    assert (again.wallet, again.replayed) == (frozen.wallet, True)
    assert (await till.wallets.get(wallet)).wallet.status == "active"


async def test_two_processes_asked_the_same_at_once_answer_alike(till: Till) -> None:
    wallet = await till.wallet("asha")
    async with open_till(till.database, till.clock) as other:
        for number in range(8):
            frozen, thawed, opened = (Call(asked=asked(f"k{number}{verb}")) for verb in "fto")
            for verb, call in (("freeze", frozen), ("unfreeze", thawed)):
                wishes = (getattr(one.wallets, verb)(wallet, call=call) for one in (till, other))
                here, far = await asyncio.gather(*wishes)
                assert (here.wallet, {here.replayed, far.replayed}) == (far.wallet, {False, True})
            owner = till.owner(f"owner {number}")
            openings = (one.wallets.open(owner, "INR", call=opened) for one in (till, other))
            here, far = await asyncio.gather(*openings)
            assert (here.wallet, {here.replayed, far.replayed}) == (far.wallet, {False, True})


# If-Match ---------------------------------------------------------------------------------------


async def test_whoever_saw_an_older_wallet_changes_nothing(till: Till) -> None:
    wallet = await till.wallet("asha")
    seen = await till.wallets.get(wallet)
    await till.fund(wallet, 1)

    with pytest.raises(StaleVersion):
        await till.wallets.freeze(wallet, call=Call(if_match=seen.version))
    now = await till.wallets.get(wallet)
    await till.wallets.freeze(wallet, call=Call(if_match=now.version))


async def test_money_that_moves_between_look_and_change_is_noticed(till: Till) -> None:
    """The look of the verb itself is raced: many tries, and none may pass on a stale version."""
    wallet = await till.wallet("asha", 1_000)
    for round_ in range(10):
        seen = await till.wallets.get(wallet)
        outcomes = await asyncio.gather(
            till.wallets.assign_tier(wallet, "unlimited", Call(if_match=seen.version)),
            till.fund(wallet, 1),
            return_exceptions=True,
        )
        now = await till.wallets.get(wallet)
        stale = isinstance(outcomes[0], StaleVersion)
        assert stale or not isinstance(outcomes[0], Exception)
        assert now.version == seen.version + (1 if stale else 2), round_


async def test_of_eight_who_saw_the_same_wallet_one_changes_it(till: Till) -> None:
    wallet = await till.wallet("asha")
    version = (await till.wallets.get(wallet)).version

    outcomes = await asyncio.gather(
        *(till.wallets.freeze(wallet, call=Call(if_match=version)) for _ in range(8)),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, StaleVersion) for outcome in outcomes) == 7


# Looking ----------------------------------------------------------------------------------------


async def test_transactions_are_the_accounts_lines_newest_first(till: Till) -> None:
    wallet = await till.wallet("asha", 1_000)
    await till.empty(wallet, 300)

    found = await till.wallets.list_transactions(wallet)

    told = [(line.type, line.amount_minor, line.balance_after_minor) for line in found.rows]
    assert told == [("DEBIT", 300, 700), ("CREDIT", 1_000, 1_000)]
    assert found.next_line is None


async def test_pages_of_transactions_meet_without_gap_or_overlap(till: Till) -> None:
    wallet = await till.wallet("asha")
    for amount in range(1, 8):
        await till.fund(wallet, amount)

    seen: list[int] = []
    line = None
    while True:
        page = await till.wallets.list_transactions(wallet, line, limit=3)
        seen += [row.amount_minor for row in page.rows]
        line = page.next_line
        if line is None:
            break

    assert seen == list(range(7, 0, -1))


async def test_wallets_are_listed_by_owner_latest_first(till: Till) -> None:
    await till.wallets.open(till.owner("asha"), "INR")
    await till.wallets.open(till.owner("asha"), "USD")
    await till.wallet("ravi")

    found = await till.wallets.list_wallets(till.owner("asha"))

    assert {seen.wallet.currency for seen in found} == {"INR", "USD"}
    assert len(await till.wallets.list_wallets(None)) == 3
