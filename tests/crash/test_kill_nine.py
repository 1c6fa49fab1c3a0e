"""`kill -9` of the API process, at every named point of every verb and at random under load.

Clients ask again with the same keys until they are answered. In the end nothing acknowledged is
lost, nothing was done twice, the banks' own books equal ours, and the books prove.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from random import Random

import pytest

from tests.crash.audit import require_history
from tests.crash.client_journal import Wish
from tests.crash.crash_site import CrashSite
from tests.crash.patient_clients import PatientClients
from tests.crash.stories import Session
from tests.servers.api_processes import ApiProcess
from tests.servers.http_client import Client

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
# First a lone wish, then three at once and a twin of one of them.
ALL_SCENES = [(verb, point, crowd) for crowd in (1, 3) for verb, point in SCENES]
PROVE_EVERY = 50
SESSIONS = 8
NEIGHBOURS_KILLED = 30


async def test_a_death_at_every_point_of_every_verb(site: CrashSite) -> None:
    await Ruin(site, seed=1).run(len(ALL_SCENES))


async def test_deaths_at_random_under_load(site: CrashSite) -> None:
    await Ruin(site, seed=2).run(82, named=False)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 4, 5, 6])
async def test_a_thousand_deaths_in_all(site: CrashSite, seed: int) -> None:
    await Ruin(site, seed).run(200)


async def test_the_death_of_a_neighbour_harms_nobody(site: CrashSite) -> None:
    """Two processes at work on one database; one of them dies, again and again."""
    seed = 7
    chance = Random(seed)
    alive: list[ApiProcess] = [await site.processes.start(place) for place in (0, 1)]
    # The one that came with the site would share the first socket.
    await site.kill()
    until = asyncio.Event()
    sessions = [
        asyncio.create_task(session.run(until))
        for port in site.processes.ports
        for session in _sessions(site, chance, _at(site.clients, port))
    ]
    for _ in range(NEIGHBOURS_KILLED):
        place = chance.choice((0, 1))
        await alive[place].ready
        await asyncio.sleep(chance.uniform(0.02, 0.15))
        await alive[place].kill()
        alive[place] = await site.processes.start(place)
    until.set()
    await asyncio.gather(*sessions)

    await site.prove()
    await _tell(site, NEIGHBOURS_KILLED, seed)


def _at(clients: PatientClients, port: int) -> PatientClients:
    """The same clients at another process; they keep one journal."""
    client = Client(port)
    return replace(
        clients,
        till=replace(clients.till, client=client),
        operator=replace(clients.operator, client=client),
        channel=replace(clients.channel, client=client),
    )


def _sessions(site: CrashSite, chance: Random, clients: PatientClients) -> list[Session]:
    return [Session(clients, site.wishes, Random(chance.random())) for _ in range(SESSIONS)]


async def _tell(site: CrashSite, deaths: int, seed: int) -> None:
    """Hold the clients' journal against our tables, and say what was seen."""
    granted = await require_history(site.app, site.clients)
    print(  # noqa: T201 - the verdict
        f"seed {seed}: {deaths} deaths, {granted} wishes, 0 lost, 0 doubled;"
        f" clients saw {dict(site.clients.seen)}, answered at try {dict(site.clients.tries)}"
    )


@dataclass
class Ruin:
    """Rounds of killing, all decided by one seed."""

    site: CrashSite
    seed: int
    targets: dict[str, deque[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)

    async def run(self, rounds: int, *, named: bool = True) -> None:
        """A death at each named point, as far as the rounds go; the rest at random."""
        scenes = ALL_SCENES[:rounds] if named else []
        plan: list[tuple[str, str, int] | None] = [*scenes]
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
        assert self.site.kills == rounds
        await self.site.prove()
        await _tell(self.site, rounds, self.seed)

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
        assert [answer.status for answer in answers if answer.status >= 300] == []

    def _wish(self, verb: str) -> Wish:
        make = getattr(self.site.wishes, verb)
        wish: Wish = make(self.targets[verb].popleft()) if verb in self.targets else make()
        return wish

    async def _kill_at_random(self) -> None:
        until = asyncio.Event()
        sessions = [
            asyncio.create_task(session.run(until))
            for session in _sessions(self.site, self.chance, self.site.clients)
        ]
        await asyncio.sleep(self.chance.uniform(0.005, 0.08))
        await self.site.kill()
        until.set()
        await self.site.rise()
        await asyncio.gather(*sessions)
