"""The tests' own server: shared by those who ask, and gone with the run that owned it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers.keeper import ADDRESS_FILE, Server
from tests.servers.postgres import find_server

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def run() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="tallystick-keeper-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _wait_for(what: Callable[[], bool]) -> None:
    for _ in range(1_500):
        if what():
            return
        time.sleep(0.02)
    raise AssertionError("waited in vain for 30 s")


def test_workers_of_one_run_share_one_server(server: Server) -> None:
    run_id = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run_id is None:
        pytest.skip("only with several workers")
    assert find_server(run_id) == server


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_when_the_owner_ends_the_server_and_its_folder_go(run: Path, how: signal.Signals) -> None:
    with (
        subprocess.Popen(["sleep", "60"]) as owner,
        subprocess.Popen(
            [sys.executable, "-m", "tests.servers.keeper", str(owner.pid), str(run)],
            cwd=REPOSITORY,
            start_new_session=True,
        ) as keeper,
    ):
        _wait_for((run / ADDRESS_FILE).exists)
        pid_file = run / "home/postgres/data/postmaster.pid"
        server = int(pid_file.read_text().splitlines()[0])
        owner.send_signal(how)
        owner.wait()
        assert keeper.wait(timeout=30) == 0
    assert not run.exists()
    assert not Path(f"/proc/{server}").exists()


def test_when_the_keeper_is_killed_its_server_goes(run: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.servers.keeper", str(os.getpid()), str(run)],
        cwd=REPOSITORY,
        start_new_session=True,
    ) as keeper:
        _wait_for((run / ADDRESS_FILE).exists)
        pid_file = run / "home/postgres/data/postmaster.pid"
        server = int(pid_file.read_text().splitlines()[0])
        keeper.kill()
    _wait_for(lambda: not Path(f"/proc/{server}/exe").exists())
