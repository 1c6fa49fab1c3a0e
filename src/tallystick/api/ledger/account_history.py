"""An account's lines and its past, and what moved together: `/accounts/{id}/...`, `/changes`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Any, Final, Literal

from fastapi import Query
from msgspec import Struct

from tallystick.api.calls import AnyCall
from tallystick.api.days import Day, parse_day
from tallystick.api.field_errors import FieldError, InvalidFields
from tallystick.api.ids import NoSuchObject, path_id
from tallystick.api.instants import Instant, parse_instant
from tallystick.api.ledger.account_views import EntryPage, EntryView
from tallystick.api.ledger.accounts import PATH, visible_account
from tallystick.api.ledger.history_views import BalanceView, Basis, ChangeView, StatementView
from tallystick.api.ledger.own_accounts import may_see
from tallystick.api.pages import (
    PAGE_DEFAULT,
    Cursor,
    InvalidCursor,
    Limit,
    read_cursor,
    write_cursor,
)
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission, Principal
from tallystick.platform.ids import typeid

CHANGES_PATH: Final = "/api/v1/changes"


class _Now(Struct, frozen=True):
    """An account's balance as it stands, in the words of `BalanceAt`."""

    version: int
    posted_minor: int
    available_minor: int
    pending_in_minor: int
    pending_out_minor: int


@dataclass(frozen=True, slots=True)
class HistoryRoutes:
    """The handlers of accounts as they were."""

    app: App

    async def list_entries(
        self,
        account_id: str,
        call: AnyCall,
        order: Annotated[
            Literal["asc", "desc"], Query(description="Oldest first, or newest first.")
        ] = "asc",
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> EntryPage:
        """The account's lines, a page at a time."""
        account = await visible_account(self.app, account_id, call.principal)
        name = f"entries {order} of {typeid('acc', account.id)}"
        place = _version(read_cursor(name, cursor)) if cursor is not None else None
        ledger = self.app.ledger
        # One more than asked for tells whether another page follows.
        if order == "asc":
            found = await ledger.list_entries(account.id, place or 0, limit + 1)
        else:
            found = await ledger.list_entries_back(account.id, place, limit + 1)
        page = found[:limit]
        more = len(found) > limit
        return EntryPage(
            data=[EntryView.of(entry) for entry in page],
            next_cursor=write_cursor(name, str(page[-1].account_version)) if more else None,
        )

    async def get_balance(
        self,
        account_id: str,
        call: AnyCall,
        at: Annotated[Instant | None, Query(description="As recorded up to then.")] = None,
        effective_at: Annotated[
            Instant | None, Query(description="By value date up to then.")
        ] = None,
    ) -> BalanceView:
        """The account's balance now, at an instant by recording, or by value date.

        With both, by value date as far as it was known at `at`.
        """
        account = await visible_account(self.app, account_id, call.principal)
        recorded = parse_instant(at) if at else None
        effective = parse_instant(effective_at) if effective_at else None
        history = self.app.ledger.history
        found: Any = _now(account)
        if effective is not None:
            found = await history.balance_by_value(account, effective, recorded)
        elif recorded is not None:
            found = await history.balance_at(account, recorded)
        return BalanceView.of(account, found, at=recorded, effective_at=effective)

    async def get_statement(
        self,
        account_id: str,
        call: AnyCall,
        *,
        from_: Annotated[Day, Query(alias="from", description="The first day, or an instant.")],
        to: Annotated[Day, Query(description="The day, or the instant, before which it ends.")],
        basis: Annotated[Basis, Query(description="Which of a line's two dates counts.")] = (
            "recorded"
        ),
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> StatementView:
        """What moved on the account within a period, with both balances around it."""
        account = await visible_account(self.app, account_id, call.principal)
        since, until = _period(from_, to)
        history = self.app.ledger.history
        period = await history.period(account, since, until, by_value=basis == "value_date")
        name = _name_of(period)
        after = _line(read_cursor(name, cursor)) if cursor is not None else None
        found = await history.list_lines(period, after, limit + 1)
        page = found[:limit]
        more = len(found) > limit
        return StatementView.of(
            period,
            await history.totals(period),
            page,
            write_cursor(name, _place(page[-1], by_value=period.by_value)) if more else None,
        )

    async def get_change(self, change_id: str, call: AnyCall) -> ChangeView:
        """All lines of one change: what moved together, or not at all."""
        found = path_id("chg", change_id, "change")
        entries = await self.app.ledger.entries_of_change(found)
        seen = await self._own(entries, call.principal)
        if not seen:
            raise NoSuchObject("change")
        return ChangeView(
            id=typeid("chg", found),
            created_at=seen[0].created_at,
            entries=[EntryView.of(entry) for entry in seen],
        )

    async def _own(self, entries: list[Any], principal: Principal) -> list[Any]:
        if principal.is_operator:
            return entries
        accounts = await self.app.ledger.find_accounts({entry.account_id for entry in entries})
        own = {account.id for account in accounts.values() if may_see(principal, account.code)}
        return [entry for entry in entries if entry.account_id in own]


def add_history_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/accounts/{id}/...` for what was, and `/api/v1/changes`."""
    handlers = HistoryRoutes(app)
    one = f"{PATH}/{{account_id}}"
    routes.get(f"{one}/entries", handlers.list_entries, Permission.READ)
    routes.get(f"{one}/balance", handlers.get_balance, Permission.READ)
    routes.get(f"{one}/statement", handlers.get_statement, Permission.READ)
    routes.get(f"{CHANGES_PATH}/{{change_id}}", handlers.get_change, Permission.READ)


def _now(account: Any) -> _Now:
    return _Now(
        account.version,
        account.posted_minor,
        account.available_minor,
        account.pending_in_minor,
        account.pending_out_minor,
    )


def _period(from_: str, to: str) -> tuple[datetime, datetime]:
    since, until = parse_day(from_), parse_day(to)
    if since >= until:
        raise InvalidFields((FieldError("to", "invalid", "A period ends after it began"),))
    return since, until


def _name_of(period: Any) -> str:
    """The list a statement's cursor belongs to: this account, period and basis."""
    words = f"{period.account.id} {period.since} {period.until} {period.by_value}"
    return f"statement {blake2b(words.encode(), digest_size=16).hexdigest()}"


def _place(line: Any, *, by_value: bool) -> str:
    at = line.effective_at if by_value and line.effective_at else line.created_at
    return f"{at.astimezone(UTC).isoformat()} {line.account_version}"


def _line(place: str) -> tuple[datetime, int]:
    text, _, version = place.partition(" ")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidCursor("this is not a cursor") from None
    return at, _version(version)


def _version(place: str) -> int:
    if not (place.isascii() and place.isdigit() and len(place) < 19):
        raise InvalidCursor("this is not a cursor")
    return int(place)
