"""`kill -9` while an operator records what no bank says: one end, one case, one answer.

The line to the banks is cut for a day over payments, captures, voids and refunds whose answers
were lost. What the operator has in writing is what the banks did, so the books agree once they can
be reached again.
"""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from itertools import cycle, product

import pytest
from msgspec import Struct

from tallystick.platform.settings import Settings
from tallystick.sandbox import Sandbox
from tests.crash.client_journal import Wish
from tests.crash.crash_site import CrashSite
from tests.crash.telephone_line import TelephoneLine, telephone_line
from tests.crash.test_unknown_outcomes import CHARGE_THEN_DROP, DROP_BEFORE, prepared

pytestmark = pytest.mark.anyio

A_DAY = timedelta(days=1, seconds=1)
JOURNAL = ("journal.after_lock", "journal.before_commit", "journal.after_commit")
# The bank is looked for once more, and that is recorded: the first pass; his word is the second.
POINTS = (
    *(f"{point}:{number}" for number, point in product((1, 2), JOURNAL)),
    "payments.after_record:1",
    "cases.after_decide:1",
)
WORDS = {"approved": CHARGE_THEN_DROP, "failed": DROP_BEFORE}
# verb, word -> what the first caller is answered ever after
ENDS = {
    ("pay", "approved"): (201, "captured"),
    ("pay", "failed"): (201, "failed"),
    ("capture", "approved"): (200, "captured"),
    ("capture", "failed"): (422, "capture_declined"),
    ("cancel", "approved"): (200, "cancelled"),
    ("cancel", "failed"): (422, "cancel_declined"),
    ("refund", "approved"): (201, "succeeded"),
    ("refund", "failed"): (201, "failed"),
}
Scene = tuple[tuple[str, str], str]


class Lost(Struct, frozen=True):
    """A wish whose outcome nobody knows, its scene, and what it is a wish about."""

    scene: Scene
    wish: Wish
    subject: str


@pytest.fixture
async def line(sandbox: Sandbox) -> AsyncIterator[TelephoneLine]:
    async with telephone_line(sandbox.port) as line:
        yield line


@pytest.fixture
def settings(settings: Settings, line: TelephoneLine) -> Settings:
    return settings.model_copy(update={"sandbox_port": line.port})


async def test_a_death_while_an_outcome_is_recorded_by_hand(
    site: CrashSite, line: TelephoneLine
) -> None:
    places = zip(POINTS, cycle(ENDS), strict=False)
    await resolve_all(site, line, [(end, point) for point, end in places])


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
async def test_a_death_there_for_every_verb_and_word(
    site: CrashSite, line: TelephoneLine, point: str
) -> None:
    await resolve_all(site, line, [(end, point) for end in ENDS])


async def resolve_all(site: CrashSite, line: TelephoneLine, scenes: Sequence[Scene]) -> None:
    lost = [await lose(site, scene) for scene in scenes]
    line.cut()
    cases = await a_day_later(site)
    for one in lost:
        (verb, word), point = one.scene
        wish = site.wishes.resolve(cases[one.subject], word)

        (done,) = await site.crash_at(point, [wish])

        again = await site.clients.ask(wish)
        assert (done.status, done.json["status"], done.json["decided"]) == (200, "resolved", word)
        assert (again.raw, again.replayed) == (done.raw, True), one
        answer = await site.clients.ask(one.wish)
        said = answer.json["status"] if answer.status < 400 else answer.code
        assert (answer.status, said) == ENDS[verb, word], one
    line.is_cut = False
    await site.prove()
    assert await count_of(site, "case.decided") == len(scenes)
    assert await count_of(site, "case.opened") == len(scenes)


async def lose(site: CrashSite, scene: Scene) -> Lost:
    (verb, word), _ = scene
    wish = await prepared(site, verb, WORDS[word])
    answer = await site.clients.send(wish)
    assert answer.status < 300, answer.raw
    return Lost(scene, wish, answer.json["id"])


async def a_day_later(site: CrashSite) -> dict[str, str]:
    """Everybody's clock goes on; the cases that are open by then, by what they are about."""
    site.shift += A_DAY
    await site.kill()
    await site.rise()
    site.wind_clock()
    await site.app.cases.keeping.keep()
    listed = await site.clients.operator.get("/api/v1/cases?status=open&limit=200")
    return {case["subject"]: case["id"] for case in listed.json["data"]}


async def count_of(site: CrashSite, kind: str) -> int:
    return int(
        await site.app.database.fetchval("SELECT count(*) FROM journal_facts WHERE kind = $1", kind)
    )
