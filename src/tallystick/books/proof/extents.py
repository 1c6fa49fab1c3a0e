"""Proofs with limits: which checks still hold a promise when only a part is looked at.

What a limited proof leaves out it says: nothing is called proven that was not looked at.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from tallystick.books.proof import slice_store as proof_store
from tallystick.books.proof.checks import Check, CheckFunction, Found
from tallystick.books.proof.lane_walk import lane_ends, places_without_blocks, walk_lane
from tallystick.books.proof.slices import Finding, Place
from tallystick.platform.postgres.pools import Connection

# Cheap enough to be whole whatever the limits are, and of no use in part.
ALWAYS_WHOLE: Final = ("trial_balance", "limits", "append_only", "assertions")
_FINDINGS_MAX: Final = 1_000


class Limits(Struct, frozen=True):
    """What a proof is limited to: both None is everything, both given is the two together."""

    since: datetime | None = None
    account_id: UUID | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is left out."""
        return self.since is None and self.account_id is None


class Plan(Struct, frozen=True):
    """What is examined: whole, on the account alone, and since an instant; and what is not."""

    whole: tuple[Check | CheckFunction, ...]
    of_account: tuple[Check, ...] = ()
    walks: tuple[CheckFunction, ...] = ()
    not_proven: tuple[str, ...] = ()


def plan_of(limits: Limits, checks: Sequence[Check | CheckFunction]) -> Plan:
    """Which of `checks` are made, and how."""
    if limits.is_everything:
        return Plan(tuple(checks))
    since, account_id = limits.since, limits.account_id
    whole = tuple(c for c in checks if since is not None and c.name in ALWAYS_WHOLE)
    done = {check.name for check in whole}
    of_account = tuple(
        check
        for check in checks
        if account_id is not None
        and isinstance(check, Check)
        and check.name in proof_store.CHECKS_OF_ACCOUNT - done
    )
    left_out = [c.name for c in checks if c not in whole and c not in of_account]
    return Plan(
        whole,
        of_account,
        (_since(since),) if since is not None else (),
        (*_words(limits), *left_out),
    )


def _words(limits: Limits) -> list[str]:
    words = []
    if limits.since is not None:
        words.append(f"whatever was recorded before {limits.since.isoformat()}")
        words.append("that the balances before it were right")
    if limits.account_id is not None and limits.since is None:
        words.append("any account but this one, and the log itself")
    return words


def _since(since: datetime) -> CheckFunction:
    async def find(connection: Connection) -> Found:
        transfers = 0
        findings: list[Finding] = []
        ends: list[Place] = []
        for place in await _places(connection, since):
            end = place
            async for walked in walk_lane(connection, place):
                transfers += walked.transfers
                findings += walked.findings[: _FINDINGS_MAX - len(findings)]
                end = walked.place
            ends.append(end)
        findings += await lane_ends(connection, ends)
        return Found(transfers, tuple(findings))

    return CheckFunction(
        "slices",
        "since then every head follows from its rows, every balance from the line before it, and"
        " each account that moved stands at its last line",
        find,
        shown=100,
    )


async def _places(connection: Connection, since: datetime) -> list[Place]:
    """Every used lane, behind its last batch before `since`."""
    before = {
        place.lane: place
        for place in places_without_blocks(
            await connection.fetch(proof_store.LAST_BATCH_BEFORE, since)
        )
    }
    lanes = [row["lane"] for row in await connection.fetch(proof_store.LANES)]
    return [before.get(lane, Place(lane)) for lane in sorted({*lanes, *before})]
