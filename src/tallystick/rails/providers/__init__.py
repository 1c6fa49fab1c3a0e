"""Providers: one file each, the same verbs. Which file speaks to whom is data."""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from tallystick.rails.disputes import Acceptance, Dispute, Evidence, Seen
from tallystick.rails.model import (
    AuthorizeOrder,
    CaptureOrder,
    Outcome,
    RefundOrder,
    Route,
    Unanswered,
    VoidOrder,
)
from tallystick.rails.payouts import PayOutOrder, Returned
from tallystick.rails.providers.line import Line
from tallystick.rails.providers.sandbox import SandboxAcquirer


class Provider(Protocol):
    """What every provider can be asked. Never raises for what the other side does."""

    async def authorize(self, order: AuthorizeOrder) -> Outcome: ...
    async def capture(self, order: CaptureOrder) -> Outcome: ...
    async def void(self, order: VoidOrder) -> Outcome: ...
    async def refund(self, order: RefundOrder) -> Outcome: ...
    async def find(self, reference: str) -> Outcome: ...


class OwnRoute(Provider, Protocol):
    """A provider that is a room of the house, with the route it answers on."""

    @property
    def route(self) -> Route: ...


@runtime_checkable
class PaysOut(Protocol):
    """What a provider declares that can also pay somebody: `pays_out_to` are the methods."""

    @property
    def pays_out_to(self) -> frozenset[str]: ...
    async def pay_out(self, order: PayOutOrder) -> Outcome: ...
    async def find_payout(self, reference: str) -> Outcome | Returned: ...


class Disputes(Protocol):
    """What can be asked of a provider about its disputes."""

    async def list_after(self, place: int) -> tuple[Dispute, ...] | Unanswered: ...
    async def find(self, dispute_id: str) -> Seen: ...
    async def give_evidence(self, evidence: Evidence) -> Seen: ...
    async def accept(self, acceptance: Acceptance) -> Seen: ...


@runtime_checkable
class TellsDisputes(Protocol):
    """What a provider declares that tells of disputes."""

    @property
    def disputes(self) -> Disputes: ...


PROVIDERS: Mapping[str, Callable[[str, Line], Provider]] = {
    "hdfc_bank": SandboxAcquirer,
    "icici_bank": SandboxAcquirer,
}
"""Provider's name -> what speaks to it, made from that name and a line to it."""

__all__ = ["PROVIDERS", "Disputes", "Line", "OwnRoute", "PaysOut", "Provider", "TellsDisputes"]
