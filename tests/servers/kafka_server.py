"""One Kafka broker for a whole test run, whatever number of workers shares it.

The jars are fetched once with Maven into the user's cache folder. The broker is a real one in
KRaft mode; `kafka_keeper.py` ends it with the run. Tests keep apart by the names of their topics.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import pytest

from tests.servers.kafka_keeper import ADDRESS_FILE, Broker

VERSION = "4.3.1"
_START_S = 120.0
_FETCH_S = 300.0
_POLL_S = 0.05
_REPOSITORY = Path(__file__).parents[2]
_POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tallystick</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
      <version>{VERSION}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>2.25.4</version></dependency>
  </dependencies>
</project>
"""
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_keepers: list[subprocess.Popen[bytes]] = []  # outlive us on purpose: Python would warn of one


def find_broker(run_id: str) -> Broker:
    """The run's broker, started if nobody did yet. Skips where its tools are missing, not in CI."""
    if missing := [tool for tool in ("java", "mvn") if shutil.which(tool) is None]:
        if os.environ.get("CI"):
            pytest.fail(f"a Kafka broker needs {' and '.join(missing)}")
        pytest.skip(f"a Kafka broker needs {' and '.join(missing)}")
    run = Path(tempfile.gettempdir(), f"tallystick-kafka-{os.getuid()}-{run_id}")
    run.mkdir(exist_ok=True, mode=0o700)
    with (run / "starting.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (run / ADDRESS_FILE).exists():
            _start_keeper(run, jars())
        return msgspec.json.decode((run / ADDRESS_FILE).read_bytes(), type=Broker)


def jars() -> Path:
    """The folder with the broker's jars, fetched if they are not there yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tallystick"
    cache.mkdir(parents=True, exist_ok=True)
    place = cache / f"kafka-{VERSION}"
    with (cache / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            (place / "pom.xml").write_text(_POM)
            maven = ["mvn", "-q", "-B", _COPY, "-DincludeScope=runtime"]
            subprocess.run(
                [*maven, f"-DoutputDirectory={place / 'lib'}"],
                cwd=place,
                check=True,
                timeout=_FETCH_S,
            )
            (place / "complete").touch()
    return place / "lib"


def _start_keeper(run: Path, lib: Path) -> None:
    owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    with (run / "keeper.log").open("a+b") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.kafka_keeper", str(owner), str(run), str(lib)],
            cwd=_REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        _keepers.append(keeper)
        deadline = time.monotonic() + _START_S
        while not (run / ADDRESS_FILE).exists():
            if keeper.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise RuntimeError(f"no Kafka for the tests: {log.read().decode()[-4_000:]}")
            time.sleep(_POLL_S)
