"""`/api/v1/exchange-rates`: set by operators, seen by everybody, followed and never altered."""

from dataclasses import dataclass
from typing import Final

from tallystick.api.calls import AnyCall, MoneyCall
from tallystick.api.dated_places import dated_page, read_dated_cursor
from tallystick.api.fields import CurrencyCode
from tallystick.api.ledger.exchange_views import ExchangeRatePage, ExchangeRateView, SetExchangeRate
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Limit
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission

PATH: Final = "/api/v1/exchange-rates"
_LIST: Final = "exchange rates"


@dataclass(frozen=True, slots=True)
class ExchangeRateRoutes:
    """The handlers of rates."""

    app: App

    async def set_exchange_rate(self, body: SetExchangeRate, call: MoneyCall) -> ExchangeRateView:
        """Let a rate hold from an instant on. Operators only.

        Quotes that were given keep theirs. It serves the other direction too, as long as none is
        set for that one.
        """
        done = await self.app.exchange.rates.set(
            body.wish(), asked=call.asked("exchange_rates.set"), origin=call.origin
        )
        call.tell(replayed=done.replayed)
        return ExchangeRateView.of(done.row)

    async def list_exchange_rates(
        self,
        _call: AnyCall,
        from_currency: CurrencyCode | None = None,
        to_currency: CurrencyCode | None = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> ExchangeRatePage:
        """All rates that were ever set, the latest first, a page at a time."""
        after = read_dated_cursor(_LIST, cursor) if cursor else None
        # One more than asked for tells whether another page follows.
        found = await self.app.exchange.rates.list_rates(
            from_currency, to_currency, after, limit + 1
        )
        page, following = dated_page(_LIST, found, limit, lambda row: (row.set_at, row.id))
        data = [ExchangeRateView.of(row) for row in page]
        return ExchangeRatePage(data=data, next_cursor=following)


def add_exchange_rate_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/exchange-rates`."""
    handlers = ExchangeRateRoutes(app)
    routes.post(PATH, handlers.set_exchange_rate, Permission.OPERATE)
    routes.get(PATH, handlers.list_exchange_rates, Permission.READ)
