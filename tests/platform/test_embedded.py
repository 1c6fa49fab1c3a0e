"""The embedded server: comes up, goes down with us, and comes up again after anything."""

import os
import signal
import tempfile
from pathlib import Path

import asyncpg
import pytest

from tallystick.platform.postgres import place as places
from tallystick.platform.postgres import postmaster
from tallystick.platform.postgres.embedded import (
    AlreadyRunning,
    EmbeddedPostgresFailed,
    embedded_postgres,
)
from tallystick.platform.postgres.pools import Overloaded, connect, open_database
from tallystick.platform.secrets_file import HomeUnusable
from tallystick.platform.settings import Settings
from tests.platform.processes import (
    connected,
    lives,
    made,
    sleeper,
    started_elsewhere,
    wait_until_gone,
)

pytestmark = pytest.mark.anyio


async def test_it_starts_and_continues_with_its_data_in_a_home_with_a_space(home: Path) -> None:
    async with embedded_postgres(home, durable=False) as cluster:
        assert cluster.owner.database == "tallystick"
        async with connected(cluster) as connection:
            await connection.execute("CREATE TABLE notes AS SELECT 'first run' AS said")
            settings = await connection.fetchrow(
                "SELECT current_setting('max_connections'), current_setting('checkpoint_timeout'),"
                " pg_size_bytes(current_setting('max_wal_size')) >> 30"
            )
            assert settings is not None
            assert tuple(settings)[:2] == ("200", "15min")
            assert 1 <= settings[2] <= 8
    assert not lives(cluster.pid)
    async with embedded_postgres(home, durable=False) as again:
        async with connected(again) as connection:
            assert await connection.fetchval("SELECT said FROM notes") == "first run"
        assert again.login.password == cluster.login.password


async def test_it_waits_for_the_disk_unless_told_otherwise(home: Path) -> None:
    for durable, expected in ((True, "on"), (False, "off")):
        async with (
            embedded_postgres(home, durable=durable) as cluster,
            connected(cluster) as connection,
        ):
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                assert await connection.fetchval(f"SHOW {name}") == expected


