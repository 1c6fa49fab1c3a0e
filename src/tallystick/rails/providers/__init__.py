"""Providers: one file each, the same verbs. Which file speaks to whom is data."""

from collections.abc import Callable, Mapping
from typing import Protocol, runtime_checkable

from tallystick.rails.model import (
    AuthorizeOrder,
    CaptureOrder,
    Outcome,
    RefundOrder,
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


@runtime_checkable
class PaysOut(Protocol):
    """What a provider declares that can also pay somebody: `pays_out_to` are the methods."""

    @property
    def pays_out_to(self) -> frozenset[str]: ...
    async def pay_out(self, order: PayOutOrder) -> Outcome: ...
    async def find_payout(self, reference: str) -> Outcome | Returned: ...


PROVIDERS: Mapping[str, Callable[[str, Line], Provider]] = {
    "hdfc_bank": SandboxAcquirer,
    "icici_bank": SandboxAcquirer,
}
"""Provider's name -> what speaks to it, made from that name and a line to it."""
