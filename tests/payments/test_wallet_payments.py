"""Payments by wallet: the three beats are those of a card, and so is every repair."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tallystick import books, identity, payments, wallets
from tallystick.books import PLATFORM, Transfers, account_id, chart
from tallystick.journal import Journal
from tallystick.ledger import Freeze, Ledger, Post
from tallystick.payments import PaymentRow, PaymentsError
from tallystick.payments.customers import Caller, Customers, CustomerTerms, MethodWish
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import derived_id, typeid
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, Database, connect
from tallystick.platform.settings import Settings
from tallystick.rails import Approved, AuthorizeOrder, Rails
from tallystick.wallets import Tiers, Wallets
from tests.payments.conftest import CURRENCIES
from tests.payments.desk import Desk, a_key
from tests.payments.test_deaths import LATER, POINTS, Died, die_at

__all__ = ["die_at"]  # a fixture

pytestmark = pytest.mark.anyio

FUNDS, AMOUNT, PART = 50_000, 10_000, 4_000
VERBS = ("create", "capture", "cancel", "refund")
CHECKS = (*wallets.checks, *payments.checks)
Verb = Callable[[], Awaitable[Any]]

# What somebody with the owner's rights might do, and the check that finds him out.
TAMPERINGS = {
    "UPDATE ledger_accounts SET debits_posted = debits_posted + 1001"
    " WHERE code = 'rail:wallet:clearing:INR'": "wallet_clearing_zero",
    "UPDATE ledger_accounts SET credits_posted = credits_posted + 1"
    " WHERE code = 'rail:wallet:clearing:INR'": "wallet_clearing_zero",
    "UPDATE payments SET operation = NULL": "wallet_clearing_zero",
    "UPDATE payments SET route = 'hdfc_bank'": "wallet_clearing_zero",
}
RAIL_TAMPERINGS = {
    "UPDATE wallet_orders SET amount_minor = amount_minor - 1 WHERE order_kind = 'capture'": (
        "wallet_orders_posted"
    ),
    "UPDATE wallet_orders SET posting_id = id WHERE order_kind = 'refund'": "wallet_orders_posted",
    "DELETE FROM wallet_orders WHERE order_kind = 'charge'": "wallet_orders_all",
    "UPDATE wallet_orders SET amount_minor = 1000000 WHERE order_kind = 'refund'": (
        "wallet_orders_within"
    ),
}


@dataclass(frozen=True)
class Purse:
    """Asha's wallet with INR 500.00, and the desk where it pays."""

    desk: Desk
    wallets: Wallets
    id: UUID

    @property
    def method(self) -> MethodWish:
        """As an operator says it."""
        return MethodWish(typeid("wal", self.id), caller=Caller.OPERATOR)

    async def pay(self, amount_minor: int = AMOUNT, **options: Any) -> PaymentRow:
        return await self.desk.pay(amount_minor, self.method, **options)

    async def hold(self) -> PaymentRow:
        return await self.pay(capture=False)

    async def money(self) -> tuple[int, int]:
        """What it holds, and what of it is promised away."""
        money = await self.wallets.money_of(self.id)
        return money.balance_minor, money.pending_minor

    async def taken(self) -> int:
        """What the merchant and the platform have of it; nothing is on its way."""
        assert await self.desk.clearing("wallet") == 0
        return await self.desk.payable() + await self.desk.fees()


@pytest.fixture
async def journal(database: Database, clock: HandClock) -> AsyncIterator[Journal]:
    """As the room's own, and with wallets."""
    rooms = (identity, wallets, payments)
    projections = tuple(projection for room in rooms for projection in room.projections)
    async with Journal.open(
        database, clock, projections=projections, master_key=bytes(32)
    ) as journal:
        yield journal


@pytest.fixture
def purses(journal: Journal, database: Database, clock: HandClock) -> Wallets:
    tiers = Tiers(journal, database, clock)
    return Wallets(journal, database, Ledger(database), clock, tiers)


@pytest.fixture
def rails(rails: Rails, purses: Wallets, settings: Settings) -> Rails:
    """The banks, and the wallets' own route."""
    chosen = settings.model_copy(update={"currencies": CURRENCIES})
    return rails.joined_by(wallets.rail.WalletRail.over(purses, chosen))


