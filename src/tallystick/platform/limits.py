"""How much somebody may ask for within a window of time that slides.

The window is kept in sixty slots, and a slot that lies in it in part counts whole: within any
window no more than the limit is ever allowed, and what was used comes back at most a sixtieth of
the window late. In Redis the same count stands for all processes; without it each counts for
itself. Redis is believed when it refuses within the rules, but it cannot allow what this process
alone has used up, so one that lies does no more harm than one that is away.
"""

import math
from collections import deque
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from cachetools import LRUCache
from msgspec import Struct

from tallystick.platform.redis_link import RedisAway, RedisLink
from tallystick.platform.telemetry import get_logger

SLOTS: Final = 60
REMEMBERED_MAX: Final = 10_000
_log = get_logger("tallystick.limits")

# One command, so that two processes cannot both take the last place.
_SCRIPT: Final = """\
local slot_ms, max, slots = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local slot = math.floor(now_ms / slot_ms)
local counts = redis.call('HGETALL', KEYS[1])
local used, oldest = 0, slot
for i = 1, #counts, 2 do
  local at = tonumber(counts[i])
  if at < slot - slots then
    redis.call('HDEL', KEYS[1], counts[i])
  else
    used = used + tonumber(counts[i + 1])
    if at < oldest then oldest = at end
  end
end
local allowed = 0
if used < max then
  allowed, used = 1, used + 1
  redis.call('HINCRBY', KEYS[1], slot, 1)
  redis.call('PEXPIRE', KEYS[1], slot_ms * (slots + 2))
end
return {allowed, max - used, (oldest + slots + 1) * slot_ms - now_ms}
"""


class Limit(Struct, frozen=True):
    """At most `max_requests` within any `window_ms`."""

    max_requests: int
    window_ms: int

    @property
    def slot_ms(self) -> int:
        return math.ceil(self.window_ms / SLOTS)


class Allowance(Struct, frozen=True):
    """Whether this one is allowed, how many more are, and when the first place comes back."""

    allowed: bool
    limit: int
    remaining: int
    reset_ms: int

    @property
    def reset_s(self) -> int:
        """Whole seconds until a place comes back, at least one."""
        return max(1, math.ceil(self.reset_ms / 1000))


@dataclass(slots=True)
class _Window:
    """What one client used: counts by slot, the oldest first."""

    counts: deque[list[int]] = field(default_factory=deque)
    used: int = 0

    def take(self, limit: Limit, now_ms: int) -> Allowance:
        slot_ms = limit.slot_ms
        slot = now_ms // slot_ms
        while self.counts and self.counts[0][0] < slot - SLOTS:
            self.used -= self.counts.popleft()[1]
        allowed = self.used < limit.max_requests
        if allowed:
            self._add(slot)
        oldest = self.counts[0][0] if self.counts else slot
        reset_ms = (oldest + SLOTS + 1) * slot_ms - now_ms
        remaining = limit.max_requests - self.used
        return Allowance(allowed, limit.max_requests, max(0, remaining), reset_ms)

    def give_back(self) -> None:
        if self.counts and self.counts[-1][1] > 0:
            self.counts[-1][1] -= 1
            self.used -= 1

    def _add(self, slot: int) -> None:
        if self.counts and self.counts[-1][0] >= slot:
            self.counts[-1][1] += 1
        else:
            self.counts.append([slot, 1])
        self.used += 1


class SlidingWindows:
    """Counts clients. `prefix` begins their keys in Redis."""

    def __init__(self, redis: RedisLink, prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix
        self._windows: LRUCache[str, _Window] = LRUCache(REMEMBERED_MAX)
        self._script: bytes | str | None = None  # its digest, once Redis has it

    async def take(self, client: str, limit: Limit) -> Allowance:
        """One more request of `client`; one that is not allowed uses up nothing."""
        name = f"{self._prefix}:{client}:{limit.max_requests}:{limit.window_ms}"
        window = self._windows.get(name)
        if window is None:
            window = self._windows[name] = _Window()
        here = window.take(limit, int(monotonic() * 1000))
        if not here.allowed or self._redis.state == "disabled":
            return here
        everywhere = await self._take_shared(name, limit)
        if everywhere is None:
            return here
        if not everywhere.allowed:
            window.give_back()
        return everywhere

    async def _take_shared(self, name: str, limit: Limit) -> Allowance | None:
        """What Redis says; None when it says nothing, or nothing that can be."""
        try:
            reply = await self._run_script(name, limit)
            if _is_script_lost(reply):  # it was restarted, or flushed
                self._script = None
                reply = await self._run_script(name, limit)
        except RedisAway:
            return None
        allowance = _allowance(reply, limit)
        if allowance is None:
            _log.warning("redis_lies", about=self._prefix, told=type(reply).__name__)
        return allowance

    async def _run_script(self, name: str, limit: Limit) -> Any:
        if self._script is None:
            (digest,) = await self._redis.ask(("SCRIPT", "LOAD", _SCRIPT))
            self._script = digest if isinstance(digest, bytes | str) else b""
        arguments = (1, name, limit.slot_ms, limit.max_requests, SLOTS)
        (reply,) = await self._redis.ask(("EVALSHA", self._script, *arguments))
        return reply


def _is_script_lost(reply: object) -> bool:
    if not isinstance(reply, Exception):
        return False
    from redis.exceptions import NoScriptError  # noqa: PLC0415 - only where there is a Redis

    return isinstance(reply, NoScriptError)


def _allowance(reply: Any, limit: Limit) -> Allowance | None:
    match reply:
        case [0 | 1 as allowed, int() as remaining, int() as reset_ms]:
            in_range = 0 <= remaining < limit.max_requests or (remaining == 0 and not allowed)
            if in_range and 0 <= reset_ms <= (SLOTS + 1) * limit.slot_ms:
                return Allowance(bool(allowed), limit.max_requests, remaining, reset_ms)
    return None