async def test_in_a_container_it_takes_an_eighth_of_what_the_container_may_take(
    home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow, unlimited = folder / "narrow", folder / "unlimited"
    narrow.write_text(f"{800 << 20}\n")
    unlimited.write_text("max\n")
    limits = (unlimited, folder / "not there", narrow)
    monkeypatch.setattr(postmaster, "_CONTAINER_LIMITS", limits)

    async with embedded_postgres(home, durable=True) as cluster, connected(cluster) as connection:
        assert await connection.fetchval("SHOW shared_buffers") == "100MB"


async def test_its_buffers_are_as_large_as_is_asked(home: Path) -> None:
    async with (
        embedded_postgres(home, durable=False, shared_buffers_mb=48) as cluster,
        connected(cluster) as connection,
    ):
        assert await connection.fetchval("SHOW shared_buffers") == "48MB"


async def test_it_listens_to_this_machine_only_and_wants_a_password(home: Path) -> None:
    async with embedded_postgres(home, durable=False) as cluster:
        over_tcp = cluster.over_tcp()
        assert over_tcp.login.port in postmaster.PORTS
        connection = await connect(over_tcp.login)
        assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
        assert not await connection.fetchval(
            "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles"
            " WHERE rolname = current_user"
        )
        await connection.close()
        for address in (cluster.owner, over_tcp.owner):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await connect(address.as_owner("owner", "guess"))


async def test_a_terminal_s_ctrl_c_does_not_reach_it(home: Path) -> None:
    async with embedded_postgres(home, durable=False) as cluster:
        assert os.getsid(cluster.pid) == cluster.pid != os.getsid(0)


async def test_two_at_once_on_one_home_are_told_so(home: Path) -> None:
    async with started_elsewhere(home) as (starter, _):
        with pytest.raises(AlreadyRunning, match=f"process {starter}") as told:
            async with embedded_postgres(home):
                pass
        assert "TALLYSTICK_HOME" in str(told.value)


async def test_after_kill_9_of_its_starter_it_ends_and_starts_again_with_all_rows(
    home: Path,
) -> None:
    async with started_elsewhere(home) as (starter, server):
        os.kill(starter, signal.SIGKILL)
        wait_until_gone(server)
    async with embedded_postgres(home) as cluster, connected(cluster) as connection:
        assert await connection.fetchval("SELECT said FROM notes") == "before the crash"


async def test_after_kill_9_of_the_server_itself_it_recovers(home: Path) -> None:
    async with started_elsewhere(home) as (starter, server):
        os.kill(server, signal.SIGKILL)
        os.kill(starter, signal.SIGKILL)
        wait_until_gone(server)
    async with embedded_postgres(home) as cluster, connected(cluster) as connection:
        assert await connection.fetchval("SELECT said FROM notes") == "before the crash"


async def test_a_server_that_outlived_its_starter_is_replaced(home: Path) -> None:
    async with started_elsewhere(home, "orphaning") as (starter, server):
        os.kill(starter, signal.SIGKILL)
    assert lives(server)
    async with embedded_postgres(home) as cluster, connected(cluster) as connection:
        assert not lives(server)
        assert cluster.pid != server
        assert await connection.fetchval("SELECT said FROM notes") == "before the crash"


async def test_a_stale_pid_file_that_names_a_stranger_is_no_obstacle(home: Path) -> None:
    async with embedded_postgres(home, durable=False):
        data = places.find_place(home).data
        lines = (data / "postmaster.pid").read_text().splitlines()
    user = places.find_place(home).user
    # The worst case: the same user's process, which PostgreSQL takes for another postmaster.
    stranger = sleeper(user)
    try:
        stale = data / "postmaster.pid"
        stale.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        user.own(stale)
        async with embedded_postgres(home, durable=False) as cluster:
            assert lives(cluster.pid)
        assert lives(stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_half_made_cluster_is_thrown_away(home: Path) -> None:
    place = places.find_place(made(home))
    (place.folder / "data.new").mkdir()
    (place.folder / "data.new" / "PG_VERSION").write_text("18\n")
    async with embedded_postgres(home, durable=False) as cluster:
        assert lives(cluster.pid)


async def test_a_home_too_deep_for_a_socket_gets_a_short_one(folder: Path) -> None:
    home = folder / ("deep" * 20) / ".tallystick"
    async with embedded_postgres(home, durable=False) as cluster:
        sockets = Path(cluster.owner.host)
        assert len(str(sockets)) < 80
        assert sockets.stat().st_mode & 0o077 == 0
    sockets.rmdir()


async def test_a_folder_of_somebody_else_in_the_place_of_the_short_one_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = folder / "t"
    temporary.mkdir(mode=0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    home = made(folder / ("deep" * 20) / ".tallystick")
    squatted = places.find_place(home).sockets
    squatted.rmdir()
    squatted.symlink_to(folder)
    with pytest.raises(EmbeddedPostgresFailed, match="somebody else"):
        places.find_place(home)


async def test_a_server_that_does_not_start_shows_the_end_of_its_log(home: Path) -> None:
    async with embedded_postgres(home, durable=False):
        data = places.find_place(home).data
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.write("port = soon\n")
        configuration.write("no such line\n")
    with pytest.raises(EmbeddedPostgresFailed, match=r"(?s)does not start.*no such line|syntax"):
        async with embedded_postgres(home, durable=False):
            pass


async def test_lost_passwords_are_told_with_the_ways_out(home: Path) -> None:
    async with embedded_postgres(home, durable=False) as cluster:
        pass
    (home / "secrets.json").unlink()
    with pytest.raises(EmbeddedPostgresFailed, match=r"secrets\.json"):
        async with embedded_postgres(home, durable=False):
            pass
    assert not lives(cluster.pid)


async def test_a_missing_wheel_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EmbeddedPostgresFailed, match="DATABASE_URL"):
        async with embedded_postgres(home, durable=False):
            pass


async def test_a_port_taken_at_the_last_moment_costs_one_more_start(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with embedded_postgres(home, durable=False) as first:
        other = home.with_name("other")
        offered = iter([first.owner.port, first.owner.port, postmaster.free_port()])
        monkeypatch.setattr(postmaster, "free_port", lambda: next(offered))
        async with embedded_postgres(other, durable=False) as second:
            assert second.owner.port != first.owner.port


async def test_while_it_is_away_readers_are_told_to_ask_again(
    home: Path, settings: Settings
) -> None:
    async with (
        embedded_postgres(home, durable=False) as cluster,
        open_database(cluster.login, settings) as database,
    ):
        assert await database.fetchval("SELECT 1") == 1
        os.kill(cluster.pid, signal.SIGQUIT)
        wait_until_gone(cluster.pid)
        for _ in range(2):
            with pytest.raises(Overloaded):
                await database.fetch("SELECT 1")


async def test_a_home_that_cannot_be_made_is_told(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(HomeUnusable, match="TALLYSTICK_HOME"):
        async with embedded_postgres(folder / "file"):
            pass
