"""A process that dies over a case: it is opened once, ended once, and the key is answered."""

from collections.abc import Callable

import pytest

from tests.payments.cases.conftest import DAY, CaseDesk
from tests.payments.desk import a_key

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("settled")]

ASKING = (
    ("cases.cases", "cases.after_ask"),
    ("operations", "payments.after_ask"),
    ("operations", "payments.after_record"),
)


class Died(BaseException):
    """What SIGKILL looks like from inside: not a line of code runs after it."""


@pytest.fixture
def die_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    def arm(module: str, point: str) -> None:
        def die(passed: str) -> None:
            if passed == point:
                monkeypatch.undo()
                raise Died(point)

        monkeypatch.setattr(f"tallystick.payments.{module}.crash_point", die)

    return arm


async def test_the_next_round_opens_what_the_last_one_did_not(
    case_desk: CaseDesk, die_at: Callable[[str, str], None]
) -> None:
    for _ in range(3):
        await case_desk.desk.pay(token="tok_charge_then_drop")
    case_desk.desk.clock.advance(DAY)
    die_at("cases.keeping", "cases.after_record")
    with pytest.raises(Died):
        await case_desk.cases.keeping.keep()
    assert len(await case_desk.all()) == 1

    assert await case_desk.cases.keeping.keep() == 2

    assert len(await case_desk.all()) == 3


async def test_the_next_round_ends_what_the_last_one_did_not(
    case_desk: CaseDesk, die_at: Callable[[str, str], None]
) -> None:
    for _ in range(3):
        await case_desk.desk.pay(token="tok_charge_then_drop")
    await case_desk.pass_silently()
    await case_desk.desk.recover(DAY)
    die_at("cases.keeping", "cases.after_record")
    with pytest.raises(Died):
        await case_desk.cases.keeping.keep()

    assert await case_desk.cases.keeping.keep() == 2

    assert {(case.status, case.version) for case in await case_desk.all()} == {("resolved", 2)}


@pytest.mark.parametrize(("module", "point"), ASKING)
async def test_whoever_was_cut_off_asks_again_with_his_key(
    case_desk: CaseDesk, die_at: Callable[[str, str], None], module: str, point: str
) -> None:
    held = await case_desk.desk.hold()
    await case_desk.desk.capture(held, amount_minor=4_152)  # it never arrived: it is asked again
    await case_desk.pass_silently()
    case, key = await case_desk.the_case(), a_key()
    die_at(module, point)
    with pytest.raises(Died):
        await case_desk.cases.ask(case.id, asked=key)

    first = await case_desk.cases.ask(case.id, asked=key)
    again = await case_desk.cases.ask(case.id, asked=key)

    assert (first.row.status, first.row.outcome) == ("resolved", "payment.captured")
    assert (again.row, again.replayed) == (first.row, True)
    assert await case_desk.desk.bank_says(held) == (10_000, 4_152, 0, False)