@pytest.fixture
async def purse(desk: Desk, purses: Wallets, journal: Journal, clock: HandClock) -> Purse:
    owner_id = derived_id(PLATFORM, "asha")
    wallet_id = (await purses.open(owner_id, "INR", tier="unlimited")).wallet.id
    bank = account_id(PLATFORM, chart.bank_code("INR"))
    await Transfers(journal, purses.ledger, clock).post_one(
        Post(bank, wallet_id, FUNDS, "INR", "fund")
    )
    return Purse(desk, purses, wallet_id)


@pytest.fixture
async def proven(
    desk: Desk, journal: Journal, database: Database, clock: HandClock
) -> AsyncIterator[None]:
    """After the test every promise is kept, however the test ended."""
    yield
    assert await broken(desk) == set()


async def broken(desk: Desk) -> set[str]:
    operations = desk.operations
    proof = await books.prove(operations.database, operations.journal, desk.clock, CHECKS)
    return {result.name for result in proof.checks if not result.green}


# Deaths -----------------------------------------------------------------------------------------


async def prepare(purse: Purse, verb: str) -> Verb:
    """The verb, ready to be asked as often as one likes under one key."""
    desk, key = purse.desk, a_key()
    if verb == "create":
        return lambda: desk.payments.create(
            desk.merchant,
            amount_minor=AMOUNT,
            currency="INR",
            payment_method=purse.method,
            asked=key,
        )
    held = await purse.hold()
    if verb == "capture":
        return lambda: desk.payments.capture(held.id, amount_minor=PART, final=True, asked=key)
    if verb == "cancel":
        return lambda: desk.payments.cancel(held.id, asked=key)
    await desk.capture(held)
    return lambda: desk.refunds.create(held.id, amount_minor=PART, asked=key)


@pytest.mark.usefixtures("proven")
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("verb", VERBS)
async def test_what_was_cut_between_the_beats_is_finished_once(
    purse: Purse, die_at: Callable[[str], None], verb: str, point: str
) -> None:
    ask = await prepare(purse, verb)
    die_at(point)
    with pytest.raises(Died):
        await ask()

    await purse.desk.recover(LATER)
    await purse.desk.recover(LATER)

    answer = await ask()
    assert answer.replayed
    taken = {"create": AMOUNT, "capture": PART, "cancel": 0, "refund": AMOUNT - PART}[verb]
    if (verb, point) == ("create", "payments.after_decide"):
        assert answer.row.status == "failed"  # it was never sent: its payer may have gone
        taken = 0
    assert await purse.taken() == taken
    assert await purse.money() == (FUNDS - taken, 0)


@pytest.mark.usefixtures("proven")
@pytest.mark.parametrize("capture", [True, False])
async def test_what_arrives_after_it_was_given_up_is_undone(
    purse: Purse, die_at: Callable[[str], None], *, capture: bool
) -> None:
    desk = purse.desk
    die_at("payments.after_decide")
    with pytest.raises(Died):
        await purse.pay(capture=capture)
    await desk.recover(LATER)
    (row,) = (await desk.payments.list_payments(desk.merchant.id)).rows
    assert row.status == "failed"

    order = AuthorizeOrder(
        route="wallet",
        reference=row.tried[-1].reference,
        amount_minor=AMOUNT,
        currency="INR",
        token=row.payment_method,
        capture=capture,
        merchant=typeid("mer", row.merchant_id),
    )
    assert isinstance(await desk.operations.rails.authorize(order), Approved)
    assert await broken(desk) == set()  # somebody watches, so it is under way
    for _ in range(3):
        await desk.recover(timedelta(hours=1))

    assert await purse.money() == (FUNDS, 0)
    assert await purse.taken() == 0
    assert await desk.suspense() == 0


@pytest.mark.usefixtures("proven")
async def test_what_the_merchants_account_refuses_goes_to_suspense(
    purse: Purse, journal: Journal
) -> None:
    desk = purse.desk
    payable = account_id(desk.merchant.id, chart.payable_code(desk.merchant.id, "INR"))
    await books.Accounts(journal, desk.clock).freeze(Freeze(payable, "all"))

    row = await purse.pay()

    assert row.status == "captured"
    assert await purse.money() == (FUNDS - AMOUNT, 0)
    assert (await purse.taken(), await desk.suspense()) == (0, AMOUNT)


