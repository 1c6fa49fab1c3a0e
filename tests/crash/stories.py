"""What a client does all day: one story after the other, until it is told to stop."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.crash.patient_clients import PatientClients
from tests.crash.wishes import Wishes
from tests.servers.http_client import Answer

STORIES = ("transfer", "webhook", "intent", "pay", "manual", "cancel")
WALLET_STORIES = ("hold", "release", "send", "escrow", "payout", "top_up")
PAYEES = ("asha", "asha", "account_closed", "pending", "returned_closed")


@dataclass(frozen=True)
class Session:
    """One client at work; what it has begun to ask it asks to the end.

    With `wallets` it does what their owners do, without what shops do.
    """

    clients: PatientClients
    wishes: Wishes
    chance: Random
    wallets: Sequence[str] = ()

    async def run(self, until: asyncio.Event) -> None:
        while not until.is_set():
            async for _ in self._any_story():
                if until.is_set():
                    break

    def _any_story(self) -> AsyncIterator[Answer]:
        if not self.wallets:
            return self._story(self.chance.choice(STORIES))
        payer, payee = self.chance.sample(self.wallets, 2)
        return self._of_wallets(self.chance.choice(WALLET_STORIES), payer, payee)

    async def _of_wallets(self, name: str, payer: str, payee: str) -> AsyncIterator[Answer]:
        ask, wishes = self.clients.ask, self.wishes
        match name:
            case "hold" | "release":
                held = await ask(wishes.wallet_hold(payer, payee))
                yield held
                end = wishes.wallet_capture if name == "hold" else wishes.wallet_release
                yield await ask(end(held.json["id"]))
            case "send":
                yield await ask(wishes.wallet_send(payer, payee))
            case "escrow":
                escrow = await ask(wishes.wallet_escrow(payer, payee))
                yield escrow
                yield await ask(wishes.wallet_fund(escrow.json["id"]))
                yield await ask(wishes.wallet_pay_recipient(escrow.json["id"]))
            case "payout":
                yield await ask(wishes.wallet_payout(payer, self.chance.choice(PAYEES)))
            case "top_up":
                yield await ask(wishes.top_up(payer))

    async def _story(self, name: str) -> AsyncIterator[Answer]:
        """One answer after the other; a step may follow from the one before."""
        ask, wishes = self.clients.ask, self.wishes
        match name:
            case "transfer":
                yield await ask(wishes.transfer())
                yield await ask(wishes.transfer_refused())
            case "webhook":
                yield await ask(wishes.webhook())
            case "intent":
                intent = await ask(wishes.intent())
                yield intent
                yield await ask(wishes.confirm(intent.json["id"]))
            case "pay":
                paid = await ask(wishes.pay())
                yield paid
                yield await ask(wishes.refund(paid.json["id"]))
            case "manual":
                held = await ask(wishes.pay(capture=False))
                yield held
                yield await ask(wishes.capture(held.json["id"]))
                yield await ask(wishes.capture(held.json["id"]))
            case "cancel":
                held = await ask(wishes.pay(capture=False))
                yield held
                yield await ask(wishes.cancel(held.json["id"]))
