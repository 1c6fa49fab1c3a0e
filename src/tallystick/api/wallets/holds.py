"""`/api/v1/holds`: money of a wallet set aside, then captured in parts, or given back."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import Body as BodyField
from fastapi import Query

from tallystick.api.calls import AnyCall, Call, MoneyCall
from tallystick.api.dated_places import dated_page, read_dated_cursor
from tallystick.api.field_errors import FieldError, InvalidFields
from tallystick.api.fields import WalletId
from tallystick.api.ids import path_id
from tallystick.api.instants import parse_instant
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Limit
from tallystick.api.strict_route import StrictRoutes
from tallystick.api.wallets.hold_views import (
    CaptureHold,
    HoldPage,
    HoldStatus,
    HoldView,
    PlaceHold,
    ReleaseHold,
)
from tallystick.api.wallets.wallets import terms_named
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.platform.ids import parse_typeid
from tallystick.wallets import Call as Wish
from tallystick.wallets import Held, HeldFor, HoldsWanted, HoldTerms

PATH: Final = "/api/v1/holds"
LASTS_BY_DEFAULT: Final = timedelta(days=7)
_LIST: Final = "holds"
_PAYEE_FIELDS: Final = {"to": "to_wallet_id"}


@dataclass(frozen=True, slots=True)
class HoldRoutes:
    """The handlers of holds."""

    app: App

    async def place_hold(self, body: PlaceHold, call: MoneyCall) -> HoldView:
        """Set money of a wallet aside. A merchant's key does so with its own wallets."""
        to, wish = _payee(body), _wish(call, "holds.place")
        if to.merchant_id is not None:
            await self.app.merchants.get_merchant(to.merchant_id)
        terms = HoldTerms(
            wallet_id=parse_typeid("wal", body.wallet_id),
            amount_minor=body.amount,
            currency=body.currency,
            expires_at=(
                parse_instant(body.expires_at)
                if body.expires_at
                else self.app.clock.now() + LASTS_BY_DEFAULT
            ),
            reference=body.reference,
        )
        with terms_named(_PAYEE_FIELDS):
            held = await self.app.holds.place(terms, to, wish)
        return _told(held, call)

    async def capture_hold(
        self, hold_id: str, call: MoneyCall, body: CaptureHold = BodyField(CaptureHold())
    ) -> HoldView:
        """Pay the payee all that is left, or a part. A merchant's key: what is held for it."""
        wish = _wish(call, "holds.capture")
        held = await self.app.holds.capture(_id(hold_id), body.amount, final=body.final, call=wish)
        return _told(held, call)

    async def release_hold(
        self, hold_id: str, call: MoneyCall, body: ReleaseHold = BodyField(ReleaseHold())
    ) -> HoldView:
        """Give back what remains. A merchant's key: what is held for it."""
        del body
        return _told(await self.app.holds.release(_id(hold_id), _wish(call, "holds.release")), call)

    async def get_hold(self, hold_id: str, call: AnyCall) -> HoldView:
        """A hold as it stands."""
        found = _id(hold_id)
        return HoldView.of(await self.app.holds.get(found, merchant_id=call.merchant_id))

    async def list_holds(
        self,
        call: AnyCall,
        *,
        wallet_id: Annotated[WalletId | None, Query(description="On this one.")] = None,
        status: Annotated[HoldStatus | None, Query()] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> HoldPage:
        """Holds, latest first; a merchant's key lists those on its wallets and those for it."""
        wanted = HoldsWanted(
            merchant_id=call.merchant_id,
            wallet_id=parse_typeid("wal", wallet_id) if wallet_id else None,
            status=status,
            after=read_dated_cursor(_LIST, cursor) if cursor is not None else None,
            limit=limit + 1,
        )
        found = await self.app.holds.list_holds(wanted)
        page, following = dated_page(_LIST, found, limit, lambda hold: (hold.placed_at, hold.id))
        return HoldPage(data=[HoldView.of(hold) for hold in page], next_cursor=following)


def add_hold_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/holds`."""
    handlers = HoldRoutes(app)
    one = f"{PATH}/{{hold_id}}"
    routes.get(PATH, handlers.list_holds, Permission.READ)
    routes.post(PATH, handlers.place_hold, Permission.PAY)
    routes.get(one, handlers.get_hold, Permission.READ)
    routes.post(f"{one}/capture", handlers.capture_hold, Permission.PAY, status=200)
    routes.post(f"{one}/release", handlers.release_hold, Permission.PAY, status=200)


def _payee(body: PlaceHold) -> HeldFor:
    wallet, merchant = body.to_wallet_id, body.to_merchant_id
    if (wallet is None) == (merchant is None):
        message = "Either to_wallet_id or to_merchant_id says who is paid"
        raise InvalidFields((FieldError("to_wallet_id", "invalid", message),))
    return HeldFor(
        parse_typeid("wal", wallet) if wallet else None,
        parse_typeid("mer", merchant) if merchant else None,
    )


def _id(text: str) -> UUID:
    return path_id("hld", text, "hold")


def _wish(call: Call, verb: str) -> Wish:
    return Wish(call.merchant_id, call.asked(verb), call.origin)


def _told(held: Held, call: Call) -> HoldView:
    call.tell(replayed=held.replayed)
    return HoldView.of(held.hold)
