"""Whether any Kafka broker takes connections: what health says of it."""

import asyncio
from typing import Final

from tallystick.platform.settings import Settings

PATIENCE_S: Final = 0.5
_PORT: Final = 9092


async def kafka_state(settings: Settings) -> str:
    """`ok`, `error`, or `disabled`. One broker that listens is enough."""
    if not settings.kafka_enabled:
        return "disabled"
    brokers = [broker.strip() for broker in (settings.kafka_brokers or "").split(",")]
    found = await asyncio.gather(*(_listens(broker) for broker in brokers if broker))
    return "ok" if any(found) else "error"


async def _listens(broker: str) -> bool:
    host, _, port = broker.rpartition(":")
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, writer = await asyncio.open_connection(host or broker, int(port or _PORT))
    except (OSError, TimeoutError, ValueError):
        return False
    writer.close()
    return True
