"""What a payment by wallet moves, as the page of the postings shows it. Computed."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from msgspec import structs

from tallystick.books import account_id, chart
from tallystick.journal import Fact, Origin, Told
from tallystick.ledger import Post, Reserve, Settle, Void
from tallystick.platform.ids import derived_id
from tallystick.wallets.folds import fold_hold
from tallystick.wallets.hold_decisions import Payer
from tallystick.wallets.model import Hold, Tier, Wallet, wallet_code, wallet_id
from tallystick.wallets.rail.decisions import (
    Lasting,
    Receiving,
    clearing_id,
    decide_authorization,
    decide_giving_back,
    decide_taking,
)
from tallystick.wallets.rail.orders import AUTHORIZATION, CAPTURE, REFUND, Standing, WalletOrder
from tests.payments import test_postings as page
from tests.payments.story import CHANGE, MERCHANT, START, Story

ASHA = UUID("01900000-0000-7002-8000-000000000001")
WALLET_ID = wallet_id(ASHA, "INR")
NAMES = {
    account_id(ASHA, wallet_code(ASHA, "user", "INR")): "wallet",
    clearing_id("INR"): "wallet clearing",
} | {
    account: name
    for account, name in page.ACCOUNTS.items()
    if name in ("merchant payable", "platform fees")
}
TIER = Tier("unlimited", "INR")
Moves = Iterator[tuple[str, str, Post | Reserve]]


def wallet() -> Wallet:
    return Wallet(
        id=WALLET_ID,
        record_id=derived_id(WALLET_ID, "wallet"),
        version=1,
        owner_id=ASHA,
        owner_kind="user",
        currency="INR",
        status="active",
        frozen="no",
        tier="unlimited",
        spent_on=START.date(),
        spent_day_minor=0,
        spent_month=START.date().replace(day=1),
        spent_month_minor=0,
        opened_at=START,
        updated_at=START,
    )


def ordered(kind: str, amount_minor: int) -> WalletOrder:
    return WalletOrder(
        reference="pay_1-a1",
        authorization_reference="pay_1-a1",
        order_kind=kind,
        wallet_id=WALLET_ID,
        amount_minor=amount_minor,
        currency="INR",
    )


def held(fact: Fact) -> Hold:
    told = Told(0, 0, fact.aggregate_id, 1, fact.kind, 1, fact.data, Origin(), START)
    return fold_hold(None, told)


def moves() -> Moves:
    """Held, captured in part, a part of that given back: the wallet's side and the payment's."""
    story = paid_by_wallet()
    lasting = Lasting(derived_id(WALLET_ID, "hold"), CHANGE, START + timedelta(days=8))
    order = ordered(AUTHORIZATION, 10_000)
    taken = decide_authorization(order, Payer(wallet(), TIER), MERCHANT, lasting, START)
    reserve = taken.transfer
    assert isinstance(reserve, Reserve)
    yield "authorized", "reserve", reserve

    story.step("capture 6000 final")
    hold = held(taken.facts[0])
    captured = decide_taking(ordered(CAPTURE, 6_000), hold, wallet(), final=True, now=START)
    settle = captured.transfer
    assert isinstance(settle, Settle)
    shown_as = structs.replace(reserve, amount_minor=settle.amount_minor, code=settle.code)
    yield "captured, final", "settle", shown_as
    story.step("bank  approved")
    yield from recorded(story, "captured, final")

    story.step("refund r1 2500")
    (of_refund,) = [moved for moved in recorded(story, "refund asked") if moved[1] == "reserve"]
    yield of_refund
    to = Receiving(wallet(), 0, TIER)
    back = decide_giving_back(ordered(REFUND, 2_500), to, Standing(6_000)).transfer
    assert isinstance(back, Post)
    yield "refund done", "post", back
    yield "refund done", "settle", of_refund[2]


def paid_by_wallet() -> Story:
    """A story whose payment went by the wallets' own route."""
    story = Story(fees=page.SIMPLE)
    story.step("pay 10000 manual")
    payment = structs.replace(story.case.the_payment(), route=chart.WALLET_ROUTE)
    story.case = structs.replace(story.case, payment=payment)
    story.step("bank approved")
    return story


def recorded(story: Story, what: str) -> Moves:
    """What the payment's own last step moved."""
    for line, _, order in story.moved:
        if line == story.line and not isinstance(order, Settle | Void):
            yield what, "post" if isinstance(order, Post) else "reserve", order


def shown() -> str:
    lines = ["| what happened | kind | debit | credit | INR | code |", "|---|---|---|---|---:|---|"]
    sides: dict[str, tuple[list[int], list[int]]] = {name: ([], []) for name in NAMES.values()}
    for what, kind, order in moves():
        debit, credit = NAMES[order.debit], NAMES[order.credit]
        figure = page.rupees(order.amount_minor)
        lines.append(f"| {what} | {kind} | {debit} | {credit} | {figure} | `{order.code}` |")
        if kind in ("post", "settle"):
            sides[debit][0].append(order.amount_minor)
            sides[credit][1].append(order.amount_minor)
    drawn = [page.t_account(name, *side) for name, side in sides.items()]
    return "\n".join([*lines, "", "```text", "\n\n".join(drawn), "```"])


def test_the_page_shows_what_a_payment_by_wallet_moves() -> None:
    assert shown() in page.DOCUMENT.read_text(encoding="utf-8"), f"\n{shown()}"


def test_nothing_is_left_in_between() -> None:
    done = [(order, kind) for _, kind, order in moves() if kind in ("post", "settle")]
    taken = sum(order.amount_minor for order, _ in done if order.debit == clearing_id("INR"))
    given = sum(order.amount_minor for order, _ in done if order.credit == clearing_id("INR"))

    assert taken == given == 6_000 + 2_500
