"""One line to Redis for a whole process, which never keeps anybody waiting for long.

While an exchange is under way, whatever else is to be said becomes the next one: a single
connection carries it all. An exchange that fails or takes longer than `REDIS_TIMEOUT_MS` ends the
line; Redis is then left alone for `REDIS_PAUSE_MS`, and reached again in the background, while
everybody does without. So a Redis that is down costs nobody any time, and one that froze costs
those who were asking at that moment two time-outs at most, and everybody else none.

Nothing that is right only if Redis says so may be built on this: see who calls.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from tallystick.platform.settings import Settings
from tallystick.platform.telemetry import get_logger

if TYPE_CHECKING:
    from redis.asyncio import Redis

CONNECT_S: Final = 1.0
COMMANDS_MAX: Final = 512
TOLD_AT_ONCE: Final = 128  # so that questions do not wait behind them
TOLD_MAX: Final = 2_000
"""What is only told, not asked, is dropped beyond this: it must not pile up before a slow Redis."""

Command: TypeAlias = tuple[str | bytes | int, ...]
State = Literal["ok", "error", "disabled"]
_log = get_logger("tallystick.redis")


class RedisAway(Exception):
    """Redis is not there, or too slow: do without."""


@dataclass(eq=False, slots=True)
class _Question:
    commands: Sequence[Command]
    answers: asyncio.Future[list[Any]] = field(default_factory=asyncio.Future)


class RedisLink:
    """Made by `open_redis`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._timeout_s = settings.redis_timeout_ms / 1000
        self._pause_s = settings.redis_pause_ms / 1000
        self._client: Redis | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._asked: deque[_Question] = deque()
        self._told: deque[Command] = deque()
        self._retry: asyncio.TimerHandle | None = None
        self._is_away_told = False
        self._is_closed = False

    @property
    def state(self) -> State:
        """`disabled` without a host; else whether the line stands."""
        if self._settings.redis_host is None:
            return "disabled"
        return "ok" if self._client is not None else "error"

    async def ask(self, *commands: Command) -> list[Any]:
        """The replies in order; where Redis refuses one, its error stands in that place.

        Raises RedisAway.
        """
        if self._client is None:
            raise RedisAway("Redis is not there")
        question = _Question(commands)
        self._asked.append(question)
        self._speak()
        return await question.answers

    def tell(self, command: Command) -> bool:
        """Send a command some time soon, perhaps: False when it is dropped at once."""
        if self._client is None or len(self._told) >= TOLD_MAX:
            return False
        self._told.append(command)
        self._speak()
        return True

    async def connect(self) -> None:
        """Try to reach Redis, for a second at most; then again and again, in the background."""
        if self._settings.redis_host is not None:
            await asyncio.wait([self._seek()])

    async def close(self) -> None:
        """End the line for good."""
        self._is_closed = True
        if self._retry is not None:
            self._retry.cancel()
        tasks = [task for task in (self._connecting, self._speaking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._drop_line()

    def _seek(self) -> asyncio.Task[None]:
        self._connecting = asyncio.create_task(self._connect())
        return self._connecting

    async def _connect(self) -> None:
        client = _client(self._settings)
        try:
            async with asyncio.timeout(CONNECT_S):
                await client.ping()
        except Exception as error:  # noqa: BLE001 - who knows what answers there
            self._stay_away(error)
            await _close(client)
        except BaseException:
            await _close(client)
            raise
        else:
            self._client, self._is_away_told = client, False
            _log.info("redis_reached")

    def _speak(self) -> None:
        if self._speaking is None or self._speaking.done():
            self._speaking = asyncio.create_task(self._exchange_all())

    async def _exchange_all(self) -> None:
        """Until nothing is left to say. Questions go first."""
        while (self._asked or self._told) and self._client is not None:
            questions = self._take_questions()
            commands = [command for question in questions for command in question.commands]
            commands += [self._told.popleft() for _ in range(min(len(self._told), TOLD_AT_ONCE))]
            try:
                async with asyncio.timeout(self._timeout_s):
                    replies = iter(await _exchange(self._client, commands))
            except Exception as error:  # noqa: BLE001 - a broken reply breaks the library anywhere
                self._stay_away(error)
                _refuse(questions)
                await self._drop_line()
                return
            except BaseException:
                _refuse(questions)
                raise
            for question in questions:
                answers = list(islice(replies, len(question.commands)))
                if not question.answers.done():
                    question.answers.set_result(answers)

    def _take_questions(self) -> list[_Question]:
        taken: list[_Question] = []
        while self._asked and sum(len(one.commands) for one in taken) < COMMANDS_MAX:
            taken.append(self._asked.popleft())
        return taken

    def _stay_away(self, error: Exception) -> None:
        if not self._is_away_told:
            reason = str(error) or type(error).__name__
            _log.warning("redis_away", reason=reason, pause_ms=self._settings.redis_pause_ms)
        self._is_away_told = True
        if not self._is_closed:
            self._retry = asyncio.get_running_loop().call_later(self._pause_s, self._seek)

    async def _drop_line(self) -> None:
        client, self._client = self._client, None
        _refuse(self._asked)
        self._asked.clear()
        self._told.clear()
        if client is not None:
            await _close(client)


@asynccontextmanager
async def open_redis(settings: Settings) -> AsyncIterator[RedisLink]:
    """The line, which need not stand: without REDIS_HOST it never does."""
    link = RedisLink(settings)
    await link.connect()
    try:
        yield link
    finally:
        await link.close()


def _client(settings: Settings) -> "Redis":
    # 6 MB a process, of which those without Redis are spared.
    from redis.asyncio import Redis  # noqa: PLC0415
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415

    password = settings.redis_password
    return Redis(
        host=settings.redis_host or "",
        port=settings.redis_port,
        password=password.get_secret_value() if password else None,
        ssl=settings.redis_ssl,
        max_connections=1,
        retry=Retry(NoBackoff(), 0),  # we leave it alone instead
        socket_timeout=None,  # every exchange has its time-out already
        socket_connect_timeout=None,
        protocol=2,
    )


async def _exchange(client: "Redis", commands: Sequence[Command]) -> list[Any]:
    async with client.pipeline(transaction=False) as pipeline:
        for command in commands:
            pipeline.execute_command(*command)
        replies = await pipeline.execute(raise_on_error=False)
    if len(replies) != len(commands):
        raise RedisAway(f"{len(replies)} replies to {len(commands)} commands")
    return list(replies)


def _refuse(questions: Sequence[_Question] | deque[_Question]) -> None:
    for question in questions:
        if not question.answers.done():
            question.answers.set_exception(RedisAway("Redis failed, or kept us waiting"))


async def _close(client: "Redis") -> None:
    from redis.exceptions import RedisError  # noqa: PLC0415

    # Whatever is still on its way there must never be taken for an answer to somebody else.
    with suppress(RedisError, OSError):
        await client.connection_pool.disconnect(inuse_connections=True)
        await client.aclose()
