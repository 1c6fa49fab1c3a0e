"""One saga from end to end: payment, top-up, hold, capture, transfer, payout, notification.

Every beat is a wish with a key of its own; at some of them the process that grants it dies.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from uuid import UUID

from tallystick.app import App
from tallystick.platform.clock import SystemClock
from tallystick.platform.ids import new_id, parse_typeid, random_bucket, typeid
from tests.crash.client_journal import Wish
from tests.crash.crash_site import CrashSite
from tests.crash.worker_deaths import Workers
from tests.servers.http_client import Answer

AMOUNT = 10_000
HELD = 6_000
SENT = 4_000
PAID_OUT = 2_500
BEATS = ("pay", "credit", "hold", "capture", "transfer", "payout")
_keys = count(1)


@dataclass
class Saga:
    """The wallets of one saga, and what it has come to; `deaths`: at which beat, at which point."""

    workers: Workers
    deaths: Mapping[str, str]
    payee_name: str = "asha"
    payer: str = ""
    payee: str = ""
    friend: str = ""
    ids: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Every beat, with the deaths at their places."""
        self.payer, self.payee, self.friend = [await self._wallet() for _ in range(3)]
        await self._pay()
        await self._credit()
        hold = {
            "wallet_id": self.payer,
            "amount": HELD,
            "currency": "INR",
            "to_wallet_id": self.payee,
        }
        held = await self._step("hold", "/api/v1/holds", hold)
        await self._step("capture", f"/api/v1/holds/{held.json['id']}/capture", {})
        sent = {
            "transfer_id": f"saga-{next(_keys)}",
            "from_wallet_id": self.payee,
            "to_wallet_id": self.friend,
            "amount": SENT,
            "currency": "INR",
        }
        await self._step("transfer", "/api/v1/wallet-transfers", sent)
        await self._payout()

    async def balances(self) -> list[tuple[int, int]]:
        """What payer, payee and friend hold, and what of it is promised away."""
        found = []
        for name in (self.payer, self.payee, self.friend):
            account = await self.app.ledger.find_account(parse_typeid("wal", name))
            assert account is not None
            found.append((account.posted_minor, account.pending_out_minor))
        return found

    @property
    def site(self) -> CrashSite:
        return self.workers.site

    @property
    def app(self) -> App:
        return self.site.app

    async def _wallet(self) -> str:
        user_id: UUID = new_id(SystemClock().now(), random_bucket())
        seen = await self.app.wallets.open(user_id, "INR")
        return typeid("wal", seen.wallet.id)

    async def _pay(self) -> None:
        body = {
            "amount": AMOUNT,
            "currency": "INR",
            "payment_method": "tok_visa",
            "merchant": "merchant_123",
            "wallet_id": self.payer,
        }
        answer = await self._step("pay", "/api/v1/payments", body)
        if answer.json["status"] == "failed":
            # It never reached the bank, whose payer may have gone: he tries again.
            answer = await self.site.clients.ask(self._wish("pay", "/api/v1/payments", body))
        assert answer.json["status"] == "captured", answer.json
        self.ids["pay"] = answer.json["id"]

    async def _credit(self) -> None:
        if point := self.deaths.get("credit"):
            await self.workers.lease_runs_out()  # ours, from the saga before
            assert await self.workers.run_until(point) == -9, point
            await self.workers.lease_runs_out()  # of the dead
        await self.app.delivery.drain("top_ups")
        self.site.wind_clock()
        await self.app.top_ups.credit_due()

    async def _payout(self) -> None:
        to = {"type": "upi", "upi_id": f"{self.payee_name}@sandbox", "name": "Asha Rao"}
        body = {"wallet_id": self.friend, "amount": PAID_OUT, "destination": to}
        await self._step("payout", "/api/v1/payouts", body)

    async def _step(self, beat: str, path: str, body: dict[str, object]) -> Answer:
        wish = self._wish(beat, path, body)
        if point := self.deaths.get(beat):
            (answer,) = await self.site.crash_at(point, [wish])
        else:
            answer = await self.site.clients.ask(wish)
        assert answer.status < 300, (beat, self.deaths, answer.raw)
        self.ids[beat] = str(answer.json["id"])
        return answer

    def _wish(self, beat: str, path: str, body: dict[str, object]) -> Wish:
        return Wish(f"saga_{beat}", f"saga-{beat}-{next(_keys)}", path, json.dumps(body))
