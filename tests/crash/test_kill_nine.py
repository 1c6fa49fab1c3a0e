"""`kill -9` of the API process, at every named point of every verb and at random under load.

Clients ask again with the same keys until they are answered. In the end nothing acknowledged is
lost, nothing was done twice, the banks' own books equal ours, and the books prove.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from random import Random

import pytest

from tests.crash.audit import require_history
from tests.crash.client_journal import Wish
from tests.crash.crash_site import CrashSite
from tests.servers.http_client import Answer

pytestmark = pytest.mark.anyio

JOURNAL_POINTS = ("journal.after_lock", "journal.before_commit", "journal.after_commit")
ASKING_POINTS = (
    "payments.after_decide",
    "rails.after_ask",
    "payments.after_ask",
    "payments.after_record",
)
VERBS_OF_ONE_BEAT = ("transfer", "webhook", "intent")
VERBS_THAT_ASK = ("pay", "confirm", "capture", "cancel", "refund")
# A verb that asks a bank passes the journal twice: before and after.
SCENES = (
    *product(VERBS_OF_ONE_BEAT, [f"{point}:1" for point in JOURNAL_POINTS]),
    *product(VERBS_THAT_ASK, [f"{point}:{n}" for point in JOURNAL_POINTS for n in (1, 2)]),
    *product(VERBS_THAT_ASK, [f"{point}:1" for point in ASKING_POINTS]),
)
ROUNDS = 200
PROVE_EVERY = 50
SESSIONS = 8


async def test_two_hundred_deaths_lose_nothing_and_double_nothing(site: CrashSite) -> None:
    await Ruin(site, Random(1)).run(ROUNDS)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 4, 5])
async def test_a_thousand_deaths_in_all(site: CrashSite, seed: int) -> None:
    await Ruin(site, Random(seed)).run(ROUNDS)


@dataclass
class Ruin:
    """Rounds of killing, all decided by one seed."""

    site: CrashSite
    chance: Random
    targets: dict[str, deque[str]] = field(default_factory=dict)

    async def run(self, rounds: int) -> None:
        """Two deaths at each named point, the first of a lone wish; the rest at random."""
        scenes = [(verb, point, crowd) for crowd in (1, 3) for verb, point in SCENES]
        plan: list[tuple[str, str, int] | None] = [*scenes[:rounds]]
        plan += [None] * (rounds - len(plan))
        self.chance.shuffle(plan)
        await self._prepare(scenes)
        for number, scene in enumerate(plan, 1):
            if scene is None:
                await self._kill_at_random()
            else:
                await self._kill_at_a_point(*scene)
            if number % PROVE_EVERY == 0:
                await self.site.prove()
        await self.site.prove()
        granted = await require_history(self.site.app, self.site.clients)
        assert self.site.kills == rounds
        clients = self.site.clients
        print(  # noqa: T201 - the verdict
            f"{rounds} deaths, {granted} wishes, 0 lost, 0 doubled;"
            f" clients saw {dict(clients.seen)}, answered at try {dict(clients.tries)}"
        )

    async def _prepare(self, scenes: list[tuple[str, str, int]]) -> None:
        """Payments and intents for the verbs that need one, made before the first death."""
        ask, wishes = self.site.clients.ask, self.site.wishes
        needed = {
            verb: sum(crowd for v, _, crowd in scenes if v == verb) for verb in VERBS_THAT_ASK
        }
        hold = partial(wishes.pay, capture=False)
        makers: dict[str, Callable[[], Wish]] = {
            "confirm": wishes.intent,
            "capture": hold,
            "cancel": hold,
            "refund": wishes.pay,
        }
        for verb, make in makers.items():
            made = await asyncio.gather(*[ask(make()) for _ in range(needed[verb])])
            self.targets[verb] = deque(answer.json["id"] for answer in made)

    async def _kill_at_a_point(self, verb: str, point: str, crowd: int) -> None:
        wishes = [self._wish(verb) for _ in range(crowd)]
        # In a crowd somebody asks the same thing twice at once.
        twins = [*wishes, wishes[0]] if crowd > 1 else wishes
        answers = await self.site.crash_at(point, twins)
        assert [answer.status < 300 for answer in answers] == [True] * len(answers)

    def _wish(self, verb: str) -> Wish:
        make = getattr(self.site.wishes, verb)
        wish: Wish = make(self.targets[verb].popleft()) if verb in self.targets else make()
        return wish

    async def _kill_at_random(self) -> None:
        until = asyncio.Event()
        sessions = [asyncio.create_task(self._session(until)) for _ in range(SESSIONS)]
        await asyncio.sleep(self.chance.uniform(0.005, 0.08))
        await self.site.kill()
        until.set()
        await self.site.rise()
        await asyncio.gather(*sessions)

    async def _session(self, until: asyncio.Event) -> None:
        """One client at work; what he has begun to ask he asks to the end."""
        chance = Random(self.chance.random())
        while not until.is_set():
            async for _ in self._story(chance):
                if until.is_set():
                    break

    async def _story(self, chance: Random) -> AsyncIterator[Answer]:
        ask, wishes = self.site.clients.ask, self.site.wishes
        match chance.choice(("transfer", "webhook", "intent", "pay", "manual", "cancel")):
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
