"""`/api/v1/exchanges`: made by operators between any two accounts, seen by whose accounts they are.

A merchant or user exchanges between wallets: `POST /api/v1/wallet-transfers` with a `quote_id`.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Query

from tallystick.api.calls import AnyCall, MoneyCall
from tallystick.api.dated_places import dated_page, read_dated_cursor
from tallystick.api.fields import AccountId
from tallystick.api.ids import NoSuchObject, path_id
from tallystick.api.ledger.exchange_views import ExchangePage, ExchangeView, MakeExchange
from tallystick.api.ledger.own_accounts import may_see_any, own_account_ids
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Limit
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.platform.ids import parse_typeid

PATH: Final = "/api/v1/exchanges"
_LIST: Final = "exchanges"


@dataclass(frozen=True, slots=True)
class ExchangeRoutes:
    """The handlers of exchanges."""

    app: App

    async def make_exchange(self, body: MakeExchange, call: MoneyCall) -> ExchangeView:
        """Exchange what was quoted, in one change or not at all. Operators only."""
        done = await self.app.exchange.exchanges.exchange(
            body.wish(),
            merchant_id=call.merchant_id,
            asked=call.asked("exchanges.make"),
            origin=call.origin,
        )
        call.tell(replayed=done.replayed)
        return ExchangeView.of(done.row)

    async def list_exchanges(
        self,
        call: AnyCall,
        account_id: Annotated[AccountId | None, Query(description="From or to this one.")] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> ExchangePage:
        """Exchanges from and to the caller's accounts, latest first, a page at a time."""
        accounts = await own_account_ids(call.principal, self.app.ledger)
        if account_id is not None:
            named = {parse_typeid("acc", account_id)}
            accounts = named if accounts is None else accounts & named
        after = read_dated_cursor(_LIST, cursor) if cursor else None
        # One more than asked for tells whether another page follows.
        found = await self.app.exchange.exchanges.list_exchanges(accounts, after, limit + 1)
        page, following = dated_page(_LIST, found, limit, lambda row: (row.created_at, row.id))
        return ExchangePage(data=[ExchangeView.of(row) for row in page], next_cursor=following)

    async def get_exchange(self, exchange_id: str, call: AnyCall) -> ExchangeView:
        """An exchange."""
        row = await self.app.exchange.exchanges.get_exchange(
            path_id("exg", exchange_id, "exchange")
        )
        if not await may_see_any(
            call.principal, self.app.ledger, row.debit_account_id, row.credit_account_id
        ):
            raise NoSuchObject("exchange")
        return ExchangeView.of(row)


def add_exchange_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/exchanges`."""
    handlers = ExchangeRoutes(app)
    routes.post(PATH, handlers.make_exchange, Permission.OPERATE)
    routes.get(PATH, handlers.list_exchanges, Permission.READ)
    routes.get(f"{PATH}/{{exchange_id}}", handlers.get_exchange, Permission.READ)
