"""`/api/v1/accounts`: opened and altered by operators, read by whom they belong to."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Body as BodyField
from fastapi import Query

from tallystick.api.calls import AnyCall, Call, MoneyCall
from tallystick.api.fields import CurrencyCode
from tallystick.api.ids import NoSuchObject, path_id
from tallystick.api.ledger.account_bodies import (
    CloseAccount,
    DescribeAccount,
    FreezeAccount,
    LimitAccount,
    OpenAccount,
    OpenAccounts,
    ThawAccount,
)
from tallystick.api.ledger.account_views import (
    AccountDetail,
    AccountPage,
    AccountVerdict,
    AccountVerdicts,
    AccountView,
    MetadataView,
    TermsView,
)
from tallystick.api.ledger.own_accounts import may_see
from tallystick.api.owners import OwnerName, owner_named
from tallystick.api.pages import PAGE_DEFAULT, Cursor, read_cursor, write_cursor
from tallystick.api.pages import Limit as PageLimit
from tallystick.api.problems import problem_of
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.books import PLATFORM
from tallystick.identity import Permission, Principal
from tallystick.journal import Asked, JournalError
from tallystick.ledger import Chosen, Close, Freeze, Limit
from tallystick.platform.ids import parse_typeid, typeid

PATH: Final = "/api/v1/accounts"
BULK_PATH: Final = f"{PATH}/bulk"
_LIST: Final = "accounts"


@dataclass(frozen=True, slots=True)
class AccountRoutes:
    """The handlers of accounts as they are and become."""

    app: App

    # Looking ------------------------------------------------------------------------------------

    async def get_account(self, account_id: str, call: AnyCall) -> AccountDetail:
        """An account with its balances, and what the platform keeps beside it."""
        account = await visible_account(self.app, account_id, call.principal)
        found = await self.app.account_metadata.get(account.id)
        return AccountDetail(**AccountView.fields_of(account), metadata=found.texts)

    async def list_accounts(
        self,
        call: AnyCall,
        *,
        prefix: Annotated[str, Query(pattern=r"^[A-Za-z0-9._:-]{0,120}$")] = "",
        currency: CurrencyCode | None = None,
        owner: OwnerName | None = None,
        state: Literal["open", "frozen", "closed"] | None = None,
        limit: PageLimit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> AccountPage:
        """Accounts by code, or those of one owner; a merchant's key lists its own."""
        chosen = Chosen(currency, state)
        owner_id = call.merchant_id or (owner_named(owner) if owner else None)
        if owner and owner_id != owner_named(owner):
            return AccountPage(data=[], next_cursor=None)  # another's, which is not there
        if owner_id is None:
            after = read_cursor(_LIST, cursor) if cursor is not None else ""
            found = await self.app.ledger.list_accounts(prefix, after, limit + 1, chosen)
            return _page(found, limit, _LIST, by_code=True)
        name = f"{_LIST} of {owner_id}"
        after_id = parse_typeid("acc", read_cursor(name, cursor)) if cursor is not None else None
        found = await self.app.ledger.list_accounts_of(
            owner_id, after_id, limit + 1, chosen, prefix=prefix
        )
        return _page(found, limit, name, by_code=False)

    # Opening ------------------------------------------------------------------------------------

    async def open_account(self, body: OpenAccount, call: MoneyCall) -> TermsView:
        """Open an account by its code. Operators only.

        Its id follows from its owner and its code.
        """
        asked = call.asked("accounts.open")  # what is refused from here on is remembered
        wanted = body.wanted()
        await self._require_known({body.owner_id}, asked)
        terms = await self.app.accounts.open(
            wanted.order, metadata=wanted.metadata, asked=asked, origin=call.origin
        )
        return _terms(terms, call)

    async def open_accounts(self, body: OpenAccounts, call: MoneyCall) -> AccountVerdicts:
        """Up to 2,500 accounts with a verdict each; atomic, all or none. Operators only."""
        asked = call.asked("accounts.bulk")
        wanted = [item.wanted() for item in body.accounts]
        await self._require_known({item.owner_id for item in body.accounts}, asked)
        bulks = self.app.account_bulks
        if body.atomic:
            outcomes: list[Any] = [*await bulks.open_all(wanted, asked=asked, origin=call.origin)]
        else:
            outcomes = [*await bulks.open_each(wanted, asked=asked, origin=call.origin)]
        call.tell(replayed=all(getattr(outcome, "replayed", False) for outcome in outcomes))
        return _verdicts([_verdict_on(outcome) for outcome in outcomes])

    async def _require_known(self, owners: set[UUID], asked: Asked) -> None:
        """A repeat is answered as it was, whatever has become of its accounts' owners."""
        others = owners - {PLATFORM}
        if others and await self.app.journal.find_repeat(asked) is None:
            for owner in others:
                await self.app.merchants.get_merchant(owner)

    # Altering -----------------------------------------------------------------------------------

    async def freeze_account(
        self, account_id: str, call: MoneyCall, body: FreezeAccount = BodyField(FreezeAccount())
    ) -> TermsView:
        """Stop what leaves the account, or everything. Operators only."""
        order = Freeze(await self._id(account_id, call), body.stops)
        asked = call.asked("accounts.freeze")
        return _terms(await self.app.accounts.freeze(order, asked=asked, origin=call.origin), call)

    async def thaw_account(
        self, account_id: str, call: MoneyCall, body: ThawAccount = BodyField(ThawAccount())
    ) -> TermsView:
        """Let money move again. Operators only."""
        del body
        order = Freeze(await self._id(account_id, call), "no")
        asked = call.asked("accounts.thaw")
        return _terms(await self.app.accounts.freeze(order, asked=asked, origin=call.origin), call)

    async def limit_account(
        self, account_id: str, body: LimitAccount, call: MoneyCall
    ) -> TermsView:
        """Set how far the account may be overdrawn. Operators only."""
        order = Limit(await self._id(account_id, call), body.overdraft_limit)
        asked = call.asked("accounts.limit")
        return _terms(await self.app.accounts.limit(order, asked=asked, origin=call.origin), call)

    async def close_account(
        self, account_id: str, call: MoneyCall, body: CloseAccount = BodyField(CloseAccount())
    ) -> TermsView:
        """Close an empty account for good. Operators only."""
        del body
        order = Close(await self._id(account_id, call))
        asked = call.asked("accounts.close")
        return _terms(await self.app.accounts.close(order, asked=asked, origin=call.origin), call)

    async def describe_account(
        self, account_id: str, body: DescribeAccount, call: MoneyCall
    ) -> MetadataView:
        """Replace all metadata of the account. Operators only."""
        found = await self._id(account_id, call)
        metadata = await self.app.account_metadata.put(
            found, body.metadata, asked=call.asked("accounts.describe"), origin=call.origin
        )
        call.tell(replayed=metadata.replayed)
        return MetadataView(
            account_id=typeid("acc", found), version=metadata.version, metadata=metadata.texts
        )

    async def _id(self, text: str, call: Call) -> UUID:
        account_id: UUID = (await visible_account(self.app, text, call.principal)).id
        return account_id


