"""Kafka's topics, made beside a platform that starts: its start waits for no broker."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Final

from tallystick.platform.settings import Settings

PATIENCE_S: Final = 3.0  # a thread asks the brokers, and an end that is asked for waits for it
PAUSES_S: Final = (1.0, 5.0, 15.0)


@contextmanager
def topics_made(settings: Settings, tell: Callable[[str], None]) -> Iterator[None]:
    """Within, make the topics that are not there, as soon as the brokers let us.

    `tell` hears which were made, and once that it is not possible yet.
    """
    if not settings.kafka_enabled or not settings.kafka_brokers:
        yield
        return
    making = asyncio.create_task(_make(settings, tell), name="topics")
    try:
        yield
    finally:
        making.cancel()


async def _make(settings: Settings, tell: Callable[[str], None]) -> None:
    from tallystick.delivery import BusDown, ensure_topics

    for tries, pause_s in enumerate(chain(PAUSES_S, repeat(PAUSES_S[-1]))):
        try:
            made = await ensure_topics(settings, patience_s=PATIENCE_S)
        except BusDown as error:
            if not tries:
                tell(f"Kafka's topics cannot be made yet, trying on: {error}")
            await asyncio.sleep(pause_s)
            continue
        if made:
            tell(f"made {len(made)} topics on Kafka: {', '.join(made)}")
        return
