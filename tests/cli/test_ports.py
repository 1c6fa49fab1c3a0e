"""Ports: taken ones are found out before anything starts, and the way out is said."""

import pytest

from tallystick.cli.running.ports import PortTaken, find_free_port, listen, url_of
from tallystick.platform.postgres.postmaster import free_port


def test_a_taken_port_names_another_one() -> None:
    port = free_port()
    with listen("127.0.0.1", port), pytest.raises(PortTaken) as taken:
        listen("127.0.0.1", port)

    assert f"port {port} on 127.0.0.1" in str(taken.value)
    assert "PORT=" in str(taken.value)


def test_a_host_that_is_not_ours_is_said_the_same_way() -> None:
    with pytest.raises(PortTaken, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 80)


def test_the_next_free_port_is_found() -> None:
    port = free_port()
    with listen("127.0.0.1", port):
        found = find_free_port("127.0.0.1", port)

    assert found is not None
    assert found > port


@pytest.mark.parametrize(
    ("host", "reached_by"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")]
)
def test_an_address_for_everybody_is_reached_by_loopback(host: str, reached_by: str) -> None:
    with listen(host, 0) as listener:
        assert url_of(listener, host) == f"http://{reached_by}:{listener.getsockname()[1]}"
