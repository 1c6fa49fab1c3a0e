"""`/api/v1/cases`: what between a provider and us waits for a person, for operators."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Body as BodyField
from fastapi import Query

from tallystick.api.calls import AnyCall, Call, MoneyCall
from tallystick.api.ids import path_id
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Cursors, Limit
from tallystick.api.payments.case_views import (
    AddNote,
    AskAgain,
    CaseDetailView,
    CaseKind,
    CasePage,
    CaseStatus,
    CaseView,
    CloseCase,
    ResolveCase,
)
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.payments import cases

PATH: Final = "/api/v1/cases"
_CURSORS: Final = Cursors("cases")


@dataclass(frozen=True, slots=True)
class CaseRoutes:
    """The handlers of cases."""

    app: App

    async def list_cases(
        self,
        _call: AnyCall,
        *,
        status: Annotated[CaseStatus | None, Query()] = None,
        kind: Annotated[CaseKind | None, Query(description="What was asked.")] = None,
        route: Annotated[
            str | None, Query(pattern=r"^[^\x00-\x1f]{1,64}$", description="Of whom.")
        ] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> CasePage:
        """The cases, latest first, a page at a time. Operators only."""
        wanted = cases.CasesWanted(status=status, work=kind, route=route)
        page = await self.app.cases.list_cases(wanted, cursor=_CURSORS.place(cursor), limit=limit)
        data = [CaseView.of(row) for row in page.rows]
        return CasePage(data=data, next_cursor=_CURSORS.next(page.next_cursor))

    async def get_case(self, case_id: str, call: AnyCall) -> CaseDetailView:
        """A case with its notes. Operators only."""
        return _view(await self.app.cases.get(path_id("cas", case_id, "case")), call)

    async def ask_about_case(
        self,
        case_id: str,
        call: MoneyCall,
        body: Annotated[AskAgain, BodyField(default_factory=AskAgain)],
    ) -> CaseDetailView:
        """Ask the provider now; what it says is recorded as if recovery had asked.

        The case ends if the outcome is known by then. Operators only.
        """
        del body  # nothing more is to be said
        shown = await self.app.cases.ask(
            path_id("cas", case_id, "case"), asked=call.asked("cases.ask"), origin=call.origin
        )
        return _view(shown, call)

    async def add_case_note(self, case_id: str, body: AddNote, call: MoneyCall) -> CaseDetailView:
        """Write something down for whoever looks next; at most 100 notes. Operators only."""
        shown = await self.app.cases.add_note(
            path_id("cas", case_id, "case"),
            body.text,
            asked=call.asked("cases.add_note"),
            origin=call.origin,
        )
        return _view(shown, call)

    async def close_case(self, case_id: str, body: CloseCase, call: MoneyCall) -> CaseDetailView:
        """End a case of which no outcome will be learned, and say what was done.

        Operators only.
        """
        shown = await self.app.cases.close(
            path_id("cas", case_id, "case"),
            body.note,
            asked=call.asked("cases.close"),
            origin=call.origin,
        )
        return _view(shown, call)

    async def resolve_case(
        self, case_id: str, body: ResolveCase, call: MoneyCall
    ) -> CaseDetailView:
        """Record by hand what the provider will never say; it is asked once more before.

        Should it ever say otherwise, that opens another case and moves no money. Operators only.
        """
        shown = await self.app.cases.resolve(
            path_id("cas", case_id, "case"),
            body.outcome,
            body.note,
            provider_reference=body.provider_reference or "",
            asked=call.asked("cases.resolve"),
            origin=call.origin,
        )
        return _view(shown, call)


def add_case_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/cases`."""
    handlers, one = CaseRoutes(app), f"{PATH}/{{case_id}}"
    routes.get(PATH, handlers.list_cases, Permission.OPERATE)
    routes.get(one, handlers.get_case, Permission.OPERATE)
    routes.post(f"{one}/ask", handlers.ask_about_case, Permission.OPERATE, status=200)
    routes.post(f"{one}/resolve", handlers.resolve_case, Permission.OPERATE, status=200)
    routes.post(f"{one}/close", handlers.close_case, Permission.OPERATE, status=200)
    routes.post(f"{one}/notes", handlers.add_case_note, Permission.OPERATE)


def _view(shown: cases.CaseShown, call: Call) -> CaseDetailView:
    call.tell(replayed=shown.replayed)
    return CaseDetailView.shown(shown)
