"""The line to Redis: many questions, one connection, and nobody kept waiting."""

import asyncio
from pathlib import Path
from time import perf_counter

import pytest

from tallystick.platform.redis_link import TOLD_MAX, RedisAway, RedisLink, open_redis
from tallystick.platform.settings import Settings
from tests.servers.redis_server import running_redis

pytestmark = pytest.mark.anyio


def to(settings: Settings, port: int, **changes: object) -> Settings:
    place = {"redis_host": "127.0.0.1", "redis_port": port, "redis_pause_ms": 50}
    place |= {"redis_timeout_ms": 300}  # the test machine may be busy
    return settings.model_copy(update=place | changes)


async def until(link: RedisLink, state: str) -> None:
    async with asyncio.timeout(5):
        while link.state != state:  # noqa: ASYNC110 - Redis tells nobody that it is back
            await asyncio.sleep(0.01)


async def test_without_a_host_there_is_none(settings: Settings) -> None:
    async with open_redis(settings) as link:
        assert link.state == "disabled"
        assert link.tell(("SET", "a", "b")) is False
        with pytest.raises(RedisAway):
            await link.ask(("PING",))


async def test_questions_of_one_moment_share_one_connection_and_get_their_own_answers(
    settings: Settings, tmp_path: Path
) -> None:
    with running_redis(tmp_path) as server:
        async with open_redis(to(settings, server.port)) as link:
            answers = await asyncio.gather(
                *(link.ask(("ECHO", f"a{n}"), ("ECHO", f"b{n}")) for n in range(1_000))
            )
            clients = await link.ask(("CLIENT", "LIST"))

    assert answers == [[f"a{n}".encode(), f"b{n}".encode()] for n in range(1_000)]
    assert clients[0].count(b" addr=") == 1


async def test_a_refused_command_is_an_answer_and_spoils_no_other(
    settings: Settings, tmp_path: Path
) -> None:
    with running_redis(tmp_path) as server:
        async with open_redis(to(settings, server.port)) as link:
            right, wrong, last = await link.ask(("ECHO", "a"), ("NO-SUCH",), ("ECHO", "b"))
            assert (right, last) == (b"a", b"b")
            assert isinstance(wrong, Exception)
            assert link.state == "ok"


async def test_who_gives_up_takes_no_answer_from_others(settings: Settings, tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        async with open_redis(to(settings, server.port)) as link:
            questions = [asyncio.create_task(link.ask(("ECHO", f"{n}"))) for n in range(10)]
            await asyncio.sleep(0)
            for question in questions[::2]:
                question.cancel()
            answers = await asyncio.gather(*questions, return_exceptions=True)
            assert answers[1::2] == [[f"{n}".encode()] for n in range(1, 10, 2)]
            assert await link.ask(("ECHO", "mine")) == [b"mine"]


async def test_it_comes_back_by_itself_and_what_was_on_its_way_is_nobodys_answer(
    settings: Settings, tmp_path: Path
) -> None:
    with running_redis(tmp_path) as server:
        async with open_redis(to(settings, server.port)) as link:
            await link.ask(("SET", "a", "old"))
            server.freeze()
            started_s = perf_counter()
            with pytest.raises(RedisAway):
                await link.ask(("GET", "a"))
            assert perf_counter() - started_s < 1.0
            with pytest.raises(RedisAway):
                await link.ask(("GET", "a"))
            server.thaw()
            await until(link, "ok")
            assert await link.ask(("ECHO", "fresh")) == [b"fresh"]
            server.kill()
            with pytest.raises(RedisAway):
                await link.ask(("GET", "a"))
            server.start()
            await until(link, "ok")


async def test_one_that_starts_later_is_found(settings: Settings, tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        server.kill()
        async with open_redis(to(settings, server.port)) as link:
            assert link.state == "error"
            server.start()
            await until(link, "ok")


async def test_a_password_is_asked_for(settings: Settings, tmp_path: Path) -> None:
    from pydantic import SecretStr

    with running_redis(tmp_path) as server:
        server.say("CONFIG", "SET", "requirepass", "geheim")
        async with open_redis(to(settings, server.port)) as stranger:
            assert stranger.state == "error"
        known = to(settings, server.port, redis_password=SecretStr("geheim"))
        async with open_redis(known) as link:
            assert link.state == "ok"
            await link.ask(("CONFIG", "SET", "requirepass", ""))


async def test_what_is_only_told_does_not_pile_up(settings: Settings, tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        async with open_redis(to(settings, server.port)) as link:
            taken = [link.tell(("SET", f"{n}", "1")) for n in range(TOLD_MAX + 100)]
            assert taken.count(True) == TOLD_MAX
            async with asyncio.timeout(5):
                while (await link.ask(("DBSIZE",)))[0] < TOLD_MAX:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.005)
