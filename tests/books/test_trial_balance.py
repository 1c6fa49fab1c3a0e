"""The trial balance: at any instant, on both bases, debits equal credits in every currency."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from tallystick.books import PLATFORM, account_id, chart, chart_classes, draw_up_trial_balance
from tallystick.ledger import Open, Post, Reserve
from tests.books.furnished import Books
from tests.books.test_chart import MERCHANT

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


@pytest.fixture
async def charted(books: Books) -> Books:
    """The house's own accounts, and a few of somebody's own."""
    opens = [
        *chart.platform_accounts(["hdfc_bank"], ["INR", "JPY"]),
        *chart.merchant_accounts(MERCHANT, ["INR"]),
        Open(books.account("expense:rent:INR"), "expense:rent:INR", "INR", "debit", None),
    ]
    await books.accounts.ensure_open(opens)
    return books


async def test_accounts_are_added_up_by_currency_and_class(charted: Books) -> None:
    clearing = account_id(PLATFORM, chart.clearing_code("hdfc_bank", "INR"))
    payable = account_id(MERCHANT, chart.payable_code(MERCHANT, "INR"))
    fees = account_id(PLATFORM, chart.fees_code("INR"))
    rent, bank = charted.account("expense:rent:INR"), account_id(PLATFORM, chart.bank_code("INR"))
    for order in (
        Post(clearing, payable, 9_700, "INR", "capture"),
        Post(clearing, fees, 300, "INR", "fee"),
        Post(rent, bank, 50, "INR", "rent"),
    ):
        await charted.transfers.post_one(order)

    found = await draw_up_trial_balance(charted.ledger)

    (rupees,) = found.currencies  # nothing ever moved in yen
    assert found.is_balanced
    assert (rupees.currency, rupees.debit_minor, rupees.credit_minor) == ("INR", 20_050, 20_050)
    assert {(c.chart_class, c.debit_minor, c.credit_minor) for c in rupees.classes} == {
        ("asset", 20_000, 50),  # the bank account stands in credit by the rent
        ("liability", 0, 19_700),
        ("income", 0, 300),
        ("expense", 50, 0),
    }
    assert {(line.chart_class, line.family, line.accounts) for line in rupees.lines} == {
        ("asset", "rail:{route}:clearing:{CUR}", 1),
        ("asset", "platform:bank:{CUR}", 1),
        ("asset", "others", 1),
        ("liability", "merchant:{merchant}:payable:{CUR}", 1),
        ("liability", "others", 1),
        ("income", "platform:fees:{CUR}", 1),
        ("expense", "expense:{anything}", 1),
    }
    assert [c.chart_class for c in rupees.classes] == ["asset", "liability", "income", "expense"]


async def test_one_currency_may_be_asked_for(charted: Books) -> None:
    bank = account_id(PLATFORM, chart.bank_code("JPY"))
    suspense = account_id(PLATFORM, chart.suspense_code("JPY"))
    await charted.transfers.post_one(Post(bank, suspense, 7, "JPY", "found"))

    (yen,) = (await draw_up_trial_balance(charted.ledger, currency="JPY")).currencies

    assert (yen.currency, yen.debit_minor, yen.credit_minor) == ("JPY", 7, 7)


@pytest.mark.parametrize("probe_lines", [0, 10**9], ids=["halving", "walking"])
async def test_it_balances_at_every_instant_on_both_bases_and_agrees_with_the_accounts(
    books: Books, probe_lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.ledger.history.PROBE_LINES", probe_lines)
    chance = Random(7)
    start = books.clock.now()
    names = ["bank", "alice", "bob", "fees"]
    for _ in range(60):
        books.clock.advance(HOUR)
        debit, credit = chance.sample(names, 2)
        back = books.clock.now() - chance.randrange(1, 40) * HOUR
        order = books.post("bank" if debit != "bank" else debit, credit, chance.randrange(1, 99))
        if order.debit == order.credit:
            continue
        late = chance.random() < 0.4
        await books.transfers.post_one(replace(order, effective_at=back if late else None))
        await books.transfers.reserve(
            Reserve(books.account("alice"), books.account("bob"), 1, "INR", "hold")
        )
    for hours in range(-2, 64, 7):
        at = start + hours * HOUR
        asked: tuple[dict[str, Any], ...] = (
            {"at": at},
            {"effective_at": at},
            {"at": at, "effective_at": at - HOUR},
        )
        for kwargs in asked:
            found = await draw_up_trial_balance(books.ledger, **kwargs)
            sums = {"debit": 0, "credit": 0}
            for name in names:
                account = await books.ledger.find_account(books.account(name))
                assert account is not None
                history = books.ledger.history
                if "effective_at" in kwargs:
                    there = await history.balance_by_value(
                        account, kwargs["effective_at"], kwargs.get("at")
                    )
                else:
                    there = await history.balance_at(account, at)
                side = account.normal_side
                other = "credit" if side == "debit" else "debit"
                sums[side if there.posted_minor > 0 else other] += abs(there.posted_minor)
            total = sum(c.debit_minor for c in found.currencies)
            assert found.is_balanced
            assert (total, total) == (sums["debit"], sums["credit"])


async def test_in_the_future_it_is_as_now(books: Books) -> None:
    later = books.clock.now() + 1000 * HOUR
    now = await draw_up_trial_balance(books.ledger)

    assert (await draw_up_trial_balance(books.ledger, at=later)).currencies == now.currencies
    by_value = await draw_up_trial_balance(books.ledger, effective_at=later)
    assert by_value.currencies == now.currencies


class TestClasses:
    def test_every_code_of_the_house_has_one_family(self) -> None:
        codes = [
            *(o.code for o in chart.platform_accounts(["hdfc_bank", "a:b"], ["INR"])),
            *(o.code for o in chart.merchant_accounts(MERCHANT, ["INR"])),
            "wallet:usr_01kjpy44e0fh0r68j79jejabkn:INR",
            "escrow:esc_01kjpy44e0fh0r68j79jejabkn",
            "platform:exchange:INR",
            "platform:rounding:INR",
            "payouts:sandbox:INR",
        ]
        for code in codes:
            words = code.split(":")
            fitting = [
                family.pattern
                for family in chart_classes.FAMILIES
                if chart_classes._fits(family.pattern.split(":"), words)
            ]
            assert len(fitting) == 1, (code, fitting)

    def test_a_class_fits_the_normal_side_its_accounts_open_with(self) -> None:
        opens = (
            *chart.platform_accounts(["hdfc_bank"], ["INR"]),
            *chart.merchant_accounts(MERCHANT, ["INR"]),
        )
        for order in opens:
            on_debit = chart_classes.class_of(order.code, "?") in ("asset", "expense")
            assert on_debit == (order.normal_side == "debit"), order.code

    @pytest.mark.parametrize(
        ("code", "side", "chart_class"),
        [
            ("expense:rent", "debit", "expense"),
            ("equity:owners", "credit", "equity"),
            ("till:3", "debit", "asset"),
            ("till:3", "credit", "liability"),
            ("expenses:rent", "debit", "asset"),
            ("platform:petty_cash:INR", "debit", "asset"),
        ],
    )
    def test_other_codes_say_it_themselves_or_by_their_side(
        self, code: str, side: str, chart_class: str
    ) -> None:
        assert chart_classes.class_of(code, side) == chart_class

    def test_sql_reads_the_patterns_as_written(self) -> None:
        family = chart_classes.Family("petty_cash:{till}:{CUR}", "asset")

        assert family.like == r"petty\_cash:%:%"
