"""Nothing acknowledged is lost, nothing is done twice, nothing refused happened.

The clients' journal, read back from disk, beside our tables: by id, both ways.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from tallystick.app import App
from tallystick.platform.ids import parse_typeid
from tests.crash.client_journal import Heard, Wish
from tests.crash.patient_clients import PatientClients
from tests.crash.wishes import TRANSFER_CODE

_AT_ONCE = 16
_OPEN = frozenset({"pending", "processing", "requires_action", "sent"})
# Facts that start something at a bank or move a wallet's money, and the verb that asked for it.
_STARTED = {
    "payment.capture_sending": ("capture",),
    "payment.cancel_sending": ("cancel", "reverse_held"),
    "refund.cancelled": ("refund_cancel",),
    "hold.captured": ("wallet_capture",),
    "hold.released": ("wallet_release",),
    "escrow.funded": ("wallet_fund",),
    "escrow.part_released": ("wallet_pay_recipient",),
}


async def require_history(app: App, clients: PatientClients) -> int:
    """Fails unless the clients' journal and our tables tell one history; the wishes in it."""
    wishes: dict[str, Wish] = {}
    heard: dict[str, Heard] = {}
    for line in clients.journal.read():
        if isinstance(line, Wish):
            wishes[line.key] = line
        else:
            _require_alike(heard.setdefault(line.key, line), line)
    assert wishes.keys() == heard.keys(), "every wish has its answer"
    await _require_stable(clients, wishes, heard)
    await _require_each_once(app, heard.values())
    return len(wishes)


def _require_alike(first: Heard, later: Heard) -> None:
    """One key, one answer: to the letter, or of an open one what it is about."""
    assert later.status == first.status, (first, later)
    was, became = _meaning(first), _meaning(later)
    if {was.get("status"), became.get("status")} & _OPEN:
        assert became["id"] == was["id"], (first, later)
    else:
        assert became == was


def _meaning(heard: Heard) -> dict[str, Any]:
    """The answer without what belongs to the request alone."""
    body: dict[str, Any] = json.loads(heard.body)
    if heard.verb == "webhook":  # `created` may have been said to a line that was cut
        return {"id": body["data"]["payment_id"]}
    body.pop("request_id", None)  # a problem names the request it answers
    return body.get("payment") or body.get("refund") or body  # of a reversal, what came of it


async def _require_stable(
    clients: PatientClients, wishes: dict[str, Wish], heard: dict[str, Heard]
) -> None:
    """Ask everything once more: the answers are the first ones."""
    turn = asyncio.Semaphore(_AT_ONCE)

    async def ask_again(wish: Wish) -> None:
        async with turn:
            answer = await clients.send(wish)
        now = Heard(wish.verb, wish.key, answer.status, answer.raw.decode())
        _require_alike(heard[wish.key], now)
        if answer.status < 400 and wish.verb not in ("webhook", "back"):  # neither has a claim
            assert answer.replayed, wish

    await asyncio.gather(*map(ask_again, wishes.values()))


async def _require_each_once(app: App, heard: Iterable[Heard]) -> None:
    granted = [line for line in heard if line.status < 400]
    assert not [line for line in granted if line.verb == "transfer_refused"]
    made: dict[str, Counter[UUID]] = defaultdict(Counter)
    for line in granted:
        made[line.verb][_subject(line)] += 1
    ours = {
        "payments": made["pay"] + made["confirm"] + made["challenge"],
        "intents": made["intent"],
        "refunds": made["refund"] + made["reverse_captured"],
        "recorded_payments": made["webhook"],
        "wallet_holds": made["wallet_hold"],
        "wallet_transfers": made["wallet_send"],
        "escrows": made["wallet_escrow"],
        "payouts": made["wallet_payout"],
    }
    for table, acknowledged in ours.items():
        rows = await app.database.fetch(f"SELECT id FROM {table}")
        assert Counter(row["id"] for row in rows) == acknowledged, table
    moved = await app.database.fetch(
        "SELECT id FROM ledger_transfers WHERE code = $1", TRANSFER_CODE
    )
    assert Counter(row["id"] for row in moved) == made["transfer"]
    for kind, verbs in _STARTED.items():
        facts = await app.database.fetch(
            "SELECT aggregate_id FROM journal_facts WHERE kind = $1", kind
        )
        asked = sum((made[verb] for verb in verbs), Counter[UUID]())
        assert Counter(row["aggregate_id"] for row in facts) == asked, kind


def _subject(line: Heard) -> UUID:
    """The id of what the answer is about: of a confirmed intent, its payment's."""
    body = _meaning(line)
    if line.verb == "webhook":
        return UUID(body["id"])
    text = body["payment_id" if line.verb in ("confirm", "challenge", "back") else "id"]
    prefix = str(text).partition("_")[0]
    return parse_typeid(prefix, text)
