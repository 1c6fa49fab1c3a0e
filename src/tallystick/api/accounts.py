"""`/api/v1/accounts`: opened by operators, read by whom they belong to."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Query

from tallystick.api.account_views import (
    AccountView,
    EntryPage,
    EntryView,
    OpenAccount,
    TermsView,
)
from tallystick.api.calls import AnyCall, MoneyCall
from tallystick.api.ids import NoSuchObject, path_id
from tallystick.api.pages import (
    CURSOR_LENGTH_MAX,
    PAGE_DEFAULT,
    PAGE_MAX,
    InvalidCursor,
    read_cursor,
    write_cursor,
)
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.books import PLATFORM, account_id
from tallystick.identity import Permission, Principal
from tallystick.ledger import Open
from tallystick.platform.ids import parse_typeid, typeid

PATH: Final = "/api/v1/accounts"


@dataclass(frozen=True, slots=True)
class AccountRoutes:
    """The handlers of accounts."""

    app: App

    async def open_account(self, body: OpenAccount, call: MoneyCall) -> TermsView:
        """Open an account by its code. Operators only.

        Its id follows from its owner and its code.
        """
        owner = parse_typeid("mer", body.owner) if body.owner else PLATFORM
        if owner != PLATFORM:
            await self.app.merchants.get_merchant(owner)
        order = Open(
            account_id(owner, body.code),
            body.code,
            body.currency,
            body.normal_side,
            body.overdraft_limit,
        )
        asked = call.asked("accounts.open")
        terms = await self.app.accounts.open(order, asked=asked, origin=call.origin)
        call.tell(replayed=terms.replayed)
        return TermsView.of(terms)

    async def get_account(self, account_id: str, call: AnyCall) -> AccountView:
        """An account with its balances."""
        return AccountView.of(await self._visible(account_id, call.principal))

    async def list_entries(
        self,
        account_id: str,
        call: AnyCall,
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT,
        cursor: Annotated[str | None, Query(max_length=CURSOR_LENGTH_MAX)] = None,
    ) -> EntryPage:
        """The account's lines, oldest first, a page at a time."""
        account = await self._visible(account_id, call.principal)
        name = f"entries of {account.code}"
        after = _version(read_cursor(name, cursor)) if cursor is not None else 0
        # One more than asked for tells whether another page follows.
        found = await self.app.ledger.list_entries(account.id, after, limit + 1)
        page = found[:limit]
        more = len(found) > limit
        return EntryPage(
            data=[EntryView.of(entry) for entry in page],
            next_cursor=write_cursor(name, str(page[-1].account_version)) if more else None,
        )

    async def _visible(self, text: str, principal: Principal) -> Any:
        account = await self.app.ledger.find_account(path_id("acc", text, "account"))
        if account is None or not _may_see(principal, account.code):
            raise NoSuchObject("account")
        return account


def add_account_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/accounts`."""
    handlers = AccountRoutes(app)
    routes.post(PATH, handlers.open_account, Permission.OPERATE)
    routes.get(f"{PATH}/{{account_id}}", handlers.get_account, Permission.READ)
    routes.get(f"{PATH}/{{account_id}}/entries", handlers.list_entries, Permission.READ)


def _may_see(principal: Principal, code: str) -> bool:
    """A merchant's accounts carry its id in their code; a merchant sees those and no others."""
    merchant_id = principal.merchant_id
    return merchant_id is None or code.startswith(f"merchant:{typeid('mer', merchant_id)}:")


def _version(place: str) -> int:
    if not (place.isascii() and place.isdigit() and len(place) < 19):
        raise InvalidCursor("this is not a cursor")
    return int(place)
