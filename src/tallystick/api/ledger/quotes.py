"""`/api/v1/quotes`: what an exchange would make, promised for a short time and for one use."""

from dataclasses import dataclass
from typing import Final

from tallystick.api.calls import AnyCall, MoneyCall
from tallystick.api.ids import path_id
from tallystick.api.ledger.exchange_views import AskQuote, QuoteView
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission

PATH: Final = "/api/v1/quotes"


@dataclass(frozen=True, slots=True)
class QuoteRoutes:
    """The handlers of quotes."""

    app: App

    async def ask_quote(self, body: AskQuote, call: MoneyCall) -> QuoteView:
        """Be promised an exchange at the rate of now, for `QUOTE_TTL_S` seconds and one use.

        Whoever exchanges gets the whole units below the exact amount, or pays those above it.
        """
        done = await self.app.exchange.quotes.quote(
            body.wish(),
            merchant_id=call.merchant_id,
            asked=call.asked("quotes.ask"),
            origin=call.origin,
        )
        call.tell(replayed=done.replayed)
        return QuoteView.of(done.row, self.app.clock.now())

    async def get_quote(self, quote_id: str, call: AnyCall) -> QuoteView:
        """A quote, and whether it still stands. A merchant sees its own."""
        row = await self.app.exchange.quotes.get_quote(
            path_id("quo", quote_id, "quote"), merchant_id=call.merchant_id
        )
        return QuoteView.of(row, self.app.clock.now())


def add_quote_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/quotes`."""
    handlers = QuoteRoutes(app)
    routes.post(PATH, handlers.ask_quote, Permission.PAY)
    routes.get(f"{PATH}/{{quote_id}}", handlers.get_quote, Permission.READ)