@pytest.mark.usefixtures("proven")
async def test_an_authorization_that_ran_out_is_released(purse: Purse) -> None:
    row = await purse.hold()
    assert await purse.money() == (FUNDS, AMOUNT)

    await purse.desk.recover(timedelta(days=7))

    assert (await purse.desk.look(row)).status == "expired"
    assert await purse.money() == (FUNDS, 0)


# Whose wallet may pay ---------------------------------------------------------------------------


async def test_a_wallet_pays_whom_its_owner_allows(purse: Purse, journal: Journal) -> None:
    desk, name = purse.desk, typeid("wal", purse.id)
    customers = Customers.over(journal, desk.operations.database, desk.clock)
    asha = (await customers.create(desk.merchant, CustomerTerms())).row.id
    ravi = (await customers.create(desk.merchant, CustomerTerms())).row.id

    async def ends(customer_id: UUID | None, caller: Caller) -> str:
        try:
            row = await desk.pay(100, MethodWish(name, customer_id, caller=caller))
        except PaymentsError as refused:
            return refused.code
        return row.method_said

    everybody = [(who, caller) for caller in Caller for who in (None, asha, ravi)]
    before = [await ends(*one) for one in everybody]
    with pytest.raises(PaymentsError) as refused:
        await customers.methods.attach(asha, name, merchant_id=desk.merchant.id)
    saved = (await customers.methods.attach(asha, name)).row
    after = [await ends(*one) for one in everybody]
    await customers.methods.detach(saved.id, merchant_id=desk.merchant.id)

    missing, pm = "wallet_consent_missing", typeid("pm", saved.id)
    assert refused.value.code == missing
    assert before == [*6 * [missing], *3 * [name]]
    assert after == [missing, pm, missing, pm, pm, missing, pm, pm, name]
    assert [await ends(*one) for one in everybody] == before


async def test_only_a_wallet_that_exists_is_saved(purse: Purse, journal: Journal) -> None:
    desk = purse.desk
    customers = Customers.over(journal, desk.operations.database, desk.clock)
    asha = (await customers.create(desk.merchant, CustomerTerms())).row.id

    for token, code in (
        (typeid("wal", asha), "wallet_not_found"),
        ("wal_nonsense", "invalid_payment_method"),
    ):
        with pytest.raises(PaymentsError) as refused:
            await customers.methods.attach(asha, token)
        assert refused.value.code == code


async def test_whoever_says_nothing_of_himself_may_least(purse: Purse) -> None:
    with pytest.raises(PaymentsError) as refused:
        await purse.desk.pay(100, typeid("wal", purse.id))

    assert refused.value.code == "wallet_consent_missing"


# Promises ---------------------------------------------------------------------------------------


@pytest.fixture
async def owner(owner_address: Address) -> AsyncIterator[Connection]:
    options = {"search_path": owner_address.schema, "session_replication_role": "replica"}
    connection = await connect(owner_address, server_settings=options)
    yield connection
    await connection.close()


@pytest.mark.parametrize(("sql", "name"), (TAMPERINGS | RAIL_TAMPERINGS).items())
async def test_what_was_tampered_with_is_found(
    purse: Purse, die_at: Callable[[str], None], owner: Connection, *, sql: str, name: str
) -> None:
    desk = purse.desk
    await desk.capture(await purse.hold(), amount_minor=PART)
    await desk.refund(await purse.pay(), amount_minor=PART)
    die_at("payments.after_ask")
    with pytest.raises(Died):
        await purse.pay(1_000)  # taken, and not recorded: as much may stand in between
    assert await desk.clearing("wallet") == -1_000
    assert await broken(desk) == set()

    done = await owner.execute(sql)

    assert not done.endswith(" 0"), "nothing was tampered with"
    assert name in await broken(desk)


def test_every_check_of_the_rail_is_shown_able_to_fail() -> None:
    assert {check.name for check in wallets.rail.checks} == set(RAIL_TAMPERINGS.values())
