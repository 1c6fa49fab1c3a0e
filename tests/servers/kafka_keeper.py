"""Keeps one Kafka broker for a test run, and ends it when the run's owner ends.

    python -m tests.servers.kafka_keeper <owner's pid> <run folder> <folder of jars>

A broker of a test's own, to be killed and started again, is a `BrokerProcess`.
"""

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

import msgspec
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

ADDRESS_FILE = "kafka.json"
_START_S = 120.0
_TRIES = 3
_JVM = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
log.dirs={folder}/data
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=4194304
"""
_LOGGING = """\
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""


class Broker(msgspec.Struct, frozen=True):
    """Where the broker listens."""

    address: str


@dataclass
class BrokerProcess:
    """One broker over a folder; it may be killed and started again on the same port."""

    folder: Path
    lib: Path
    port: int
    controller: int
    process: "subprocess.Popen[bytes] | None" = None

    @classmethod
    def prepared(cls, folder: Path, lib: Path) -> "BrokerProcess":
        """A formatted folder and two free ports."""
        folder.mkdir(parents=True, exist_ok=True)
        broker = cls(folder, lib, _free_port(), _free_port())
        text = _PROPERTIES.format(
            port=broker.port, controller=broker.controller, folder=folder.resolve()
        )
        (folder / "server.properties").write_text(text)
        (folder / "log4j2.properties").write_text(_LOGGING)
        tool = ("kafka.tools.StorageTool", "format", "-t", "tallystick-test", "-c")
        format_ = broker._java(*tool, "server.properties")
        subprocess.run(format_, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return broker

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it answers. Raises RuntimeError."""
        with (self.folder / "broker.log").open("ab") as log:
            self.process = subprocess.Popen(
                self._java("kafka.Kafka", "server.properties"),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                told = (self.folder / "broker.log").read_text()[-2_000:]
                raise RuntimeError(f"the broker does not answer: {told}")
            time.sleep(0.05)

    def kill(self) -> None:
        """As by `kill -9`."""
        self.end(signal.SIGKILL)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Let it end, by force if need be."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _answers(self) -> bool:
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        try:
            return bool(admin.list_topics(timeout=1).brokers)
        except KafkaException:
            return False

    def _java(self, *arguments: str) -> list[str]:
        logging = "-Dlog4j2.configurationFile=log4j2.properties"
        return ["java", *_JVM, logging, "-cp", f"{self.lib}/*", *arguments]


def keep(owner_pid: int, run: Path, lib: Path) -> None:
    broker = _started(run, lib)
    try:
        draft = run / "address.new"
        draft.write_bytes(msgspec.json.encode(Broker(broker.address)))
        draft.rename(run / ADDRESS_FILE)
        _wait_for_end_of(owner_pid)
    finally:
        broker.end()


def _started(run: Path, lib: Path) -> BrokerProcess:
    for number in range(_TRIES):
        broker = BrokerProcess.prepared(run / f"broker-{number}", lib)
        try:
            broker.start()
        except RuntimeError:  # most likely somebody else has taken the port
            broker.end(signal.SIGKILL)
            if number == _TRIES - 1:
                raise
        else:
            return broker
    raise AssertionError("not reached")


def _wait_for_end_of(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            select.select([descriptor], [], [])
        finally:
            os.close(descriptor)


def _free_port() -> int:
    while True:
        port = SystemRandom().randint(20_000, 31_999)
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    try:
        keep(int(sys.argv[1]), folder, Path(sys.argv[3]))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
