"""A house to deliver in: recorded payments as facts without postings, and who reads them."""

import os
import uuid
from collections.abc import AsyncIterator

import pytest

from tallystick.app import App, open_app
from tallystick.delivery.kafka import make_topics
from tallystick.delivery.topics import Topics
from tallystick.intake import ensure_partitions
from tallystick.platform.clock import HandClock
from tallystick.platform.postgres.address import Address
from tallystick.platform.settings import Settings
from tests.delivery.senders import Senders
from tests.servers.kafka_keeper import Broker
from tests.servers.kafka_server import find_broker

_RUN_ID = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """No bank is asked here; recorded payments are posted by their consumer."""
    return settings.model_copy(update={"sandbox_port": 9, "intake_posting": "consumer"})


@pytest.fixture
async def app(
    settings: Settings, address: Address, owner_address: Address, clock: HandClock
) -> AsyncIterator[App]:
    await ensure_partitions(owner_address, clock.now())
    async with open_app(settings, address=address, clock=clock) as app:
        yield app


@pytest.fixture
def senders(app: App, owner_address: Address) -> Senders:
    """Those who report payments."""
    return Senders(app, owner_address)


@pytest.fixture(scope="session")
def broker() -> Broker:
    """The run's Kafka broker."""
    return find_broker(_RUN_ID)


@pytest.fixture
async def bus_settings(settings: Settings, broker: Broker) -> Settings:
    """The same house with Kafka, and topics of this test's own."""
    chosen = settings.model_copy(
        update={
            "kafka_enabled": True,
            "kafka_brokers": broker.address,
            "kafka_topic_prefix": f"t{uuid.uuid4().hex[:12]}.",
        }
    )
    await make_topics(chosen, Topics.configured(chosen).all, partitions=3)
    return chosen
