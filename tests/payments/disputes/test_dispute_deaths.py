"""A process that dies while it learns of a dispute, or answers one: nothing is lost or doubled."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.payments.desk import a_key
from tests.payments.disputes.dispute_desk import RECEIPT, DisputeDesk

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("proven")]

MODULES = ("feed", "documents", "disputes")


class Died(BaseException):
    """What SIGKILL looks like from inside: not a line of code runs after it."""


@pytest.fixture
def die_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def arm(point: str) -> None:
        def die(passed: str) -> None:
            if passed == point:
                monkeypatch.undo()
                raise Died(point)

        for module in MODULES:
            monkeypatch.setattr(f"tallystick.payments.disputes.{module}.crash_point", die)

    return arm


@pytest.mark.parametrize("point", ["disputes.after_learn", "disputes.after_record"])
async def test_what_was_learned_is_recorded_once(
    counter: DisputeDesk, die_at: Callable[[str], None], point: str
) -> None:
    await counter.desk.pay(50_000)
    await counter.desk.pay(10_000, "tok_disputed")
    await counter.desk.pay(10_000, "tok_disputed_lost")
    die_at(point)
    with pytest.raises(Died):
        await counter.learn()

    opened = await counter.learn()

    assert opened == (2 if point == "disputes.after_learn" else 1)
    assert len((await counter.disputes.list_disputes(None)).rows) == 2
    assert await counter.held() == 20_000


@pytest.mark.parametrize("verb", ["submit", "accept"])
@pytest.mark.parametrize("point", ["disputes.after_decide", "disputes.after_ask"])
async def test_an_answer_that_was_cut_reaches_the_bank_once(
    counter: DisputeDesk, die_at: Callable[[str], None], verb: str, point: str
) -> None:
    await counter.desk.pay(50_000)
    row = await counter.disputed()
    await counter.hand_in(row)
    ask, key = getattr(counter.disputes, verb), a_key()
    die_at(point)
    with pytest.raises(Died):
        await ask(row.id, asked=key)
    if verb == "accept" and point == "disputes.after_decide":
        assert (await counter.look(row)).status == "needs_response"

    await counter.turn(timedelta(seconds=2))

    answer = await ask(row.id, asked=key)
    assert answer.replayed
    assert answer.row.status == ("under_review" if verb == "submit" else "accepted")
    await counter.turn(timedelta(minutes=2))
    assert (await counter.look(row)).status == ("won" if verb == "submit" else "accepted")
    assert await counter.held() == 0


async def test_a_repeat_finishes_what_was_cut(
    counter: DisputeDesk, die_at: Callable[[str], None]
) -> None:
    await counter.desk.pay(50_000)
    row = await counter.disputed()
    key = a_key()
    die_at("disputes.after_ask")
    with pytest.raises(Died):
        await counter.disputes.accept(row.id, asked=key)
    counter.desk.clock.advance(timedelta(seconds=2))

    answer = await counter.disputes.accept(row.id, asked=key)

    assert (answer.row.status, answer.replayed) == ("accepted", True)


async def test_a_document_that_was_cut_can_be_handed_in_again(
    counter: DisputeDesk, die_at: Callable[[str], None]
) -> None:
    await counter.desk.pay(50_000)
    row = await counter.disputed()
    die_at("disputes.after_document")
    with pytest.raises(Died):
        await counter.hand_in(row)
    assert (await counter.look(row)).items == ()

    (item,) = (await counter.hand_in(row)).items

    assert await counter.disputes.documents.get(row.id, item.id) == RECEIPT
    assert (await counter.hand_in(row)).items == (item,)
