"""Where API processes are killed: one process at a time, its clients, the banks, and an auditor.

The auditor is an `App` in the test's own process: it prepares, recovers and proves, as an
operator's machine would. After every kill the clock is turned a little, so that whoever comes
next may believe that the dead are dead.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from tallystick.app import App
from tallystick.platform.clock import HandClock, SystemClock
from tallystick.sandbox import Sandbox
from tests.crash.client_journal import Wish
from tests.crash.patient_clients import PatientClients
from tests.crash.wishes import Wishes
from tests.servers.api_processes import ApiProcess, ApiProcesses
from tests.servers.http_client import Answer
from tests.servers.served import require_proven
from tests.servers.two_books import require_same_books
from tests.servers.two_payout_books import require_same_payouts

AFTER_A_KILL = timedelta(seconds=5)  # longer than anybody may wait for a bank here
_DEATH_S = 10.0
_LOOKS = 30
# But for payers who are still at their banks, ...
_OPEN_PAYMENTS = (
    "SELECT count(*) FROM payments p WHERE operation IS NOT NULL AND NOT EXISTS"
    " (SELECT FROM intents i WHERE i.id = p.intent_id AND i.status = 'requires_action')"
)
_OPEN_PAYOUTS = "SELECT count(*) FROM payouts WHERE status IN ('pending', 'sent')"
_NO_CALLER_WAITS = (
    "SELECT count(*) FROM journal_claims WHERE state = 'running'",
    "SELECT count(*) FROM refunds WHERE operation IS NOT NULL",
    # ... and what has ended, and is watched for a bank that approves it after all.
    f"{_OPEN_PAYMENTS} AND p.status NOT IN ('failed', 'cancelled')",
)
_WAITING_TOP_UPS = "SELECT count(*) FROM wallet_top_ups WHERE status = 'waiting'"
_NOTHING_LEFT = (*_NO_CALLER_WAITS, _OPEN_PAYMENTS, _OPEN_PAYOUTS, _WAITING_TOP_UPS)


@dataclass
class CrashSite:
    """Everything a round needs."""

    app: App
    sandbox: Sandbox
    processes: ApiProcesses
    clients: PatientClients
    wishes: Wishes
    process: ApiProcess | None = None
    kills: int = 0
    shift: timedelta = field(default_factory=timedelta)

    async def start(self) -> ApiProcess:
        """A new API process, by the present clock."""
        now = SystemClock().now() + self.shift
        self.process = await self.processes.start(clock_at=now)
        return self.process

    async def crash_at(
        self, point: str, wishes: Sequence[Wish], *, healed: bool = False
    ) -> list[Answer]:
        """Let the process die at `point:n` while it grants these wishes; the answers in the end.

        `healed`: before the next process serves, one round of recovery must mend it all.
        """
        process = self.process or await self.start()
        await process.arm(point)
        asking = [asyncio.create_task(self.clients.ask(wish)) for wish in wishes]
        try:
            async with asyncio.timeout(_DEATH_S):
                code = await process.ended
        except TimeoutError:
            raise AssertionError(f"{point} was not passed by {wishes[0].verb}") from None
        assert code == -9
        if healed:
            await self._heal()
        await self.rise()
        return await asyncio.gather(*asking)

    async def kill(self) -> None:
        """As by `kill -9`."""
        process = self.process or await self.start()
        await process.ready
        await process.kill()

    async def rise(self) -> None:
        """Start again after a death."""
        self.kills += 1
        self.shift += AFTER_A_KILL
        await self.start()

    async def settle(self) -> None:
        """Let recovery finish whatever is left between the beats."""
        for _ in range(_LOOKS):
            left = await self._recover()
            await self.app.payouts.look_at_due(1_000)
            if not left and not await self.app.database.fetchval(_OPEN_PAYOUTS):
                break
        await self.app.delivery.drain("top_ups")
        while await self.app.top_ups.credit_due():
            pass
        await self._require_none(_NOTHING_LEFT)

    async def _heal(self) -> None:
        """One round is enough: what was begun is over, and no caller has to wait any more."""
        await self._recover()
        await self._require_none(_NO_CALLER_WAITS)

    async def _recover(self) -> int:
        """One round, when whoever asked must be gone."""
        self.shift += AFTER_A_KILL
        self.wind_clock()
        return await self.app.recovery.run_once(limit=1_000)

    async def _require_none(self, counts: Sequence[str]) -> None:
        for count in counts:
            left = await self.app.database.fetchval(count)
            assert not left, (count, left)

    def wind_clock(self) -> None:
        """Set the auditor's clock by those that run."""
        assert isinstance(self.app.clock, HandClock)
        self.app.clock.set(SystemClock().now() + self.shift)

    async def prove(self) -> None:
        """In a quiet moment: every promise is kept, and the banks' books equal ours."""
        await self.settle()
        await require_proven(self.app)
        await require_same_books(self.app, self.sandbox, SystemClock().now())
        await require_same_payouts(self.app, self.sandbox, SystemClock().now())
