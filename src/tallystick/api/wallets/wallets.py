"""`/api/v1/wallets` and `/api/v1/wallet-tiers`: money people keep with us, and its limits."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import Body as BodyField
from fastapi import Header, Query
from starlette.responses import Response

from tallystick.api.auth import PermissionDenied
from tallystick.api.calls import AnyCall, Call, MoneyCall
from tallystick.api.dated_places import dated_page, read_dated_cursor
from tallystick.api.field_errors import FieldError, InvalidFields
from tallystick.api.ids import path_id
from tallystick.api.pages import (
    PAGE_DEFAULT,
    Cursor,
    InvalidCursor,
    Limit,
    read_cursor,
    write_cursor,
)
from tallystick.api.strict_route import StrictRoutes
from tallystick.api.wallets.wallet_views import (
    AssignTier,
    CloseWallet,
    FreezeWallet,
    OpenWallet,
    SetTier,
    TierList,
    TierView,
    TransactionPage,
    TransactionView,
    UnfreezeWallet,
    WalletOwner,
    WalletPage,
    WalletView,
    owner_of,
)
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.wallets import Call as Wish
from tallystick.wallets import Invalid, Seen, Tier

PATH: Final = "/api/v1/wallets"
TIERS_PATH: Final = "/api/v1/wallet-tiers"
_LIST: Final = "wallets"
STALE: Final = 412

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=r'^"[0-9]{1,18}"$',
        description="The ETag of the wallet as you saw it; 412 when anything has happened since.",
        examples=['"17"'],
    ),
]


@dataclass(frozen=True, slots=True)
class WalletRoutes:
    """The handlers of wallets and tiers."""

    app: App

    # Looking ------------------------------------------------------------------------------------

    async def get_wallet(self, wallet_id: str, call: AnyCall, response: Response) -> WalletView:
        """A wallet with its balances; the ETag is its version."""
        return _view(await self._seen(wallet_id, call), response)

    async def list_wallets(
        self,
        call: AnyCall,
        *,
        owner_id: Annotated[WalletOwner | None, Query()] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> WalletPage:
        """Wallets, latest first; those of one owner, and a merchant's key lists its own."""
        own = call.merchant_id
        wanted = owner_of(owner_id)[0] if owner_id else own
        if own is not None and wanted != own:
            return WalletPage(data=[], next_cursor=None)  # another's, which are not there
        after = read_dated_cursor(_LIST, cursor) if cursor is not None else None
        found = await self.app.wallets.list_wallets(wanted, after, limit + 1)
        page, following = dated_page(
            _LIST, found, limit, lambda s: (s.wallet.opened_at, s.wallet.id)
        )
        return WalletPage(data=[WalletView.of(seen) for seen in page], next_cursor=following)

    async def list_wallet_transactions(
        self,
        wallet_id: str,
        call: AnyCall,
        *,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> TransactionPage:
        """What moved into and out of a wallet, the newest first: the lines of its account."""
        found = (await self._seen(wallet_id, call)).wallet.id
        name = f"{_LIST}/{found.hex}"
        before = _line(read_cursor(name, cursor)) if cursor is not None else None
        page = await self.app.wallets.list_transactions(found, before, limit)
        place = None if page.next_line is None else str(page.next_line)
        return TransactionPage(
            data=[TransactionView.of(found, row) for row in page.rows],
            next_cursor=write_cursor(name, place) if place else None,
        )

    # Opening and upkeep -------------------------------------------------------------------------

    async def open_wallet(
        self, body: OpenWallet, call: MoneyCall, response: Response
    ) -> WalletView:
        """Open a wallet: one an owner and currency. A merchant opens its own."""
        asked = call.asked("wallets.open")  # what is refused from here on is remembered
        owner_id, owner_kind = await self._owner(body, call)
        seen = await self.app.wallets.open(
            owner_id,
            body.currency,
            owner_kind=owner_kind,
            tier=body.tier,
            call=Wish(asked=asked, origin=call.origin),
        )
        return _told(seen, call, response)

    async def freeze_wallet(
        self,
        wallet_id: str,
        call: MoneyCall,
        response: Response,
        if_match: IfMatch = None,
        body: FreezeWallet = BodyField(FreezeWallet()),
    ) -> WalletView:
        """Let nothing leave the wallet, or nothing move at all. Operators only."""
        wish = _wish(call, "wallets.freeze", if_match)
        seen = await self.app.wallets.freeze(_id(wallet_id), body.stops, wish)
        return _told(seen, call, response)

    async def unfreeze_wallet(
        self,
        wallet_id: str,
        call: MoneyCall,
        response: Response,
        if_match: IfMatch = None,
        body: UnfreezeWallet = BodyField(UnfreezeWallet()),
    ) -> WalletView:
        """Let money move again. Operators only."""
        del body
        wish = _wish(call, "wallets.unfreeze", if_match)
        return _told(await self.app.wallets.unfreeze(_id(wallet_id), wish), call, response)

    async def close_wallet(
        self,
        wallet_id: str,
        call: MoneyCall,
        response: Response,
        if_match: IfMatch = None,
        body: CloseWallet = BodyField(CloseWallet()),
    ) -> WalletView:
        """Close an empty wallet for good. Operators only."""
        del body
        wish = _wish(call, "wallets.close", if_match)
        return _told(await self.app.wallets.close(_id(wallet_id), wish), call, response)

    async def assign_wallet_tier(
        self,
        wallet_id: str,
        body: AssignTier,
        call: MoneyCall,
        response: Response,
        if_match: IfMatch = None,
    ) -> WalletView:
        """Let another tier's limits hold. Operators only."""
        wish = _wish(call, "wallets.tier", if_match)
        seen = await self.app.wallets.assign_tier(_id(wallet_id), body.tier, wish)
        return _told(seen, call, response)

    # Tiers --------------------------------------------------------------------------------------

    async def list_wallet_tiers(self, call: AnyCall) -> TierList:
        """All tiers and their limits, by name and currency."""
        del call
        found = await self.app.wallets.tiers.list_tiers()
        return TierList(data=[TierView.of(tier) for tier in found])

    async def set_wallet_tier(self, body: SetTier, call: MoneyCall) -> TierView:
        """Set a tier's limits in one currency, from the next move on. Operators only."""
        tier = Tier(body.name, body.currency, body.daily, body.monthly, body.balance)
        with terms_named({}):
            done = await self.app.wallets.tiers.set(
                tier, asked=call.asked("wallet_tiers.set"), origin=call.origin
            )
        call.tell(replayed=done.replayed)
        return TierView.of(done.tier)

    async def _seen(self, wallet_id: str, call: Call) -> Seen:
        return await self.app.wallets.get(_id(wallet_id), merchant_id=call.merchant_id)

    async def _owner(self, body: OpenWallet, call: Call) -> tuple[UUID, str]:
        own = call.merchant_id
        if own is None:
            if body.owner_id is None:
                raise InvalidFields((FieldError("owner_id", "required", "Whose wallet?"),))
            owner_id, owner_kind = owner_of(body.owner_id)
            if owner_kind == "merchant":
                await self.app.merchants.get_merchant(owner_id)
            return owner_id, owner_kind
        if body.owner_id is not None and owner_of(body.owner_id) != (own, "merchant"):
            raise PermissionDenied("a merchant opens wallets of its own")
        if body.tier is not None:
            raise PermissionDenied("only an operator chooses a tier")
        return own, "merchant"


def add_wallet_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/wallets` and `/api/v1/wallet-tiers`."""
    handlers = WalletRoutes(app)
    one = f"{PATH}/{{wallet_id}}"
    routes.get(PATH, handlers.list_wallets, Permission.READ)
    routes.post(PATH, handlers.open_wallet, Permission.PAY)
    routes.get(one, handlers.get_wallet, Permission.READ)
    routes.get(f"{one}/transactions", handlers.list_wallet_transactions, Permission.READ)
    for verb, handler in (
        ("freeze", handlers.freeze_wallet),
        ("unfreeze", handlers.unfreeze_wallet),
        ("close", handlers.close_wallet),
        ("tier", handlers.assign_wallet_tier),
    ):
        routes.post(f"{one}/{verb}", handler, Permission.OPERATE, status=200, also=(STALE,))
    routes.get(TIERS_PATH, handlers.list_wallet_tiers, Permission.READ)
    routes.post(TIERS_PATH, handlers.set_wallet_tier, Permission.OPERATE, status=200)


@contextmanager
def terms_named(names: dict[str, str]) -> Iterator[None]:
    """What cannot be a term is told as a wrong field is, in the words of the door."""
    try:
        yield
    except Invalid as error:
        field = names.get(error.field, error.field.removesuffix("_minor"))
        raise InvalidFields((FieldError(field, "invalid", error.detail),)) from None


def _id(text: str) -> UUID:
    return path_id("wal", text, "wallet")


def _wish(call: Call, verb: str, if_match: str | None) -> Wish:
    version = int(if_match.strip('"')) if if_match else None
    return Wish(call.merchant_id, call.asked(verb), call.origin, version)


def _line(place: str) -> int:
    try:
        return int(place)
    except ValueError:
        raise InvalidCursor("this is not a cursor") from None


def _told(seen: Seen, call: Call, response: Response) -> WalletView:
    call.tell(replayed=seen.replayed)
    return _view(seen, response)


def _view(seen: Seen, response: Response) -> WalletView:
    response.headers["ETag"] = f'"{seen.version}"'
    return WalletView.of(seen)
