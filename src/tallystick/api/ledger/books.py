"""`/api/v1/books`: how far they are proven, proving them, and what accounts are asserted to hold.

For operators: a proof is about everybody's money.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import Body as BodyField

from tallystick.api.calls import AnyCall, MoneyCall
from tallystick.api.fields import AccountId
from tallystick.api.ids import NoSuchObject, path_id
from tallystick.api.instants import parse_instant
from tallystick.api.ledger.book_views import (
    AcceptedRun,
    AssertBalance,
    AssertionPage,
    AssertionView,
    BooksView,
    ProveBooks,
    RunPage,
    RunView,
)
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
from tallystick.books.proof import AssertionMade, InvalidAssertion
from tallystick.identity import Permission
from tallystick.platform.ids import parse_typeid

PATH: Final = "/api/v1/books"


@dataclass(frozen=True, slots=True)
class BookRoutes:
    """The handlers of the books' proofs."""

    app: App

    async def get_books(self, _call: AnyCall) -> BooksView:
        """How far the books are proven, and the newest run. Operators only."""
        proofs = self.app.proofs
        standing = await proofs.incremental.standing()
        return BooksView.of(standing, await proofs.reconciliation.find_last_run())

    async def prove_books(
        self, call: MoneyCall, body: ProveBooks = BodyField(ProveBooks())
    ) -> AcceptedRun:
        """Ask for a run. Operators only.

        One account is proven at once, and the answer is the report. Everything, or all that was
        recorded since, takes longer: a worker carries it out, and the run says how it ended.
        """
        runs = self.app.proofs.reconciliation
        account_id = parse_typeid("acc", body.account_id) if body.account_id else None
        if account_id and await self.app.ledger.find_account(account_id) is None:
            raise NoSuchObject("account")
        asked = await runs.request(
            since=parse_instant(body.since) if body.since else None,
            account_id=account_id,
            asked=call.asked("books.prove"),
            origin=call.origin,
        )
        call.tell(replayed=asked.replayed)
        here = account_id is not None and body.since is None
        row = await runs.run_now(asked.row) if here else asked.row
        view = RunView.of(row).model_dump()
        return AcceptedRun(**view, carried_out="here" if here else "worker")

    async def list_runs(
        self, _call: AnyCall, limit: Limit = PAGE_DEFAULT, cursor: Cursor = None
    ) -> RunPage:
        """The runs, the newest first, a page at a time. Operators only."""
        name = "books runs"
        found = await self.app.proofs.reconciliation.list_runs(_place(name, cursor), limit + 1)
        page = found[:limit]
        more = len(found) > limit
        return RunPage(
            data=[RunView.of(row) for row in page],
            next_cursor=_cursor(name, page[-1].requested_at, page[-1].id) if more else None,
        )

    async def get_run(self, run_id: str, _call: AnyCall) -> RunView:
        """One run with its report. Operators only."""
        return RunView.of(
            await self.app.proofs.reconciliation.get_run(path_id("run", run_id, "run"))
        )

    async def assert_balance(self, body: AssertBalance, call: MoneyCall) -> AssertionView:
        """Keep what an account is known to have held; every proof checks it. Operators only.

        It is kept whether it holds or not: `holds` says so.
        """
        if body.balance is not None and (body.at_least, body.at_most) != (None, None):
            raise InvalidAssertion("give `balance`, or `at_least` and `at_most`, not both")
        wish = AssertionMade(
            account_id=parse_typeid("acc", body.account_id),
            currency=body.currency,
            basis=body.basis,
            stood_at=parse_instant(body.at),
            low_minor=body.at_least if body.balance is None else body.balance,
            high_minor=body.at_most if body.balance is None else body.balance,
        )
        made = await self.app.proofs.assertions.assert_balance(
            wish, call.asked("books.assert"), call.origin
        )
        call.tell(replayed=made.replayed)
        return AssertionView.of(made)

    async def list_assertions(
        self,
        _call: AnyCall,
        account_id: AccountId | None = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> AssertionPage:
        """The assertions, the newest first, of one account or of all. Operators only."""
        account = parse_typeid("acc", account_id) if account_id else None
        name = f"assertions of {account or 'all'}"
        found = await self.app.proofs.assertions.list_assertions(
            account, _place(name, cursor), limit + 1
        )
        page = found[:limit]
        more = len(found) > limit
        last = page[-1].row if more else None
        return AssertionPage(
            data=[AssertionView.of(assertion) for assertion in page],
            next_cursor=_cursor(name, last.made_at, last.id) if last else None,
        )

    async def get_assertion(self, assertion_id: str, _call: AnyCall) -> AssertionView:
        """One assertion beside the books. Operators only."""
        found = path_id("ast", assertion_id, "assertion")
        return AssertionView.of(await self.app.proofs.assertions.get_assertion(found))

    async def withdraw_assertion(self, assertion_id: str, call: MoneyCall) -> AssertionView:
        """Check it no more; it stays on record. Operators only."""
        found = path_id("ast", assertion_id, "assertion")
        asked = call.asked("books.withdraw")
        return AssertionView.of(
            await self.app.proofs.assertions.withdraw(found, asked, call.origin)
        )


def add_book_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/books`."""
    handlers = BookRoutes(app)
    operate = Permission.OPERATE
    runs, assertions = f"{PATH}/runs", f"{PATH}/assertions"
    routes.get(PATH, handlers.get_books, operate)
    routes.post(f"{PATH}/prove", handlers.prove_books, operate, status=202)
    routes.get(runs, handlers.list_runs, operate)
    routes.get(f"{runs}/{{run_id}}", handlers.get_run, operate)
    routes.post(assertions, handlers.assert_balance, operate)
    routes.get(assertions, handlers.list_assertions, operate)
    routes.get(f"{assertions}/{{assertion_id}}", handlers.get_assertion, operate)
    routes.post(
        f"{assertions}/{{assertion_id}}/withdraw", handlers.withdraw_assertion, operate, status=200
    )


def _cursor(name: str, at: datetime, last_id: UUID) -> str:
    return write_cursor(name, f"{at.isoformat()} {last_id}")


def _place(name: str, cursor: str | None) -> tuple[datetime, UUID] | None:
    if cursor is None:
        return None
    at, _, last_id = read_cursor(name, cursor).partition(" ")
    try:
        return datetime.fromisoformat(at), UUID(last_id)
    except ValueError:
        raise InvalidCursor("this is not a cursor") from None
