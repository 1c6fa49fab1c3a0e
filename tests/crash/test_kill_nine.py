"""`kill -9` of the API process, at every named point of every verb and at random under load.

Clients ask again with the same keys until they are answered. In the end nothing acknowledged is
lost, nothing was done twice, the banks' own books equal ours, and the books prove.
"""

import asyncio
from dataclasses import replace
from itertools import product
from random import Random

import pytest

from tests.crash.crash_site import CrashSite
from tests.crash.patient_clients import PatientClients
from tests.crash.ruin import (
    CROWD,
    LONE,
    PAYMENT_SCENES,
    SCENES,
    Ruin,
    sessions_of,
    some_of_each,
    tell,
)
from tests.servers.api_processes import ApiProcess
from tests.servers.http_client import Client

pytestmark = pytest.mark.anyio


async def test_a_death_at_points_of_every_verb(site: CrashSite) -> None:
    await Ruin(site, seed=1).run(some_of_each())


async def test_deaths_at_random_under_load(site: CrashSite) -> None:
    await Ruin(site, seed=2).run(at_random=20)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 4, 5, 6])
async def test_a_death_at_every_point_of_every_verb(site: CrashSite, seed: int) -> None:
    scenes = [(*scene, crowd) for crowd, scene in product((LONE, CROWD), SCENES)]
    await Ruin(site, seed).run(scenes, at_random=60)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12, 13, 14, 15])
async def test_one_round_of_recovery_heals_any_death_of_a_payment(
    site: CrashSite, seed: int
) -> None:
    """No caller comes back before recovery has looked once; then nothing is left to do."""
    scenes = [(*scene, crowd) for crowd, scene in product((LONE, CROWD), PAYMENT_SCENES)]
    await Ruin(site, seed, healed=True).run(scenes)


@pytest.mark.parametrize("deaths", [8, pytest.param(60, marks=pytest.mark.slow)])
async def test_the_death_of_a_neighbour_harms_nobody(site: CrashSite, deaths: int) -> None:
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
        for session in sessions_of(site, chance, _at(site.clients, port))
    ]
    for _ in range(deaths):
        place = chance.choice((0, 1))
        await alive[place].ready
        await asyncio.sleep(chance.uniform(0.02, 0.15))
        await alive[place].kill()
        alive[place] = await site.processes.start(place)
    until.set()
    await asyncio.gather(*sessions)

    await site.prove()
    await tell(site, deaths, seed)


def _at(clients: PatientClients, port: int) -> PatientClients:
    """The same clients at another process; they keep one journal."""
    client = Client(port)
    return replace(
        clients,
        till=replace(clients.till, client=client),
        operator=replace(clients.operator, client=client),
        channel=replace(clients.channel, client=client),
    )
