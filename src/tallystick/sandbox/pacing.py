"""How a bank takes its time, and its chance: from seed, bank and reference alone."""

import asyncio
import hashlib

from tallystick.sandbox.model import Bank, Pace


def draw(pace: Pace, bank: Bank, reference: str, purpose: str) -> bytes:
    """Ten bytes of chance that depend on seed, bank, reference and purpose alone."""
    text = f"{pace.seed}\0{bank.name}\0{purpose}\0{reference}"
    return hashlib.blake2b(text.encode(), digest_size=10).digest()


async def take_time(pace: Pace, bank: Bank, reference: str) -> None:
    """The bank's latency, before the effect: a caller may give up while it still happens."""
    if pace.calm:
        return
    least, most = bank.latency_ms
    fraction = int.from_bytes(draw(pace, bank, reference, "latency")) / 256**10
    await asyncio.sleep((least + (most - least) * fraction) / 1000)


def too_late_s(pace: Pace, caller_limit_ms: int | None) -> float:
    """Seconds after which the caller has surely gone."""
    return (2 * caller_limit_ms if caller_limit_ms else pace.slow_ms) / 1000
