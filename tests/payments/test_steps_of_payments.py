"""`payment_transactions` tells after each step the state that the transition table tells."""

import random
from uuid import UUID, uuid4

import pytest

from tallystick.payments.states import PAYMENT_TABLE
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import connect

pytestmark = pytest.mark.anyio

WALKS, STEPS_MAX = 400, 25
TELL = """
INSERT INTO journal_facts (position, batch, at, aggregate_id, version, lane, schema_version, kind,
                           data)
SELECT nextval('places'), 1, now(), f.payment_id, f.version, 0, 1, f.kind, '{}'
  FROM unnest($1::uuid[], $2::int[], $3::text[]) AS f(payment_id, version, kind)
"""


def walk(chance: random.Random) -> list[tuple[str, str]]:
    """What happens to a payment, as the table allows it, and the state after each."""
    state: str | None = None
    told: list[tuple[str, str]] = []
    while len(told) < STEPS_MAX and (following := PAYMENT_TABLE[state]):
        kind = chance.choice(sorted(following))
        state = following[kind]
        told.append((kind, state))
    return told


async def test_every_step_tells_the_state_of_the_transition_table(owner_address: Address) -> None:
    chance = random.Random(7)
    told: dict[tuple[UUID, int], tuple[str, str]] = {}
    for _ in range(WALKS):
        payment_id = uuid4()
        told |= {(payment_id, version): step for version, step in enumerate(walk(chance), 1)}
    taken = {(before, kind) for _, (kind, before) in told.items()}
    assert len(taken) > 60  # most of the table was walked

    path = {"search_path": f'"{owner_address.schema}"'}
    owner = await connect(owner_address, server_settings=path)
    try:
        ids, versions = zip(*told, strict=True)
        await owner.execute("CREATE TEMPORARY SEQUENCE places")
        await owner.execute(TELL, ids, versions, [kind for kind, _ in told.values()])
        rows = await owner.fetch(
            "SELECT payment_id, version, 'payment.' || type, status FROM payment_transactions"
        )
    finally:
        await owner.close()

    assert {(row[0], row[1]): (row[2], row[3]) for row in rows} == told
