"""Poison is set apart: its own aggregate waits behind it in order, everybody else goes on."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tallystick.app import App
from tallystick.books import PLATFORM, account_id
from tallystick.delivery import BusDown, LetterNotFound
from tallystick.delivery.model import RETRIES_S, DeadLetter
from tallystick.journal import Change
from tallystick.ledger import Freeze
from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id
from tests.delivery.watchers import Watcher, consumption, drain

pytestmark = pytest.mark.anyio
ILL = account_id(PLATFORM, "loans:receivable:USD")
WELL = account_id(PLATFORM, "channel:clearing:USD")
# An account is opened by its first fact.
OPENED = 1


async def freeze(app: App, account: UUID, times: int = 1) -> None:
    for number in range(times):
        order = Freeze(account, "outflow" if number % 2 == 0 else "no")
        await app.journal.record(Change(new_id(app.clock.now(), 0), accounts=(order,)))


def shown(letters: Sequence[DeadLetter]) -> list[tuple[int, str]]:
    return sorted((letter.version, letter.status) for letter in letters)


async def tried_to_death(app: App, reading: object, clock: HandClock) -> None:
    for pause_s in RETRIES_S:
        clock.advance(timedelta(seconds=pause_s))
        await drain(reading)  # type: ignore[arg-type]


async def test_poison_holds_back_its_own_aggregate_and_nobody_else(app: App) -> None:
    watcher = Watcher(frozenset({"account.frozen"}))
    watcher.poison = {(ILL, OPENED + 2)}
    await freeze(app, ILL, 4)
    await freeze(app, WELL, 2)

    async with consumption(app, watcher.consumer) as reading:
        await drain(reading)

    assert [version for name, version in watcher.seen if name == ILL] == [OPENED + 1]
    assert [version for name, version in watcher.seen if name == WELL] == [2, 3]
    assert shown(await app.delivery.letters.list_letters("watcher")) == [
        (OPENED + 2, "retrying"),
        (OPENED + 3, "held"),
        (OPENED + 4, "held"),
    ]


async def test_what_is_healed_is_delivered_with_what_waited_behind_it_in_order(
    app: App, clock: HandClock
) -> None:
    watcher = Watcher(frozenset({"account.frozen"}))
    watcher.poison = {(ILL, OPENED + 1)}
    await freeze(app, ILL, 3)
    async with consumption(app, watcher.consumer) as reading:
        await drain(reading)
        await freeze(app, ILL, 2)
        await drain(reading)  # they come while it is still ill
        watcher.poison = set()
        clock.advance(timedelta(seconds=RETRIES_S[0]))

        await drain(reading)

    assert watcher.seen == [(ILL, OPENED + number) for number in range(1, 6)]
    assert await app.delivery.letters.list_letters("watcher") == ()


async def test_it_is_tried_again_ever_more_rarely_and_then_it_is_dead(
    app: App, clock: HandClock
) -> None:
    watcher = Watcher(frozenset({"account.frozen"}))
    watcher.poison = {(ILL, OPENED + 1)}
    await freeze(app, ILL)
    async with consumption(app, watcher.consumer) as reading:
        await drain(reading)
        for attempts, pause_s in enumerate(RETRIES_S, 1):
            (letter,) = await app.delivery.letters.list_letters("watcher")
            assert (letter.status, letter.attempts) == ("retrying", attempts)
            assert letter.due_at == clock.now() + timedelta(seconds=pause_s)
            clock.advance(timedelta(seconds=pause_s))
            await drain(reading)

    (letter,) = await app.delivery.letters.list_letters("watcher")
    assert (letter.status, letter.due_at, letter.code) == ("dead", None, "ValueError")


async def test_a_redrive_is_previewed_and_then_delivers_the_dead_and_the_held(
    app: App, clock: HandClock
) -> None:
    watcher = Watcher(frozenset({"account.frozen"}))
    watcher.poison = {(ILL, OPENED + 1)}
    await freeze(app, ILL, 3)
    letters = app.delivery.letters
    async with consumption(app, watcher.consumer) as reading:
        await drain(reading)
        await tried_to_death(app, reading, clock)
        preview = await letters.preview(consumer="watcher")
        assert (len(preview.letters), preview.held) == (1, (2,))
        assert watcher.seen == []
        watcher.poison = set()

        await letters.redrive([preview.letters[0].id])
        await drain(reading)

    assert watcher.seen == [(ILL, OPENED + number) for number in range(1, 4)]
    (redriven, *_) = [await letters.get_letter(preview.letters[0].id)]
    assert redriven.status == "delivered"


async def test_nobody_is_dead_before_the_bus_has_been_told(app: App, clock: HandClock) -> None:
    watcher = Watcher(frozenset({"account.frozen"}))
    watcher.poison = {(ILL, OPENED + 1)}
    await freeze(app, ILL)
    told: list[tuple[str | None, str]] = []
    is_away = True

    async def bury(letter: DeadLetter) -> None:
        if is_away:
            raise BusDown("no broker")
        told.append((letter.code, letter.status))

    async with consumption(app, watcher.consumer, bury=bury) as reading:
        await drain(reading)
        await tried_to_death(app, reading, clock)
        (letter,) = await app.delivery.letters.list_letters("watcher")
        assert (letter.status, letter.attempts) == ("retrying", len(RETRIES_S))
        others = await app.delivery.letters.list_letters("watcher", ("dead",))
        is_away = False
        clock.advance(timedelta(seconds=RETRIES_S[-1]))
        await drain(reading)

    assert others == ()
    assert told == [("ValueError", "retrying")]
    (letter,) = await app.delivery.letters.list_letters("watcher")
    assert (letter.status, letter.attempts) == ("dead", len(RETRIES_S) + 1)


async def test_a_letter_that_is_not_there_is_told(app: App) -> None:
    with pytest.raises(LetterNotFound):
        await app.delivery.letters.redrive([uuid4()])
