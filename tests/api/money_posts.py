"""One good request for every POST of the OpenAPI document, made from the document's own examples.

What an example names is really there: accounts, funded wallets, a merchant; and what an address
names (`{escrow_id}`) is made at the address above it, and brought as far as the step needs.
"""

import copy
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from msgspec import Struct

from tallystick.app import App
from tallystick.books import PLATFORM, account_id, chart
from tallystick.identity import Merchant
from tallystick.platform.ids import derived_id, typeid
from tests.api.conftest import Answer, Caller
from tests.api.document_walk import BodyOf, operations_with_body

API: Final = "/api/v1"
FUNDS_MINOR: Final = 3_000_000
# What must have happened to the object before the step.
_BEFORE: Final[Mapping[str, tuple[str, ...]]] = {
    f"{API}/accounts/{{account_id}}/thaw": ("freeze",),
    f"{API}/escrows/{{escrow_id}}/release": ("fund",),
    f"{API}/escrows/{{escrow_id}}/return": ("fund",),
    f"{API}/escrows/{{escrow_id}}/dispute": ("fund",),
    f"{API}/escrows/{{escrow_id}}/withdraw-dispute": ("fund", "dispute"),
    f"{API}/escrows/{{escrow_id}}/resolve": ("fund", "dispute"),
    f"{API}/transfer-schedules/{{schedule_id}}/resume": ("pause",),
    f"{API}/wallets/{{wallet_id}}/unfreeze": ("freeze",),
}
# What the example leaves to the reader.
_INSTEAD: Final[Mapping[str, Mapping[str, Any]]] = {
    f"{API}/escrows/{{escrow_id}}/fund": {"amount": 100_000},
    f"{API}/refunds": {"amount": 100},
    f"{API}/books/assertions": {"balance": 0},
    f"{API}/payments": {"capture_method": "automatic"},
}


class Wish(Struct, frozen=True):
    """A request that may be granted."""

    path: str
    body: Any


@dataclass(frozen=True)
class World:
    """Who asks, and what there is."""

    operations: Mapping[str, BodyOf]
    operator: Caller
    seller: Caller
    ids: Mapping[str, str]

    async def wish(self, path: str) -> Wish:
        """A request to this address (as the document spells it) that may be granted."""
        body = await self._example(path)
        collection, found, rest = path.partition("/{")
        if not found:
            return Wish(path, body)
        made = await self._made(collection)
        verb = rest.partition("}")[2]
        for step in _BEFORE.get(path, ()):
            spelled = path.replace(verb, f"/{step}")
            earlier = Wish(f"{collection}/{made}/{step}", await self._example(spelled))
            answer = await self.send(earlier, secrets.token_hex(8))
            assert answer.status == 200, (spelled, answer.raw)
        return Wish(f"{collection}/{made}{verb}", body)

    async def send(self, wish: Wish, key: str) -> Answer:
        """Asked by whoever may."""
        caller = self.operator
        if wish.path.startswith((f"{API}/intents", f"{API}/payments", f"{API}/refunds")):
            caller = self.seller
        return await caller.post(wish.path, wish.body, Idempotency_Key=key)

    async def _made(self, collection: str) -> str:
        """A new object there; its id."""
        wish = await self.wish(collection)
        if collection == f"{API}/payments":
            wish = Wish(wish.path, {**wish.body, "capture_method": "manual"})
        answer = await self.send(wish, secrets.token_hex(8))
        assert answer.status == 201, (collection, answer.raw)
        return str(answer.json["id"])

    async def _example(self, path: str) -> Any:
        body = copy.deepcopy(self.operations[path].example) | _INSTEAD.get(path, {})
        if path == f"{API}/transfers/bulk":
            body["transfers"] = body["transfers"][:1]
        if path == f"{API}/exchanges":
            accounts = {"debit_account_id": "usd", "credit_account_id": "inr"}
            body |= {field: self.ids[name] for field, name in accounts.items()}
        return await self._real(body)

    async def _real(self, value: Any) -> Any:
        """The same with ids of things that are there, and names that nobody has used."""
        if isinstance(value, dict):
            return {name: await self._real(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [await self._real(inner) for inner in value]
        if not isinstance(value, str):
            return value
        if value == "platform:petty_cash:INR":
            return f"platform:petty_{secrets.token_hex(6)}:INR"
        if value in ("rent-2026-03", "order-6735", "gold"):
            return f"{value}_{secrets.token_hex(6)}"
        if value.startswith("usr_"):
            return typeid("usr", derived_id(PLATFORM, secrets.token_hex(8)))
        if value.startswith("pay_"):
            answer = await self.send(await self.wish(f"{API}/payments"), secrets.token_hex(8))
            return answer.json["id"]
        if value.startswith("quo_"):
            return await self._made(f"{API}/quotes")
        return self.ids.get(value, value)


async def found_world(app: App, operator: Caller, seller: Caller, merchant: Merchant) -> World:
    """Two wallets with money, the bank, what we owe a merchant, and a rate between currencies."""
    document = (await operator.get("/openapi.json")).json
    operations = {one.path: one for one in operations_with_body(document) if one.permission}
    bank = typeid("acc", account_id(PLATFORM, chart.bank_code("INR")))
    payable = typeid("acc", account_id(merchant.id, chart.payable_code(merchant.id, "INR")))
    usd = await opened(operator, "USD")
    wallets = [await funded_wallet(operator, bank) for _ in range(2)]
    suffix = "01kjpy44e0fh0r68j79jejabk"
    ids = {
        f"acc_{suffix}n": bank,
        f"acc_{suffix}p": payable,
        f"wal_{suffix}n": wallets[0],
        f"wal_{suffix}p": wallets[1],
        f"mer_{suffix}n": typeid("mer", merchant.id),
        "usd": usd,
        "inr": await opened(operator, "INR"),
    }
    world = World(operations, operator, seller, ids)
    rate = await world.send(await world.wish(f"{API}/exchange-rates"), secrets.token_hex(8))
    assert rate.status == 201, rate.raw
    return world


async def opened(operator: Caller, currency: str) -> str:
    """An account of the platform that may be overdrawn without limit."""
    body = {
        "code": f"platform:till_{secrets.token_hex(6)}:{currency}",
        "currency": currency,
        "normal_side": "credit",
        "overdraft_limit": None,
    }
    answer = await operator.post(f"{API}/accounts", body)
    assert answer.status == 201, answer.raw
    return str(answer.json["id"])


async def funded_wallet(operator: Caller, bank: str) -> str:
    """A user's wallet with money in it."""
    owner = typeid("usr", derived_id(PLATFORM, secrets.token_hex(8)))
    wallet = await operator.post(f"{API}/wallets", {"owner_id": owner, "currency": "INR"})
    assert wallet.status == 201, wallet.raw
    await operator.post(f"{API}/wallets/{wallet.json['id']}/tier", {"tier": "verified"})
    body = {
        "debit_account_id": bank,
        "credit_account_id": wallet.json["account_id"],
        "amount": FUNDS_MINOR,
        "currency": "INR",
    }
    answer = await operator.post(f"{API}/transfers", body)
    assert answer.status == 201, answer.raw
    return str(wallet.json["id"])
