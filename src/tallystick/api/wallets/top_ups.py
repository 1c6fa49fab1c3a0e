"""`/api/v1/top-ups`: what payments put into wallets. They follow from captures; here one looks."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Query

from tallystick.api.calls import AnyCall
from tallystick.api.dated_places import dated_page, read_dated_cursor
from tallystick.api.fields import PaymentId, WalletId
from tallystick.api.ids import path_id
from tallystick.api.ledger.own_accounts import own_account_ids
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Limit
from tallystick.api.strict_route import StrictRoutes
from tallystick.api.wallets.top_up_views import TopUpPage, TopUpStatus, TopUpView
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.platform.ids import parse_typeid
from tallystick.wallets import topups

PATH: Final = "/api/v1/top-ups"
_LIST: Final = "top-ups"


@dataclass(frozen=True, slots=True)
class TopUpRoutes:
    """The handlers of top-ups."""

    app: App

    async def list_top_ups(
        self,
        call: AnyCall,
        *,
        wallet_id: Annotated[WalletId | None, Query(description="Into this one.")] = None,
        payment_id: Annotated[PaymentId | None, Query(description="Of this one.")] = None,
        status: Annotated[TopUpStatus | None, Query()] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> TopUpPage:
        """Top-ups, latest first; a merchant's key lists those from its payments or into its
        wallets.
        """
        wanted = topups.TopUpsWanted(
            account_ids=await own_account_ids(call.principal, self.app.ledger),
            wallet_id=parse_typeid("wal", wallet_id) if wallet_id else None,
            payment_id=parse_typeid("pay", payment_id) if payment_id else None,
            status=status,
            after=read_dated_cursor(_LIST, cursor) if cursor is not None else None,
            limit=limit + 1,
        )
        found = await self.app.top_ups.list_top_ups(wanted)
        page, following = dated_page(_LIST, found, limit, lambda row: (row.created_at, row.id))
        return TopUpPage(data=[TopUpView.of(row) for row in page], next_cursor=following)

    async def get_top_up(self, top_up_id: str, call: AnyCall) -> TopUpView:
        """A top-up as it stands."""
        found = path_id("top", top_up_id, "top_up")
        accounts = await own_account_ids(call.principal, self.app.ledger)
        return TopUpView.of(await self.app.top_ups.get(found, account_ids=accounts))


def add_top_up_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/top-ups`."""
    handlers = TopUpRoutes(app)
    routes.get(PATH, handlers.list_top_ups, Permission.READ)
    routes.get(f"{PATH}/{{top_up_id}}", handlers.get_top_up, Permission.READ)
