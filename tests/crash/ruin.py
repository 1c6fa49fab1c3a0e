"""Rounds of killing: at every named point of every verb, and at random, all decided by one seed."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby, product
from operator import itemgetter
from random import Random

import aiohttp

from tests.crash.audit import require_history
from tests.crash.client_journal import Wish
from tests.crash.crash_site import CrashSite
from tests.crash.patient_clients import PatientClients
from tests.crash.stories import Session

JOURNAL_POINTS = ("journal.after_lock", "journal.before_commit", "journal.after_commit")
ASKING_POINTS = (
    "payments.after_decide",
    "rails.after_ask",
    "payments.after_ask",
    "payments.after_record",
)
VERBS_OF_ONE_BEAT = ("transfer", "webhook", "intent")
VERBS_THAT_ASK = (
    *("pay", "confirm", "challenge", "capture", "cancel", "refund"),
    *("reverse_held", "reverse_captured"),
)
# The payer is back from his bank: it is asked and its word recorded, nothing is decided before.
BACK = tuple(f"{point}:1" for point in (*JOURNAL_POINTS, "payments.after_record"))
# A verb that asks a bank passes the journal twice: before and after.
ASKING = (
    *(f"{point}:{n}" for point in JOURNAL_POINTS for n in (1, 2)),
    *(f"{point}:1" for point in ASKING_POINTS),
)
PAYMENT_SCENES = (*product(VERBS_THAT_ASK, ASKING), *product(["back"], BACK))
SCENES = (
    *product(VERBS_OF_ONE_BEAT, [f"{point}:1" for point in JOURNAL_POINTS]),
    *PAYMENT_SCENES,
)
# A lone wish, or three at once and a twin of one of them.
LONE, CROWD = 1, 3
PROVE_EVERY = 50
SESSIONS = 8
Scene = tuple[str, str, int]


def some_of_each() -> list[Scene]:
    """Every second point of every verb, lone and in a crowd by turns."""
    scenes: list[Scene] = []
    for turn, (_, of_verb) in enumerate(groupby(SCENES, key=itemgetter(0))):
        scenes += [
            (*scene, (LONE, CROWD)[(turn + number) % 2])
            for number, scene in enumerate(list(of_verb)[turn % 2 :: 2])
        ]
    return scenes


def sessions_of(
    site: CrashSite, chance: Random, clients: PatientClients, wallets: Sequence[str] = ()
) -> list[Session]:
    """Clients that do what clients do all day; with wallets, what the owners of those do."""
    return [
        Session(clients, site.wishes, Random(chance.random()), wallets) for _ in range(SESSIONS)
    ]


async def tell(site: CrashSite, deaths: int, seed: int) -> None:
    """Hold the clients' journal against our tables, and say what was seen."""
    granted = await require_history(site.app, site.clients)
    print(  # noqa: T201 - the verdict
        f"seed {seed}: {deaths} deaths, {granted} wishes, 0 lost, 0 doubled;"
        f" clients saw {dict(site.clients.seen)}, answered at try {dict(site.clients.tries)}"
    )


@dataclass
class Ruin:
    """Rounds of killing. `healed`: recovery alone must mend each death, in one round of its own."""

    site: CrashSite
    seed: int
    healed: bool = False
    wallets: Sequence[str] = ()
    work_s: tuple[float, float] = (0.005, 0.08)  # before a death at random
    targets: dict[str, deque[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)

    async def run(self, scenes: Sequence[Scene] = (), *, at_random: int = 0) -> None:
        """A death in each scene, and some at random moments, in an order of the seed's own."""
        plan: list[Scene | None] = [*scenes, *[None] * at_random]
        self.chance.shuffle(plan)
        await self._prepare(scenes)
        for number, scene in enumerate(plan, 1):
            if scene is None:
                await self._kill_at_random()
            else:
                await self._kill_at_a_point(*scene)
            if number % PROVE_EVERY == 0:
                await self.site.prove()
        assert self.site.kills == len(plan)
        await self.site.prove()
        await tell(self.site, len(plan), self.seed)

    async def _prepare(self, scenes: Sequence[Scene]) -> None:
        """Payments and intents for the verbs that need one, made before the first death."""
        ask, wishes = self.site.clients.ask, self.site.wishes
        hold = partial(wishes.pay, capture=False)
        makers: dict[str, Callable[[], Wish]] = {
            "confirm": wishes.intent,
            "challenge": wishes.intent,
            "back": wishes.intent,
            "capture": hold,
            "cancel": hold,
            "refund": wishes.pay,
            "reverse_held": hold,
            "reverse_captured": wishes.pay,
        }
        for verb, make in makers.items():
            needed = sum(crowd for named, _, crowd in scenes if named == verb)
            made = await asyncio.gather(*[ask(make()) for _ in range(needed)])
            self.targets[verb] = deque(answer.json["id"] for answer in made)

    async def _kill_at_a_point(self, verb: str, point: str, crowd: int) -> None:
        wishes = [await self._wish(verb) for _ in range(crowd)]
        # In a crowd somebody asks the same thing twice at once.
        twins = [*wishes, wishes[0]] if crowd > 1 else wishes
        answers = await self.site.crash_at(point, twins, healed=self.healed)
        refused = [answer.raw for answer in answers if answer.status >= 300]
        assert refused == [], (verb, point)

    async def _wish(self, verb: str) -> Wish:
        make = getattr(self.site.wishes, verb)
        target = [self.targets[verb].popleft()] if verb in self.targets else []
        if verb == "back":
            await self._approve(*target)
        wish: Wish = make(*target)
        return wish

    async def _approve(self, intent_id: str) -> None:
        """Its payer was sent to his bank and approves there; we do not hear of it."""
        asked = await self.site.clients.ask(self.site.wishes.challenge(intent_id))
        url = asked.json["next_action"]["redirect_url"]
        async with (
            aiohttp.ClientSession() as browser,
            browser.post(url, data={"answer": "approve"}) as said,
        ):
            assert said.status == 200

    async def _kill_at_random(self) -> None:
        until = asyncio.Event()
        sessions = [
            asyncio.create_task(session.run(until))
            for session in sessions_of(self.site, self.chance, self.site.clients, self.wallets)
        ]
        await asyncio.sleep(self.chance.uniform(*self.work_s))
        await self.site.kill()
        until.set()
        await self.site.rise()
        await asyncio.gather(*sessions)
