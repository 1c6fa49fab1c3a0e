"""Operator cases over the room's own desk, with a bank that can be made silent."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tallystick import books, payments
from tallystick.journal import Journal
from tallystick.payments import Cases, Operations, PaymentRow, Recovery
from tallystick.payments.cases import CaseRow, CasesWanted
from tallystick.payments.cases.keeping import Keeping
from tallystick.payments.cases.metrics import Labels
from tallystick.payments.cases.outcomes import Outcomes
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.pools import Database
from tallystick.wallets import Tiers
from tallystick.wallets.payouts import Payouts, PayoutSources
from tallystick.wallets.payouts.beats import PayoutBeats
from tests.payments.desk import Desk
from tests.payments.troubled_rails import silent

DAY = timedelta(days=1)
DAY_S = 86_400
LABELS = Labels(("hdfc_bank", "icici_bank"), ("INR", "JPY"))


@dataclass(frozen=True)
class CaseDesk:
    """Everything a test of cases speaks to."""

    desk: Desk
    cases: Cases
    silently: Cases  # the same while no bank answers

    async def pass_silently(self, by: timedelta = DAY) -> None:
        """Time goes by while no bank answers; recovery and the cases' job do what is due."""
        self.desk.clock.advance(by)
        await Recovery(silent(self.desk.operations)).run_once()
        await self.cases.keeping.keep()

    async def lost(self) -> PaymentRow:
        """A payment that the bank has made, whose answer was lost, a day ago."""
        row = await self.desk.pay(token="tok_charge_then_drop")
        await self.pass_silently()
        return row

    async def all(self, **wanted: str) -> tuple[CaseRow, ...]:
        return (await self.cases.list_cases(CasesWanted(**wanted))).rows

    async def the_case(self) -> CaseRow:
        (row,) = await self.all()
        return row


def cases_over(operations: Operations) -> Cases:
    """Cases of this room, at a day."""
    journal, database, clock = operations.journal, operations.database, operations.clock
    sources = PayoutSources(database, Tiers(journal, database, clock))
    beats = PayoutBeats(journal, database, operations.rails, sources, clock)
    outcomes = Outcomes(operations, Payouts(beats))
    return Cases(outcomes, Keeping(outcomes, DAY_S, LABELS))


@pytest.fixture
def case_desk(desk: Desk) -> CaseDesk:
    """Everything a test of cases speaks to."""
    return CaseDesk(desk, cases_over(desk.operations), cases_over(silent(desk.operations)))


@pytest.fixture
async def settled(
    case_desk: CaseDesk, journal: Journal, database: Database, clock: HandClock
) -> AsyncIterator[None]:
    """After the test the banks answer until nothing is open: every case ends, all proves."""
    yield
    for _ in range(3):
        await case_desk.desk.recover(DAY)
    await case_desk.cases.keeping.keep()
    assert await case_desk.all(status="open") == ()
    proof = await books.prove(database, journal, clock, payments.checks)
    broken = {result.name: result.findings for result in proof.checks if not result.green}
    assert broken == {}
