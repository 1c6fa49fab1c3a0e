"""Our payouts beside the banks' own, by reference: nothing missing, nothing doubled, same end.

Ours is read from the facts alone, so that neither our tables nor our code for them is believed.
"""

from datetime import datetime
from uuid import UUID

from msgspec import to_builtins

from tallystick.app import App
from tallystick.books import PLATFORM, account_id, chart
from tallystick.sandbox import Sandbox

_PAGE = 1_000
PaidOut = tuple[str, str, int, str]  # bank, reference, amount, paid | returned


async def require_same_payouts(app: App, sandbox: Sandbox, now: datetime) -> list[PaidOut]:
    """Fails unless both tell the same, and the clearing accounts with them; what they tell.

    For a quiet moment: every return that is due has been looked for. `now` is the banks'.
    """
    theirs = await _list_theirs(sandbox, now)
    ours = await _list_ours(app)
    assert ours == theirs, (sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours)))
    for bank in sandbox.books:
        code = chart.payouts_code(bank, "INR")
        account = await app.ledger.find_account(account_id(PLATFORM, code))
        out_minor = sum(amount for name, _, amount, end in theirs if (name, end) == (bank, "paid"))
        assert account is not None
        assert -account.posted_minor == out_minor, (code, account.posted_minor, out_minor)
        assert account.pending_out_minor == 0
    return theirs


async def _list_theirs(sandbox: Sandbox, now: datetime) -> list[PaidOut]:
    return sorted(
        [
            (bank, payout.reference, payout.amount_minor, str(payout.status_at(now)))
            for bank, book in sandbox.books.items()
            for payout in await book.payouts()
            if payout.status_at(now) in ("paid", "returned")
        ]
    )


async def _list_ours(app: App) -> list[PaidOut]:
    asked: dict[UUID, tuple[str, str, int]] = {}
    ends: dict[UUID, str] = {}
    position = 0
    while facts := await app.journal.facts_after(0, position, _PAGE):
        for fact in facts:
            match fact.kind:
                case "payout.created":
                    data = to_builtins(fact.data)
                    asked[fact.aggregate_id] = (
                        data["route"],
                        data["reference"],
                        data["amount_minor"],
                    )
                case "payout.paid":
                    assert fact.aggregate_id not in ends, "paid twice"
                    ends[fact.aggregate_id] = "paid"
                case "payout.returned":
                    assert ends[fact.aggregate_id] == "paid", "returned twice"
                    ends[fact.aggregate_id] = "returned"
        position = facts[-1].position
    return sorted((*asked[payout_id], end) for payout_id, end in ends.items())
