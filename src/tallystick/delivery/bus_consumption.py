"""One consumer at work on Kafka. A message names a fact; what the fact says is read in the log,
so that nobody moves money by writing to a topic.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from confluent_kafka import Message as KafkaMessage

from tallystick.delivery import store
from tallystick.delivery.deliveries import Deliveries
from tallystick.delivery.kafka import Subscription
from tallystick.delivery.messages import named_fact
from tallystick.delivery.metrics import delivery_metrics
from tallystick.delivery.notebook import Notebook
from tallystick.journal import Told
from tallystick.platform.crash import crash_point
from tallystick.platform.telemetry import get_logger

BATCH: Final = 1_000
WAIT_S: Final = 0.2
_log = get_logger("tallystick.kafka")


@dataclass
class BusConsumption:
    """Reads for one consumer as a member of its group."""

    deliveries: Deliveries
    notebook: Notebook
    subscription: Subscription
    _unfinished: Sequence[KafkaMessage] = field(default_factory=list)

    async def run_once(self) -> int:
        """One batch of messages; 1 when there was one.

        Raises BusDown, Overloaded, and what the journal says when it cannot record now; then the
        next round delivers the same messages, or Kafka brings them again.
        """
        self._unfinished = self._unfinished or await self.subscription.read(BATCH, WAIT_S)
        if not self._unfinished:
            return 0
        letters = await self.deliveries.deliver(await self._facts(self._unfinished))
        if letters:
            async with self.notebook.writing() as connection:
                await store.write_letters(connection, letters)
        crash_point("consumer.before_commit")
        # Let go of first: a member that lost its partitions can never commit these, and only
        # reading on lets it join again. What is not committed comes again, and is found done.
        done, self._unfinished = self._unfinished, []
        await self.subscription.commit(done)
        return 1

    async def _facts(self, messages: Sequence[KafkaMessage]) -> list[Told]:
        """The facts behind the messages, each once, in the order of the messages."""
        names = [named_fact(message.headers()) for message in messages]
        told = await self.deliveries.journal.facts_named({name for name in names if name})
        by_name = {(fact.aggregate_id, fact.version): fact for fact in told}
        wanted = dict.fromkeys(names)
        strangers = [name for name in wanted if name is None or name not in by_name]
        if strangers:
            delivery_metrics().count_strangers(len(strangers))
            _log.warning("strange_messages", count=len(strangers))
        kinds = self.deliveries.consumer.kinds
        facts = [by_name[name] for name in wanted if name in by_name]
        return [fact for fact in facts if fact.kind in kinds]