async def visible_account(app: App, text: str, principal: Principal) -> Any:
    """The account with this id, if it is there for the caller. Raises NoSuchObject."""
    account = await app.ledger.find_account(path_id("acc", text, "account"))
    if account is None or not may_see(principal, account.code):
        raise NoSuchObject("account")
    return account


def add_account_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/accounts`, but for what was."""
    handlers = AccountRoutes(app)
    one = f"{PATH}/{{account_id}}"
    routes.get(PATH, handlers.list_accounts, Permission.READ)
    routes.post(PATH, handlers.open_account, Permission.OPERATE)
    routes.post(BULK_PATH, handlers.open_accounts, Permission.OPERATE, status=200)
    routes.get(one, handlers.get_account, Permission.READ)
    for verb, handler in (
        ("freeze", handlers.freeze_account),
        ("thaw", handlers.thaw_account),
        ("limit", handlers.limit_account),
        ("close", handlers.close_account),
        ("metadata", handlers.describe_account),
    ):
        routes.post(f"{one}/{verb}", handler, Permission.OPERATE, status=200)


def _terms(terms: Any, call: Call) -> TermsView:
    call.tell(replayed=terms.replayed)
    return TermsView.of(terms)


def _page(found: list[Any], limit: int, name: str, *, by_code: bool) -> AccountPage:
    # One more than asked for tells whether another page follows.
    page = found[:limit]
    place = None
    if len(found) > limit:
        place = page[-1].code if by_code else typeid("acc", page[-1].id)
    return AccountPage(
        data=[AccountView(**AccountView.fields_of(account)) for account in page],
        next_cursor=write_cursor(name, place) if place else None,
    )


def _verdict_on(outcome: Any) -> AccountVerdict:
    """What to say of one item: alone it would have been answered 201, 4xx or 5xx."""
    if not isinstance(outcome, JournalError):
        return AccountVerdict(status="opened", account=TermsView.of(outcome))
    found = problem_of(outcome)
    status = "refused" if found.status < 500 else "unknown"
    return AccountVerdict(status=status, code=found.code, detail=found.detail)


def _verdicts(verdicts: list[AccountVerdict]) -> AccountVerdicts:
    states = [verdict.status for verdict in verdicts]
    return AccountVerdicts(
        opened=states.count("opened"),
        refused=states.count("refused"),
        unknown=states.count("unknown"),
        data=verdicts,
    )
