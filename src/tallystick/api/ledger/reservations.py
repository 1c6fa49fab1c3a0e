"""`/api/v1/reservations`: promised by operators, then settled in parts, or given back."""

from dataclasses import dataclass
from typing import Final

from fastapi import Body as BodyField

from tallystick.api.calls import AnyCall, MoneyCall
from tallystick.api.fields import AccountId
from tallystick.api.ids import NoSuchObject, path_id
from tallystick.api.instants import parse_instant
from tallystick.api.ledger.own_accounts import may_see, may_see_any
from tallystick.api.ledger.reservation_views import (
    CreateReservation,
    ReservationPage,
    ReservationStep,
    ReservationView,
    SettleReservation,
    VoidReservation,
)
from tallystick.api.pages import (
    PAGE_DEFAULT,
    Cursor,
    InvalidCursor,
    Limit,
    read_cursor,
    write_cursor,
)
from tallystick.api.repeated_keys import differences_named
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.ledger import Reserve, Settle, Void
from tallystick.platform.ids import parse_typeid

PATH: Final = "/api/v1/reservations"


@dataclass(frozen=True, slots=True)
class ReservationRoutes:
    """The handlers of reservations."""

    app: App

    async def create_reservation(self, body: CreateReservation, call: MoneyCall) -> ReservationView:
        """Promise money from one account to another. Operators only."""
        order = Reserve(
            parse_typeid("acc", body.debit_account_id),
            parse_typeid("acc", body.credit_account_id),
            body.amount,
            body.currency,
            body.code,
            parse_instant(body.expires_at) if body.expires_at else None,
            body.up_to,
        )
        with differences_named():
            answer = await self.app.transfers.reserve(
                order, call.asked("reservations.create"), call.origin
            )
        call.tell(replayed=answer.replayed)
        return ReservationView.made_by(answer)

    async def list_reservations(
        self,
        call: AnyCall,
        account_id: AccountId,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> ReservationPage:
        """What is or was promised to and from one account, oldest first, a page at a time."""
        account = await self.app.ledger.find_account(parse_typeid("acc", account_id))
        if account is None or not may_see(call.principal, account.code):
            raise NoSuchObject("account")
        name = f"reservations of {account.code}"
        after = _version(read_cursor(name, cursor)) if cursor is not None else 0
        # One more than asked for tells whether another page follows.
        found = await self.app.ledger.list_reservations(account.id, after, limit + 1)
        page = found[:limit]
        more = len(found) > limit
        return ReservationPage(
            data=[ReservationView.of(promise) for promise in page],
            next_cursor=write_cursor(name, str(page[-1].account_version)) if more else None,
        )

    async def get_reservation(self, reservation_id: str, call: AnyCall) -> ReservationView:
        """A reservation as it stands."""
        found = await self.app.ledger.find_reservation(
            path_id("res", reservation_id, "reservation")
        )
        if found is None or not await may_see_any(
            call.principal, self.app.ledger, found.debit, found.credit
        ):
            raise NoSuchObject("reservation")
        return ReservationView.of(found)

    async def settle_reservation(
        self,
        reservation_id: str,
        call: MoneyCall,
        body: SettleReservation = BodyField(SettleReservation()),
    ) -> ReservationStep:
        """Move what was promised: all that remains, or a part. Operators only."""
        order = Settle(
            path_id("res", reservation_id, "reservation"), body.code, body.amount, body.final
        )
        with differences_named():
            answer = await self.app.transfers.settle(
                order, call.asked("reservations.settle"), call.origin
            )
        call.tell(replayed=answer.replayed)
        return ReservationStep.of(answer)

    async def void_reservation(
        self,
        reservation_id: str,
        call: MoneyCall,
        body: VoidReservation = BodyField(VoidReservation()),
    ) -> ReservationStep:
        """Give back all that remains. Operators only."""
        order = Void(path_id("res", reservation_id, "reservation"), body.code)
        with differences_named():
            answer = await self.app.transfers.void(
                order, call.asked("reservations.void"), call.origin
            )
        call.tell(replayed=answer.replayed)
        return ReservationStep.of(answer)


def add_reservation_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/reservations`."""
    handlers = ReservationRoutes(app)
    one = f"{PATH}/{{reservation_id}}"
    routes.post(PATH, handlers.create_reservation, Permission.OPERATE)
    routes.get(PATH, handlers.list_reservations, Permission.READ)
    routes.get(one, handlers.get_reservation, Permission.READ)
    routes.post(f"{one}/settle", handlers.settle_reservation, Permission.OPERATE, status=200)
    routes.post(f"{one}/void", handlers.void_reservation, Permission.OPERATE, status=200)


def _version(place: str) -> int:
    if not (place.isascii() and place.isdigit() and len(place) < 19):
        raise InvalidCursor("this is not a cursor")
    return int(place)
