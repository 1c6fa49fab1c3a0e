"""The show: customers come, the screen follows them, and at the end the books are proven."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from tallystick.cli.failures import REFUSED
from tallystick.cli.running.stopping import Stop, first_ended
from tallystick.cli.running.supervisor import Platform
from tallystick.cli.showing.screen import Screen
from tallystick.cli.showing.stage import Stage
from tallystick.cli.showing.traffic import Traffic
from tallystick.cli.showing.welcome import welcome
from tallystick.cli.terminal import Format, as_json, say

PROOF_S: Final = 60.0


@dataclass(frozen=True)
class Show:
    """One run of `up`, from the welcome to the proof."""

    stage: Stage
    platform: Platform
    stop: Stop
    began_s: float  # monotonic
    output: Format | None

    async def play(self, pace: float, seed: int) -> int:
        """Until somebody asks to stop; the exit code. `pace` is customers a second, 0 for none."""
        self._welcome()
        traffic = Traffic(self.stage.api, self.stage.webhook, seed)
        traffic.tally.on_trouble = self.platform.crew.tell
        screen = Screen(self.stage.app, self.platform, traffic.tally, self.began_s, self.output)
        with self.stop.gently():
            await first_ended(
                self.stop.asked.wait(),
                self.platform.database_ended.wait(),
                traffic.trickle(pace) if pace else asyncio.Event().wait(),
                screen.keep(),
            )
        if self.platform.database_ended.is_set():
            self._tell("PostgreSQL ended by itself: see postgres.log beside its data")
            return REFUSED
        return await self._prove()

    def _welcome(self) -> None:
        told = welcome(
            self.stage.api.base_url,
            str(self.stage.home),
            self.stage.credentials,
            self.stage.webhook,
            datetime.now(UTC),
        )
        if as_json(self.output):
            say(msgspec.json.encode(told).decode())  # each line is one document, as the figures
            return
        for line in ("", *told.lines(), ""):
            say(line)

    async def _prove(self) -> int:
        self._tell("proving the books (Ctrl-C again skips this) ...")
        try:
            proof = await asyncio.wait_for(self.stage.app.prove(), PROOF_S)
        except TimeoutError:
            self._tell(f"not proven within {PROOF_S:.0f} s: run tallystick books prove")
            return 0
        red = [check.name for check in proof.checks if not check.green]
        if red:
            self._tell(f"THE BOOKS ARE NOT PROVEN: {', '.join(red)}; see tallystick books prove")
            return REFUSED
        took_s = proof.duration_ms / 1000
        self._tell(f"books proven: {len(proof.checks)} checks green in {took_s:.1f} s")
        return 0

    def _tell(self, text: str) -> None:
        if not as_json(self.output):
            say(text)
