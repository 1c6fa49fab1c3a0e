"""Verbs in every wrong order, from a table: each answer exact, and the money where it belongs."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tallystick.platform.settings import Settings
from tests.servers.http_client import Answer
from tests.servers.served import Platform

pytestmark = pytest.mark.anyio

TABLE = Path(__file__).with_name("hostile_orders.txt")
PAYMENTS, INTENTS = "/api/v1/payments", "/api/v1/intents"
_keys = count(1)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"test_clock": "hand"})


async def test_every_wrong_order_is_answered_exactly(platform: Platform) -> None:
    """On one platform, whose books prove at the end."""
    await platform.till.post(PAYMENTS, terms(100_000, "tok_visa"))  # whence refunds are paid
    orders = 0
    for title, lines in cases():
        order = Order(platform)
        for line in lines:
            asked, _, expected = (part.strip() for part in line.partition("  "))
            told = await order.answer(asked)
            assert is_among(told, expected), (title, asked, told, expected)
        orders += 1
    assert orders >= 16
    for _ in range(2):
        await platform.operator.post("/api/v1/test/clock/advance", {"seconds": 61})


def cases() -> Iterator[tuple[str, list[str]]]:
    """Every case of the table by its title."""
    text = "\n".join(line for line in TABLE.read_text().splitlines() if not line.startswith("#"))
    for block in text.strip().split("\n\n"):
        title, *lines = block.splitlines()
        yield title, [line.strip() for line in lines]


def is_among(told: str, expected: str) -> bool:
    """Whether it is what the table says; `a/b` there is either of two codes."""
    words, allowed = told.split(), expected.split()
    return len(words) == len(allowed) and all(
        word in either.split("/") for word, either in zip(words, allowed, strict=True)
    )


def terms(amount: int, token: str | None = None, *, manual: bool = False) -> dict[str, object]:
    method = "manual" if manual else "automatic"
    body: dict[str, object] = {"amount": amount, "currency": "INR", "capture_method": method}
    return body | ({"payment_method": token} if token else {})


@dataclass
class Order:
    """One case under way: its payment, its intent, its refund, and the keys it has named."""

    platform: Platform
    payment: str = ""
    intent: str = ""
    refund: str = ""
    named: dict[str, str] = field(default_factory=dict)

    async def answer(self, asked: str) -> str:
        """What the table should say of this line."""
        both = asked.split(" | ")
        told = await asyncio.gather(*(self._one(*words.split()) for words in both))
        return " | ".join(sorted(told))

    async def _one(self, verb: str, *words: str) -> str:
        if verb == "turn":
            turned = await self.platform.operator.post(
                "/api/v1/test/clock/advance", {"seconds": int(words[0])}
            )
            return str(turned.status)
        if verb == "payment":
            return await self._standing()
        answer = await self._ask(verb, words)
        if answer.status >= 400:
            return f"{answer.status} {answer.code}"
        body = answer.json
        if verb in ("pay", "hold"):
            self.payment = body["id"]
        elif verb == "order":
            self.intent = body["id"]
        elif verb == "confirm":
            self.payment = body["payment_id"]
        elif verb == "refund":
            self.refund = body["id"]
        body = body.get("payment") or body.get("refund") or body
        return f"{answer.status} {body['status']}"

    async def _ask(self, verb: str, words: tuple[str, ...]) -> Answer:
        key = next((self._key(word) for word in words if word.startswith("=")), None)
        amount = next((int(word) for word in words if word.isdigit()), None)
        token = next((word for word in words if word.startswith("tok_")), "tok_visa")
        part: dict[str, object] = {} if amount is None else {"amount": amount}
        match verb:
            case "pay" | "hold":
                path, body = PAYMENTS, terms(amount or 0, token, manual=verb == "hold")
            case "order":
                path, body = INTENTS, terms(amount or 0)
            case "confirm":
                path, body = f"{INTENTS}/{self.intent}/confirm", {"payment_method": token}
            case "cancel_intent":
                path, body = f"{INTENTS}/{self.intent}/cancel", {}
            case "cancel_refund":
                path, body = f"/api/v1/refunds/{self.refund}/cancel", {}
            case "refund":
                path, body = "/api/v1/refunds", {"payment_id": self.payment, **part}
            case "capture":
                final: dict[str, object] = {"final": True} if "final" in words else {}
                path, body = f"{PAYMENTS}/{self.payment}/capture", part | final
            case _:
                path, body = f"{PAYMENTS}/{self.payment}/{verb}", {}
        return await self.platform.till.post(path, body, key=key)

    async def _standing(self) -> str:
        shown = (await self.platform.till.get(f"{PAYMENTS}/{self.payment}")).json
        names = ("capturable", "captured", "refunded")
        figures = [f"{name}={shown[f'amount_{name}']}" for name in names]
        return " ".join([shown["status"], *figures])

    def _key(self, word: str) -> str:
        return self.named.setdefault(word, f"hostile-{next(_keys)}")
