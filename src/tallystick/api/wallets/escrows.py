"""`/api/v1/escrows`: money that waits between a buyer and those he pays."""

from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import Body as BodyField
from fastapi import Query

from tallystick.api.auth import PermissionDenied
from tallystick.api.calls import AnyCall, Call, MoneyCall
from tallystick.api.dated_places import dated_page, read_dated_cursor
from tallystick.api.ids import path_id
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Limit
from tallystick.api.strict_route import Endpoint, StrictRoutes
from tallystick.api.wallets.escrow_bodies import (
    CancelEscrow,
    DisputeEscrow,
    FundEscrow,
    OpenEscrow,
    ReleaseEscrow,
    ResolveEscrow,
    ReturnEscrow,
    WithdrawDispute,
)
from tallystick.api.wallets.escrow_views import (
    EscrowEventList,
    EscrowEventView,
    EscrowPage,
    EscrowStatus,
    EscrowView,
)
from tallystick.api.wallets.wallets import terms_named
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.wallets import Call as Wish
from tallystick.wallets import escrows

PATH: Final = "/api/v1/escrows"
_LIST: Final = "escrows"
_FIELDS: Final = {"arbiter": "arbiter_id"}


@dataclass(frozen=True, slots=True)
class EscrowRoutes:
    """The handlers of escrows."""

    app: App

    async def open_escrow(self, body: OpenEscrow, call: MoneyCall) -> EscrowView:
        """Open an escrow with an account of its own. A merchant's key: one it takes part in."""
        if body.fee is not None and call.merchant_id is not None:
            raise PermissionDenied("only an operator sets the platform's fee")
        terms, wish = body.wish(), _wish(call, "escrows.open")
        if terms.arbiter_id is not None:
            await self.app.merchants.get_merchant(terms.arbiter_id)
        with terms_named(_FIELDS):
            shown = await self.app.escrows.open(terms, wish)
        return _told(shown, call)

    async def fund_escrow(
        self, escrow_id: str, call: MoneyCall, body: FundEscrow = BodyField(FundEscrow())
    ) -> EscrowView:
        """Pay in all that is missing, or a part. For the buyer."""
        wish = _wish(call, "escrows.fund")
        return _told(await self.app.escrows.fund(_id(escrow_id), body.amount, wish), call)

    async def release_escrow(
        self, escrow_id: str, call: MoneyCall, body: ReleaseEscrow = BodyField(ReleaseEscrow())
    ) -> EscrowView:
        """Pay the recipients: all that is held, an amount, or a part by name. For the buyer."""
        wish = _wish(call, "escrows.release")
        with terms_named(_FIELDS):
            shown = await self.app.escrows.release(
                _id(escrow_id), body.amount, part=body.part, call=wish
            )
        return _told(shown, call)

    async def return_escrow(
        self, escrow_id: str, call: MoneyCall, body: ReturnEscrow = BodyField(ReturnEscrow())
    ) -> EscrowView:
        """Give the buyer back all that is held, or a part. For the one recipient."""
        wish = _wish(call, "escrows.return")
        return _told(await self.app.escrows.give_back(_id(escrow_id), body.amount, wish), call)

    async def cancel_escrow(
        self, escrow_id: str, call: MoneyCall, body: CancelEscrow = BodyField(CancelEscrow())
    ) -> EscrowView:
        """Give it up before all of it was funded; what came in goes back. For every party."""
        del body
        wish = _wish(call, "escrows.cancel")
        return _told(await self.app.escrows.cancel(_id(escrow_id), wish), call)

    async def dispute_escrow(
        self, escrow_id: str, call: MoneyCall, body: DisputeEscrow = BodyField(DisputeEscrow())
    ) -> EscrowView:
        """Let nothing move until the arbiter has spoken. For every party."""
        wish = _wish(call, "escrows.dispute")
        return _told(await self.app.escrows.dispute(_id(escrow_id), body.reason, wish), call)

    async def withdraw_escrow_dispute(
        self, escrow_id: str, call: MoneyCall, body: WithdrawDispute = BodyField(WithdrawDispute())
    ) -> EscrowView:
        """End the dispute without a decision. For the arbiter."""
        del body
        wish = _wish(call, "escrows.withdraw_dispute")
        return _told(await self.app.escrows.withdraw_dispute(_id(escrow_id), wish), call)

    async def resolve_escrow(
        self, escrow_id: str, body: ResolveEscrow, call: MoneyCall
    ) -> EscrowView:
        """Divide what is held between recipients and buyer, and end it. For the arbiter."""
        ruling = escrows.Ruling(body.release, tuple(body.shares) if body.shares else None)
        wish = _wish(call, "escrows.resolve")
        with terms_named(_FIELDS):
            shown = await self.app.escrows.resolve(_id(escrow_id), ruling, body.reason, wish)
        return _told(shown, call)

    async def get_escrow(self, escrow_id: str, call: AnyCall) -> EscrowView:
        """An escrow as it stands."""
        own = call.merchant_id
        return EscrowView.of(await self.app.escrows.get(_id(escrow_id), merchant_id=own))

    async def list_escrow_events(self, escrow_id: str, call: AnyCall) -> EscrowEventList:
        """All that ever happened to an escrow, oldest first."""
        own = call.merchant_id
        facts = await self.app.escrows.list_facts(_id(escrow_id), merchant_id=own)
        return EscrowEventList(data=[EscrowEventView.of(fact) for fact in facts])

    async def list_escrows(
        self,
        call: AnyCall,
        *,
        status: Annotated[EscrowStatus | None, Query()] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> EscrowPage:
        """Escrows, latest first; a merchant's key lists those it takes part in."""
        wanted = escrows.EscrowsWanted(
            party_id=call.merchant_id,
            status=status,
            after=read_dated_cursor(_LIST, cursor) if cursor is not None else None,
            limit=limit + 1,
        )
        found = await self.app.escrows.list_escrows(wanted)
        page, following = dated_page(_LIST, found, limit, lambda s: (s.row.opened_at, s.row.id))
        return EscrowPage(data=[EscrowView.of(shown) for shown in page], next_cursor=following)


def add_escrow_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/escrows`."""
    handlers = EscrowRoutes(app)
    one = f"{PATH}/{{escrow_id}}"
    routes.get(PATH, handlers.list_escrows, Permission.READ)
    routes.post(PATH, handlers.open_escrow, Permission.PAY)
    routes.get(one, handlers.get_escrow, Permission.READ)
    routes.get(f"{one}/events", handlers.list_escrow_events, Permission.READ)
    verbs: dict[str, Endpoint] = {
        "fund": handlers.fund_escrow,
        "release": handlers.release_escrow,
        "return": handlers.return_escrow,
        "cancel": handlers.cancel_escrow,
        "dispute": handlers.dispute_escrow,
        "withdraw-dispute": handlers.withdraw_escrow_dispute,
        "resolve": handlers.resolve_escrow,
    }
    for verb, handler in verbs.items():
        routes.post(f"{one}/{verb}", handler, Permission.PAY, status=200)


def _id(text: str) -> UUID:
    return path_id("esc", text, "escrow")


def _wish(call: Call, verb: str) -> Wish:
    return Wish(call.merchant_id, call.asked(verb), call.origin)


def _told(shown: escrows.EscrowShown, call: Call) -> EscrowView:
    call.tell(replayed=shown.replayed)
    return EscrowView.of(shown)
