"""`kill -9` while a wallet pays a merchant: nothing is lost or doubled, and the books add up."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count, product

import pytest

from tallystick.app import App
from tallystick.books import PLATFORM, account_id, chart
from tallystick.identity import Merchant
from tallystick.ledger import Post
from tallystick.payments.customers import CustomerTerms
from tallystick.platform.clock import SystemClock
from tallystick.platform.ids import new_id, parse_typeid, random_bucket, typeid
from tests.crash.client_journal import Wish
from tests.crash.crash_site import CrashSite
from tests.servers.http_client import Answer, Unanswered

pytestmark = pytest.mark.anyio

BEGUN, WHOLE, PART = 100_000, 1_000, 400
BEATS = (
    "payments.after_decide:1",
    "rails.after_ask:1",
    "payments.after_ask:1",
    "payments.after_record:1",
)
# The wallet's own change is the second of three that a verb records, unless its repeat is.
WITHIN = ("journal.after_lock:2", "journal.before_commit:2", "journal.after_commit:2")
_numbers = count(1)


@dataclass
class Shop:
    """A wallet with INR 1,000.00 that may be charged; each verb says what it took in the end."""

    site: CrashSite
    wallet: str

    @classmethod
    async def opened(cls, site: CrashSite) -> "Shop":
        app = site.app
        user_id = new_id(SystemClock().now(), random_bucket())
        wallet_id = (await app.wallets.open(user_id, "INR", tier="unlimited")).wallet.id
        bank = account_id(PLATFORM, chart.bank_code("INR"))
        await app.transfers.post_one(Post(bank, wallet_id, BEGUN, "INR", "fund"))
        wallet = typeid("wal", wallet_id)
        merchant = await shop_of(app)
        asha = await app.customers.create(merchant, CustomerTerms())
        await app.customers.methods.attach(asha.row.id, wallet)
        return cls(site, wallet)

    async def pay(self, point: str | None = None, *, capture: bool = True) -> str:
        body = {
            "amount": WHOLE,
            "currency": "INR",
            "payment_method": {"type": "wallet", "wallet_id": self.wallet},
            "capture_method": "automatic" if capture else "manual",
        }
        answer = await self._ask("/api/v1/payments", body, point)
        # What was never asked is not asked later: its payer may have gone.
        failed = answer.json["status"] == "failed"
        assert not failed or point in (BEATS[0], *WITHIN), (point, answer.json)
        return "" if failed else str(answer.json["id"])

    async def paid(self, point: str) -> int:
        return WHOLE if await self.pay(point) else 0

    async def held(self, point: str) -> int:
        """The rest is let go, so nothing is left."""
        held = await self.pay(point, capture=False)
        if held:
            await self._ask(f"/api/v1/payments/{held}/cancel", {}, None)
        return 0

    async def captured(self, point: str) -> int:
        path = f"/api/v1/payments/{await self.pay(capture=False)}/capture"
        answer = await self._ask(path, {"amount": PART, "final": True}, point)
        assert (answer.status, answer.json["amount_captured"]) == (200, PART), point
        return PART

    async def cancelled(self, point: str) -> int:
        path = f"/api/v1/payments/{await self.pay(capture=False)}/cancel"
        answer = await self._ask(path, {}, point)
        assert (answer.status, answer.json["status"]) == (200, "cancelled"), point
        return 0

    async def refunded(self, point: str) -> int:
        body = {"payment_id": await self.pay(), "amount": PART}
        answer = await self._ask("/api/v1/refunds", body, point)
        assert (answer.status, answer.json["status"]) == (201, "succeeded"), point
        return WHOLE - PART

    async def money(self) -> tuple[int, int]:
        """What the wallet holds, and what of it is promised away."""
        account = await self.site.app.ledger.find_account(parse_typeid("wal", self.wallet))
        assert account is not None
        return account.posted_minor, account.pending_out_minor

    async def _ask(self, path: str, body: dict[str, object], point: str | None) -> Answer:
        wish = Wish("wallet-pay", f"wallet-pay-{next(_numbers)}", path, json.dumps(body))
        if point is None:
            return await self.site.clients.ask(wish)
        first, second = await self.site.crash_at(point, [wish, wish])
        assert first.json["id"] == second.json["id"]
        return first


async def shop_of(app: App) -> Merchant:
    """The merchant who is paid."""
    merchant = await app.merchants.find_merchant_by_external_id("merchant_123")
    assert merchant is not None
    return merchant


Verb = Callable[[Shop, str], Awaitable[int]]
VERBS: tuple[Verb, ...] = (Shop.paid, Shop.captured, Shop.refunded)


async def test_a_death_between_the_beats_of_every_verb(site: CrashSite) -> None:
    await die_during(site, [*product(VERBS, BEATS)])


async def test_a_death_within_the_wallets_own_change(site: CrashSite) -> None:
    await die_during(site, list(zip(VERBS, WITHIN, strict=True)))


async def test_a_refund_whose_own_change_died_is_called_off(site: CrashSite) -> None:
    shop = await Shop.opened(site)
    ends = [await called_off(shop, point) for point in WITHIN]
    await site.prove()

    assert ends == ["cancelled", "cancelled", "succeeded"]
    assert await shop.money() == (BEGUN - 3 * WHOLE + PART, 0)


async def called_off(shop: Shop, point: str) -> str:
    """Die over a refund that nobody asks for again, and call it off; what became of it."""
    site = shop.site
    wish = site.wishes.refund(await shop.pay(), PART)
    process = site.process or await site.start()
    await process.arm(point)
    with pytest.raises(Unanswered):
        await site.clients.send(wish)
    assert await process.ended == -9
    await site.rise()
    (refund,) = (await site.clients.till.get("/api/v1/refunds?status=pending")).json["data"]

    said = await site.clients.ask(site.wishes.refund_cancel(refund["id"]))

    first = await site.clients.ask(wish)
    assert (first.status, first.json["id"]) == (201, refund["id"])
    given = first.json["status"] == "succeeded"
    assert (said.status, said.json.get("code")) == (
        (409, "refund_not_cancellable") if given else (200, None)
    ), said.raw
    return str(first.json["status"])


@pytest.mark.slow
async def test_a_death_everywhere(site: CrashSite) -> None:
    verbs: tuple[Verb, ...] = (*VERBS, Shop.held, Shop.cancelled)
    await die_during(site, [*product(verbs, (*BEATS, *WITHIN))])


async def die_during(site: CrashSite, scenes: list[tuple[Verb, str]]) -> None:
    """Every wish is asked twice at once; in the end every account tells the same."""
    shop = await Shop.opened(site)
    taken = sum([await verb(shop, point) for verb, point in scenes])
    await site.prove()

    assert await shop.money() == (BEGUN - taken, 0)
    app = site.app
    merchant = await shop_of(app)
    accounts = {
        "payable": account_id(merchant.id, chart.payable_code(merchant.id, "INR")),
        "fees": account_id(PLATFORM, chart.fees_code("INR")),
        "clearing": account_id(PLATFORM, chart.wallet_clearing_code("INR")),
    }
    found = await app.ledger.find_accounts(list(accounts.values()))
    minor = {name: found[one].posted_minor for name, one in accounts.items()}
    assert minor["payable"] + minor["fees"] == taken
    assert minor["clearing"] == 0
