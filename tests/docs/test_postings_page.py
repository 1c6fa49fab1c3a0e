"""The rarer pages of the postings: disputes, repaid advances, accounts that refuse. Computed."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from types import ModuleType
from uuid import UUID

import pytest

from tallystick.books import PLATFORM, account_id, chart
from tallystick.ledger import Post, Reserve, Settle, Void
from tallystick.payments import advances, late_failures, postings
from tallystick.payments.conclusions import Conclusion
from tallystick.payments.disputes import postings as disputes
from tallystick.payments.fees import reserves
from tallystick.rails import Approved
from tests.house_rules.sources import product_sources
from tests.payments import test_postings as page
from tests.payments.story import MERCHANT, Story

PAYABLE = account_id(MERCHANT, chart.payable_code(MERCHANT, "INR"))
ADVANCE = account_id(MERCHANT, chart.advance_code(MERCHANT, "INR"))
NAMES = page.ACCOUNTS | {account_id(PLATFORM, chart.disputes_code("INR")): "disputes held"}
CODES = re.compile(r"^\|.*\| `(\w+)` \|$", re.MULTILINE)
ROOMS = (postings, advances, late_failures, reserves, disputes)

Order = Post | Reserve | Settle | Void
Moves = Iterator[tuple[str, str, Post | Reserve]]


def disputed() -> Moves:
    """Two halves of one payment are disputed: one dispute is won, the other one lost."""
    yield from told("captured", captured().moved)
    opened = disputes.opening_posts(MERCHANT, "INR", 5_000, fee_minor=1_500)
    for end, posts in (
        ("won", disputes.won_posts(MERCHANT, "INR", 5_000)),
        ("lost, accepted or expired", disputes.lost_posts("hdfc_bank", "INR", 5_000)),
    ):
        for order in opened:
            yield "dispute opened", "post", order
        for order in posts:
            yield end, "post", order


def repaid() -> Moves:
    """An advance of INR 25.00, and the money that comes in behind it."""
    story = captured()
    story.step("refund r1 4000 1500")
    story.step("bank r1 approved")
    refund = told("refund done", [moved for moved in story.moved if settles_or_is_held(moved)])
    yield from (move for move in refund if move[2].debit == ADVANCE and move[1] == "settle")
    yield from told("another capture", story_of("pay 2000").moved)
    yield "the job `advances`", "post", Post(PAYABLE, ADVANCE, 1_840, "INR", advances.REPAID)


def refused() -> Moves:
    """The merchant's account is closed: what comes in goes to suspense."""
    story = story_of("pay 10000", captured=False)
    case, moment = story.case, story.moment
    assert case.operation
    story.tell(Conclusion(case, case.operation, moment, to_suspense=True).of(Approved("bank-1")))
    yield from told("captured, the payable refuses", story.moved)


def refused_later() -> Moves:
    """The account was closed while a refund was under way."""
    story = captured()
    story.step("refund r1 2500")
    refund = story.refunds["r1"]
    moved = list(story.moved)
    (reserve,) = [order for _, _, order in moved if isinstance(order, Reserve)]
    yield from told("captured", moved[:2])
    yield "refund asked", "reserve", reserve
    for order in postings.refund_from_suspense(refund.the_refund()):
        kind, shown_as = ("post", order) if isinstance(order, Post) else ("void", reserve)
        yield "refund done, the payable refuses", kind, shown_as


EXAMPLES: dict[str, Callable[[], Moves]] = {
    "disputed": disputed,
    "repaid": repaid,
    "refused": refused,
    "refused later": refused_later,
}


def story_of(*lines: str, captured: bool = True) -> Story:
    story = Story()
    for line in (*lines, *(["bank approved"] if captured else [])):
        story.step(line)
    return story


def captured() -> Story:
    return story_of("pay 10000")


def settles_or_is_held(moved: tuple[str, UUID, Order]) -> bool:
    return isinstance(moved[2], Reserve | Settle)


def told(what: str, moved: list[tuple[str, UUID, Order]]) -> Moves:
    """As the page tells them: a settle shows what its reservation promised."""
    held: dict[UUID, Reserve] = {}
    for _, transfer_id, order in moved:
        if isinstance(order, Reserve):
            held[transfer_id] = order
        elif isinstance(order, Post):
            yield what, "post", order
        else:
            yield what, type(order).__name__.lower(), held[order.reservation_id]


def shown(moves: list[tuple[str, str, Post | Reserve]]) -> str:
    lines = ["| what happened | kind | debit | credit | INR | code |", "|---|---|---|---|---:|---|"]
    sides: dict[str, tuple[list[int], list[int]]] = {name: ([], []) for name in NAMES.values()}
    for what, kind, order in moves:
        debit, credit = NAMES[order.debit], NAMES[order.credit]
        figure = page.rupees(order.amount_minor)
        lines.append(f"| {what} | {kind} | {debit} | {credit} | {figure} | `{order.code}` |")
        if kind in ("post", "settle"):
            sides[debit][0].append(order.amount_minor)
            sides[credit][1].append(order.amount_minor)
    drawn = [page.t_account(name, *side) for name, side in sides.items() if any(side)]
    return "\n".join([*lines, "", "```text", "\n\n".join(drawn), "```"])


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_shows_what_is_moved(name: str) -> None:
    example = shown(list(EXAMPLES[name]()))

    assert example in page.DOCUMENT.read_text(encoding="utf-8"), f"\n{example}"


def named_in(module: ModuleType) -> Iterator[str]:
    """The texts that a file gives a name to at its top; imported ones are another file's."""
    for node in ast.parse(inspect.getsource(module)).body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value


def test_every_code_that_a_payment_posts_stands_in_an_example() -> None:
    named = {code for room in ROOMS for code in named_in(room) if "." not in code}
    posted = named - {disputes.PAYABLE, disputes.SUSPENSE, disputes.BOTH}

    assert {"capture", "dispute_lost", "advance_repaid", "reserve_release"} <= posted
    assert posted - set(CODES.findall(page.DOCUMENT.read_text(encoding="utf-8"))) == set()


def test_payments_post_nowhere_else() -> None:
    room = [one for one in product_sources() if one.name.startswith("src/tallystick/payments/")]
    posting = {source.name for source in room if re.search(r"\bPost\(", source.text)}

    assert posting == {f"src/{room.__name__.replace('.', '/')}.py" for room in ROOMS}
