"""`kill -9` while a payer is asked, and while his answer is learned: one payment, one effect."""

import json
from itertools import count, product

import aiohttp
import pytest

from tests.crash.client_journal import Wish
from tests.crash.crash_site import CrashSite
from tests.servers.http_client import Answer

pytestmark = pytest.mark.anyio

JOURNAL = ("journal.after_lock", "journal.before_commit", "journal.after_commit")
# A confirmation asks the bank between two passes of the journal; whoever is back learns, in one.
SCENES = (
    *(("confirm", f"{point}:{n}") for point, n in product(JOURNAL, (1, 2))),
    ("confirm", "payments.after_decide:1"),
    ("confirm", "payments.after_ask:1"),
    ("confirm", "rails.after_ask:1"),
    ("confirm", "payments.after_record:1"),
    *(("back", f"{point}:1") for point in JOURNAL),
    ("back", "payments.after_record:1"),
)
_keys = count(1)
_CAPTURED = (
    "SELECT count(*) FROM journal_facts f JOIN payments p ON p.id = f.aggregate_id"
    " WHERE f.kind = 'payment.captured' AND p.intent_id IS NOT NULL"
)


async def test_a_death_at_every_beat_of_a_challenge(site: CrashSite) -> None:
    async with aiohttp.ClientSession() as browser:
        for beat, point in SCENES:
            await pay_with_a_challenge(site, browser, beat, point)

    assert await site.app.database.fetchval(_CAPTURED) == len(SCENES)
    await site.prove()


async def pay_with_a_challenge(
    site: CrashSite, browser: aiohttp.ClientSession, beat: str, point: str
) -> None:
    """One intent, paid with a death on the way."""
    intent = await site.clients.ask(site.wishes.intent())
    path = f"/api/v1/intents/{intent.json['id']}/confirm"
    confirm = json.dumps({"payment_method": "tok_challenge"})

    asked = await granted(site, path, confirm, point if beat == "confirm" else None)
    if asked.json["status"] == "requires_payment_method":
        # It never reached the bank, whose payer may have gone: he tries again.
        asked = await granted(site, path, confirm, None)
    assert asked.json["status"] == "requires_action", (point, asked.json)
    url = asked.json["next_action"]["redirect_url"]
    async with browser.post(url, data={"answer": "approve"}) as said:
        assert said.status == 200
    back = await granted(site, path, "{}", point if beat == "back" else None)

    assert (back.status, back.json["status"]) == (200, "succeeded"), (point, back.raw)


async def granted(site: CrashSite, path: str, body: str, point: str | None) -> Answer:
    """The answer to one wish, with a death on the way if a point is named."""
    wish = Wish("confirm", f"challenge-{next(_keys)}", path, body)
    if point is None:
        return await site.clients.ask(wish)
    (answer,) = await site.crash_at(point, [wish])
    return answer
