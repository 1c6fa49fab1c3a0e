"""What a client does all day: one story after the other, until it is told to stop."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random

from tests.crash.patient_clients import PatientClients
from tests.crash.wishes import Wishes
from tests.servers.http_client import Answer

STORIES = ("transfer", "webhook", "intent", "pay", "manual", "cancel")


@dataclass(frozen=True)
class Session:
    """One client at work; what it has begun to ask it asks to the end."""

    clients: PatientClients
    wishes: Wishes
    chance: Random

    async def run(self, until: asyncio.Event) -> None:
        while not until.is_set():
            async for _ in self._story(self.chance.choice(STORIES)):
                if until.is_set():
                    break

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
