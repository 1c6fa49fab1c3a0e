"""Events are read as the bus tells them: by lane, by object, by id; nobody reads another's."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from msgspec import Struct

from tallystick.app import App
from tallystick.books import PLATFORM, account_id
from tallystick.delivery import CloudEvent, Wanted
from tallystick.delivery import events as delivery_events
from tallystick.delivery.messages import message_of
from tallystick.delivery.model import EventNotFound, fact_id
from tallystick.delivery.topics import Topics
from tallystick.identity import FeePlan
from tallystick.journal import Change, Fact, Journal
from tallystick.ledger import Freeze
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id
from tests.delivery.senders import Senders

pytestmark = pytest.mark.anyio
RECEIVABLE = account_id(PLATFORM, "loans:receivable:USD")
EVERYTHING = Wanted()


class CaseOfSomebody(Struct, frozen=True):
    """What of a case says whose it is."""

    owner_id: UUID


async def freeze(app: App, times: int) -> None:
    for number in range(times):
        order = Freeze(RECEIVABLE, "outflow" if number % 2 == 0 else "no")
        await app.journal.record(Change(new_id(app.clock.now(), 0), accounts=(order,)))


async def all_of_lane(app: App, wanted: Wanted, *, limit: int, lane: int = 0) -> list[CloudEvent]:
    found: list[CloudEvent] = []
    place: int | None = 0
    while place is not None:
        page = await app.delivery.events.list_lane(wanted, lane=lane, place=place, limit=limit)
        assert len(page.events) <= limit
        assert page.next_place is None or page.next_place > place
        found, place = [*found, *page.events], page.next_place
    return found


async def test_a_lane_is_read_page_by_page_as_the_bus_tells_it(app: App, senders: Senders) -> None:
    await senders.report(12)
    await app.merchants.onboard("Chai & Sons", "merchant_1", ["INR"], FeePlan())

    found = await all_of_lane(app, EVERYTHING, limit=5)

    facts = await app.database.fetch(
        "SELECT aggregate_id, version, kind FROM journal_facts ORDER BY position"
    )
    told = [fact for fact in facts if Topics().of(fact["kind"])]
    assert [event.id for event in found] == [fact_id(row[0], row[1]) for row in told]
    (logged,) = await app.delivery.events.history(UUID(found[-1].subject))
    message = message_of(logged, Topics())
    assert message is not None
    headers = dict(message.headers)
    shown = {name: getattr(found[-1], name) for name in ("type", "time", "sequence", "source")}
    assert shown == {name: headers[f"ce_{name}"] for name in shown}
    assert bytes(found[-1].data) == message.value


async def test_kinds_and_times_narrow_a_lane(
    app: App, senders: Senders, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_events, "EXAMINED_MAX", 3)  # pages are short, and go on
    instants = []
    for _ in range(7):
        await senders.report(2)
        await freeze(app, 1)
        instants.append(clock.now())
        clock.advance(timedelta(seconds=10))

    recorded = Wanted(kinds=("payment.recorded",))
    assert len(await all_of_lane(app, recorded, limit=100)) == 14
    for first, last in ((0, 7), (2, 5), (6, 7), (3, 3)):
        until = instants[last] if last < 7 else None
        wanted = Wanted(instants[first], until, ("account.frozen",))
        found = await all_of_lane(app, wanted, limit=2)
        times = [instant.isoformat(timespec="milliseconds") for instant in instants[first:last]]
        assert [event.time for event in found] == [time.replace("+00:00", "Z") for time in times]
    assert await all_of_lane(app, Wanted(clock.now()), limit=5) == []


async def test_another_lane_is_read_by_its_number(app: App, senders: Senders) -> None:
    change = senders.change()
    from tallystick.app import PROJECTIONS

    async with Journal.open(
        app.database, app.clock, projections=PROJECTIONS, master_key=bytes(32), lane=3
    ) as bulk:
        await bulk.record(change)

    (event,) = await all_of_lane(app, EVERYTHING, limit=5, lane=3)
    assert UUID(event.subject) == change.id
    assert await all_of_lane(app, EVERYTHING, limit=5, lane=900) == []


async def test_the_life_of_an_object_is_read_page_by_page(app: App) -> None:
    await freeze(app, 5)
    events = app.delivery.events

    first = await events.list_life(RECEIVABLE, EVERYTHING, limit=4)
    rest = await events.list_life(RECEIVABLE, EVERYTHING, place=first.next_place or 0, limit=4)

    assert [event.sequence for event in (*first.events, *rest.events)] == list("123456")
    assert rest.next_place is None
    frozen = await events.list_life(RECEIVABLE, Wanted(kinds=("account.opened",)), limit=4)
    assert [event.type for event in frozen.events] == ["account.opened"]


async def test_every_event_is_found_by_its_id(app: App, senders: Senders) -> None:
    await senders.report(3)
    await freeze(app, 2)

    for event in await all_of_lane(app, EVERYTHING, limit=100):
        assert await app.delivery.events.get_event(event.id) == event
    with pytest.raises(EventNotFound):
        await app.delivery.events.get_event(uuid4())


async def test_what_is_told_nowhere_is_not_found_either(app: App) -> None:
    merchant = await app.merchants.onboard("Chai & Sons", "merchant_1", ["INR"], FeePlan())
    await app.keys.create(merchant.id, "till")
    rows = await app.database.fetch(
        "SELECT aggregate_id, version FROM journal_facts WHERE kind = 'api_key.created'"
    )
    assert rows
    for row in rows:
        with pytest.raises(EventNotFound):
            await app.delivery.events.get_event(fact_id(row[0], row[1]))


async def test_a_merchant_reads_of_its_own_objects_only(app: App) -> None:
    own = await app.merchants.onboard("Chai & Sons", "merchant_1", ["INR"], FeePlan())
    other = await app.merchants.onboard("Tea & Co", "merchant_2", ["INR"], FeePlan())
    mine = Wanted(merchant_id=own.id)
    events = app.delivery.events

    assert {event.subject for event in await all_of_lane(app, mine, limit=9)} == {str(own.id)}
    assert (await events.list_life(other.id, mine, limit=9)).events == ()
    (theirs,) = (await events.list_life(other.id, EVERYTHING, limit=9)).events
    with pytest.raises(EventNotFound):
        await events.get_event(theirs.id, merchant_id=own.id)
    assert await events.get_event(theirs.id, merchant_id=other.id) == theirs


async def test_a_case_is_the_operators_whoevers_payment_it_is_of(app: App) -> None:
    merchant = await app.merchants.onboard("Chai & Sons", "merchant_1", ["INR"], FeePlan())
    case_id = new_id(app.clock.now(), 0)
    # Told by hand: a payment would have to stay unknown for a day.
    opened = CaseOfSomebody(merchant.id)
    async with Journal.open(
        app.database, app.clock, projections=(), master_key=bytes(32), lane=2
    ) as journal:
        fact = Fact(case_id, 1, "case.opened", opened)
        await journal.record(Change(case_id, (fact,)))

    assert len(await all_of_lane(app, EVERYTHING, limit=9, lane=2)) == 1
    assert await all_of_lane(app, Wanted(merchant_id=merchant.id), limit=9, lane=2) == []
