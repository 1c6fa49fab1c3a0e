"""`/api/v1/transfer-schedules`: wallet transfers for later, once or again and again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Body as BodyField
from fastapi import Query

from tallystick.api.calls import AnyCall, Call, MoneyCall
from tallystick.api.dated_places import dated_page, read_dated_cursor
from tallystick.api.field_errors import FieldError, InvalidFields
from tallystick.api.fields import WalletId
from tallystick.api.ids import path_id
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Limit
from tallystick.api.strict_route import StrictRoutes
from tallystick.api.wallets.wallet_transfer_views import (
    ChangeSchedule,
    CreateSchedule,
    SchedulePage,
    ScheduleStatus,
    ScheduleView,
)
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.platform.ids import parse_typeid
from tallystick.wallets import transfers

PATH: Final = "/api/v1/transfer-schedules"
_LIST: Final = "transfer schedules"


@dataclass(frozen=True, slots=True)
class ScheduleRoutes:
    """The handlers of schedules."""

    app: App

    async def create_transfer_schedule(self, body: CreateSchedule, call: MoneyCall) -> ScheduleView:
        """Let money move later, at set times. A merchant pays from its own wallets only."""
        with _faults_named():
            scheduled = await self.app.schedules.create(
                body.terms(),
                merchant_id=call.merchant_id,
                asked=call.asked("transfer_schedules.create"),
                origin=call.origin,
            )
        return _view(scheduled, call)

    async def list_transfer_schedules(
        self,
        call: AnyCall,
        *,
        wallet_id: Annotated[WalletId | None, Query(description="Paying from this one.")] = None,
        status: Annotated[ScheduleStatus | None, Query()] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> SchedulePage:
        """Schedules that pay from the caller's wallets, latest first, a page at a time."""
        wanted = transfers.Wanted(
            wallet_id=parse_typeid("wal", wallet_id) if wallet_id else None,
            status=status,
            after=read_dated_cursor(_LIST, cursor) if cursor else None,
            limit=limit + 1,  # one more than asked for tells whether another page follows
        )
        found = await self.app.schedules.list_schedules(wanted, merchant_id=call.merchant_id)
        page, following = dated_page(_LIST, found, limit, lambda row: (row.created_at, row.id))
        return SchedulePage(data=[ScheduleView.of(row) for row in page], next_cursor=following)

    async def get_transfer_schedule(self, schedule_id: str, call: AnyCall) -> ScheduleView:
        """A schedule as it stands; its runs are the wallet transfers with its `schedule_id`."""
        found = path_id("sch", schedule_id, "transfer_schedule")
        row = await self.app.schedules.get(found, merchant_id=call.merchant_id)
        return ScheduleView.of(row)

    async def pause_transfer_schedule(
        self, schedule_id: str, call: MoneyCall, body: ChangeSchedule = BodyField(ChangeSchedule())
    ) -> ScheduleView:
        """Do not run it until it is resumed."""
        del body  # declared so that whatever is sent is read strictly
        scheduled = await self.app.schedules.pause(
            path_id("sch", schedule_id, "transfer_schedule"),
            merchant_id=call.merchant_id,
            asked=call.asked("transfer_schedules.pause"),
            origin=call.origin,
        )
        return _view(scheduled, call)

    async def resume_transfer_schedule(
        self, schedule_id: str, call: MoneyCall, body: ChangeSchedule = BodyField(ChangeSchedule())
    ) -> ScheduleView:
        """Run it again, from the next time it is due: a pause is not made up for."""
        del body  # declared so that whatever is sent is read strictly
        scheduled = await self.app.schedules.resume(
            path_id("sch", schedule_id, "transfer_schedule"),
            merchant_id=call.merchant_id,
            asked=call.asked("transfer_schedules.resume"),
            origin=call.origin,
        )
        return _view(scheduled, call)

    async def cancel_transfer_schedule(
        self, schedule_id: str, call: MoneyCall, body: ChangeSchedule = BodyField(ChangeSchedule())
    ) -> ScheduleView:
        """Never run it again. What has moved stays moved."""
        del body  # declared so that whatever is sent is read strictly
        scheduled = await self.app.schedules.cancel(
            path_id("sch", schedule_id, "transfer_schedule"),
            merchant_id=call.merchant_id,
            asked=call.asked("transfer_schedules.cancel"),
            origin=call.origin,
        )
        return _view(scheduled, call)


def add_transfer_schedule_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/transfer-schedules`."""
    handlers = ScheduleRoutes(app)
    one = f"{PATH}/{{schedule_id}}"
    routes.post(PATH, handlers.create_transfer_schedule, Permission.PAY)
    routes.get(PATH, handlers.list_transfer_schedules, Permission.READ)
    routes.get(one, handlers.get_transfer_schedule, Permission.READ)
    routes.post(f"{one}/pause", handlers.pause_transfer_schedule, Permission.PAY, status=200)
    routes.post(f"{one}/resume", handlers.resume_transfer_schedule, Permission.PAY, status=200)
    routes.post(f"{one}/cancel", handlers.cancel_transfer_schedule, Permission.PAY, status=200)


def _view(scheduled: transfers.Scheduled, call: Call) -> ScheduleView:
    call.tell(replayed=scheduled.replayed)
    return ScheduleView.of(scheduled.row)


@contextmanager
def _faults_named() -> Iterator[None]:
    """A term that no schedule can have is a fault of the field that says it."""
    try:
        yield
    except transfers.InvalidSchedule as error:
        raise InvalidFields((FieldError(error.field, "invalid", str(error)),)) from None
