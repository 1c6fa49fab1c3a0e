import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.books import account_id, chart
from tallystick.identity import (
    ExternalIdTaken,
    FeePlan,
    IdentityError,
    Merchant,
    MerchantNotFound,
    Merchants,
)
from tallystick.identity.store import PROJECTIONS
from tallystick.journal import Journal
from tallystick.ledger import Ledger
from tallystick.money import UnknownCurrency
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id
from tallystick.platform.postgres.pools import Database

pytestmark = pytest.mark.anyio


async def test_a_merchant_comes_on_board_with_an_account_in_each_currency(
    merchants: Merchants, database: Database, clock: HandClock
) -> None:
    merchant = await merchants.onboard("Chai & Sons", None, ["INR", "USD", "INR"], FeePlan(250, 30))

    assert merchant.currency_codes == ("INR", "USD")
    assert merchant.fee_plan == FeePlan(250, 30)
    assert merchant.created_at == clock.now()
    for currency in ("INR", "USD"):
        code = chart.payable_code(merchant.id, currency)
        account = await Ledger(database).find_account(account_id(merchant.id, code))
        assert account is not None
        assert (account.code, account.currency, account.normal_side) == (code, currency, "credit")


async def test_a_merchant_is_found_by_its_own_external_id(
    merchants: Merchants, merchant: Merchant
) -> None:
    assert await merchants.find_merchant_by_external_id("merchant_123") == merchant
    assert await merchants.find_merchant_by_external_id("merchant_12") is None
    assert await merchants.get_merchant(merchant.id) == merchant


async def test_an_external_id_stands_for_one_merchant_only(
    merchants: Merchants, merchant: Merchant
) -> None:
    with pytest.raises(ExternalIdTaken):
        await merchants.onboard("Another", "merchant_123", ["INR"], FeePlan())
    assert await merchants.list_merchants() == (merchant,)


async def test_two_that_want_the_same_external_id_at_once_do_not_both_get_it(
    merchants: Merchants,
) -> None:
    from asyncio import gather

    ends = await gather(
        *(merchants.onboard(f"No {n}", "wanted", ["INR"], FeePlan()) for n in range(5)),
        return_exceptions=True,
    )

    assert [type(end) for end in ends].count(Merchant) == 1
    assert [type(end) for end in ends].count(ExternalIdTaken) == 4


async def test_a_name_is_stored_sealed_and_can_be_erased(
    merchants: Merchants, merchant: Merchant, journal: Journal, database: Database
) -> None:
    assert await merchants.name_of(merchant) == "Chai & Sons"
    stored = await database.fetchval("SELECT name_sealed FROM merchants")
    told = await database.fetchval("SELECT string_agg(data::text, '') FROM journal_facts")
    assert "Chai" not in stored + told

    await journal.erase(merchant.id)

    assert await merchants.name_of(merchant) is None


async def test_the_row_is_what_the_facts_fold_to(journal: Journal, merchant: Merchant) -> None:
    assert await journal.row_as_of(PROJECTIONS[0], merchant.id, 1) == merchant


async def test_a_merchant_that_is_not_there_is_said_so(
    merchants: Merchants, clock: HandClock
) -> None:
    with pytest.raises(MerchantNotFound):
        await merchants.get_merchant(new_id(clock.now(), 7))


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "Chai\nSons", "Chai\0", "\u202eevil"])
async def test_a_name_that_nobody_can_read_is_refused(merchants: Merchants, name: str) -> None:
    with pytest.raises(IdentityError):
        await merchants.onboard(name, None, ["INR"], FeePlan())


@pytest.mark.parametrize("external_id", ["", " ", "a b", "m\n", "x" * 65, "ｍerchant", "a/b", "é"])
async def test_an_external_id_has_plain_characters(merchants: Merchants, external_id: str) -> None:
    with pytest.raises(IdentityError):
        await merchants.onboard("Chai", external_id, ["INR"], FeePlan())


@pytest.mark.parametrize("currencies", [["XXX"], ["inr"], ["INR", "ＵＳＤ"], ["USD\n"], [""]])
async def test_a_currency_that_cannot_be_paid_in_is_refused(
    merchants: Merchants, currencies: list[str]
) -> None:
    with pytest.raises(UnknownCurrency):
        await merchants.onboard("Chai", None, currencies, FeePlan())


async def test_merchants_are_paged_in_a_stable_order(merchants: Merchants) -> None:
    made = [await merchants.onboard(f"No {n}", None, ["INR"], FeePlan()) for n in range(5)]

    first = await merchants.list_merchants(limit=3)
    rest = await merchants.list_merchants(after=first[-1].id, limit=3)

    assert first + rest == tuple(sorted(made, key=lambda merchant: merchant.id))


@given(
    st.integers(1, 10**15),
    st.builds(FeePlan, st.integers(0, 10_000), st.integers(0, 10**6)),
)
def test_a_fee_never_exceeds_what_was_paid(amount_minor: int, plan: FeePlan) -> None:
    assert 0 <= plan.fee_minor(amount_minor) <= amount_minor


@pytest.mark.parametrize(
    ("plan", "amount_minor", "fee_minor"),
    [
        (FeePlan(300), 10_000, 300),
        (FeePlan(250, 30), 10_000, 280),
        (FeePlan(50), 100, 1),  # half a unit is rounded up
        (FeePlan(49), 100, 0),
        (FeePlan(0, 30), 20, 20),
        (FeePlan(10_000), 7, 7),
    ],
)
def test_a_fee_is_a_share_and_a_fixed_part(
    plan: FeePlan, amount_minor: int, fee_minor: int
) -> None:
    assert plan.fee_minor(amount_minor) == fee_minor


@pytest.mark.parametrize("fee", [(-1, 0), (10_001, 0), (0, -1)])
def test_a_fee_plan_that_cannot_be_is_refused(fee: tuple[int, int]) -> None:
    with pytest.raises(IdentityError):
        FeePlan(*fee)
