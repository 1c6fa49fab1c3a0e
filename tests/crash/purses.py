"""Two wallets of a crash site, and what is wished of them; a wish may be somebody's death."""

import json
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from itertools import count
from typing import Any

from tallystick.books import PLATFORM, account_id, chart
from tallystick.ledger import Post
from tallystick.platform.clock import SystemClock
from tallystick.platform.ids import new_id, parse_typeid, random_bucket, typeid
from tests.crash.client_journal import Wish
from tests.crash.crash_site import CrashSite
from tests.servers.http_client import Answer

BEGUN = 10_000
WHOLE = 4_000
HALF = 1_500
_numbers = count(1)
HOLDS, ESCROWS = "/api/v1/holds", "/api/v1/escrows"
SENDING, SCHEDULES = "/api/v1/wallet-transfers", "/api/v1/transfer-schedules"


@dataclass
class Purses:
    """A payer with INR 100.00 and a payee with nothing; the ids of what was made between them."""

    site: CrashSite
    payer: str
    payee: str
    made: dict[str, str] = field(default_factory=dict)

    @classmethod
    async def opened(cls, site: CrashSite) -> "Purses":
        """Two new wallets."""
        app = site.app
        ids = []
        for _ in range(2):
            user_id = new_id(SystemClock().now(), random_bucket())
            ids.append((await app.wallets.open(user_id, "INR", tier="unlimited")).wallet.id)
        bank = account_id(PLATFORM, chart.bank_code("INR"))
        await app.transfers.post_one(Post(bank, ids[0], BEGUN, "INR", "fund"))
        payer, payee = [typeid("wal", wallet_id) for wallet_id in ids]
        return cls(site, payer, payee)

    # Wishes -----------------------------------------------------------------------------------

    async def hold(self, point: str | None = None) -> None:
        body = {"wallet_id": self.payer, "to_wallet_id": self.payee, **_money(WHOLE)}
        self.made["hold"] = await self._ask(HOLDS, body | {"expires_at": self._soon()}, point)

    async def capture(self, point: str | None = None) -> None:
        """A part, and the rest goes back."""
        await self.hold()
        path = f"{HOLDS}/{self.made['hold']}/capture"
        await self._ask(path, {"amount": HALF, "final": True}, point)

    async def release(self, point: str | None = None) -> None:
        await self.hold()
        await self._ask(f"{HOLDS}/{self.made['hold']}/release", {}, point)

    async def fund(self, point: str | None = None) -> None:
        """An escrow that pays its recipient when its time is over."""
        body = {
            "buyer_wallet_id": self.payer,
            "recipients": [{"wallet_id": self.payee}],
            "timeout": {"at": self._soon(), "then": "release"},
            **_money(WHOLE),
        }
        self.made["escrow"] = await self._ask(ESCROWS, body)
        await self._of_escrow("fund", {}, point)

    async def pay_recipient(self, point: str | None = None) -> None:
        await self.fund()
        await self._of_escrow("release", {"amount": HALF}, point)

    async def give_back(self, point: str | None = None) -> None:
        await self.fund()
        await self._of_escrow("return", {"amount": HALF}, point)

    async def resolve(self, point: str | None = None) -> None:
        """After a dispute the recipient gets a part and the buyer the rest."""
        await self.fund()
        await self._of_escrow("dispute", {})
        await self._of_escrow("resolve", {"release": HALF}, point)

    async def send(self, point: str | None = None) -> None:
        body = {"transfer_id": f"sent-{next(_numbers)}", **self._way(), **_money(WHOLE)}
        await self._ask(SENDING, body, point)

    async def schedule(self, point: str | None = None) -> None:
        """A transfer that runs once, at noon tomorrow (UTC)."""
        tomorrow = SystemClock().now() + self.site.shift + timedelta(days=1)
        when = {
            "frequency": "once",
            "starts_on": f"{tomorrow.astimezone(UTC):%Y-%m-%d}",
            "local_time": "12:00",
            "timezone": "UTC",
        }
        self.made["schedule"] = await self._ask(
            SCHEDULES, {**self._way(), **_money(HALF), **when}, point
        )

    # What became of them ----------------------------------------------------------------------

    async def held(self) -> tuple[int, int, int]:
        """What payer and payee have, and what of the payer's is set aside."""
        found = []
        for name in (self.payer, self.payee):
            account = await self.site.app.ledger.find_account(parse_typeid("wal", name))
            assert account is not None
            found.append(account)
        payer, payee = found
        assert payee.pending_out_minor == 0
        return payer.posted_minor, payee.posted_minor, payer.pending_out_minor

    async def ends(self) -> tuple[str, str, int]:
        """How hold and escrow stand, and how often the schedule ran."""
        app = self.site.app
        hold = await app.holds.get(parse_typeid("hld", self.made["hold"]))
        escrow = await app.escrows.get(parse_typeid("esc", self.made["escrow"]))
        schedule_id = parse_typeid("sch", self.made["schedule"])
        runs = await app.database.fetchval(
            "SELECT count(*) FROM wallet_transfers WHERE schedule_id = $1", schedule_id
        )
        return hold.status, escrow.row.status, runs

    async def _of_escrow(self, verb: str, body: dict[str, Any], point: str | None = None) -> None:
        await self._ask(f"{ESCROWS}/{self.made['escrow']}/{verb}", body, point)

    async def _ask(self, path: str, body: dict[str, Any], point: str | None = None) -> str:
        """Ask until there is an answer; at a point, twice at once while the process dies there."""
        wish = Wish("wallet_wish", f"wallet-{next(_numbers)}", path, json.dumps(body))
        answers: list[Answer]
        if point is None:
            answers = [await self.site.clients.ask(wish)]
        else:
            answers = await self.site.crash_at(point, [wish, wish])
        for answer in answers:
            assert answer.status < 300, (path, point, answer.raw)
        (made,) = {str(answer.json["id"]) for answer in answers}
        return made

    def _way(self) -> dict[str, str]:
        return {"from_wallet_id": self.payer, "to_wallet_id": self.payee}

    def _soon(self) -> str:
        at = SystemClock().now() + self.site.shift + timedelta(hours=1)
        return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _money(amount_minor: int) -> dict[str, Any]:
    return {"amount": amount_minor, "currency": "INR"}
