"""`/api/v1/payouts`: money that leaves the platform, for an account or a UPI id elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Final
from uuid import UUID

from fastapi import Body as BodyField
from fastapi import Query

from tallystick.api.calls import AnyCall, MoneyCall
from tallystick.api.field_errors import FieldError, InvalidFields
from tallystick.api.fields import WalletId
from tallystick.api.ids import acting_merchant, path_id
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Limit, read_cursor, write_cursor
from tallystick.api.payments.intents import text_of
from tallystick.api.strict_route import StrictRoutes
from tallystick.api.wallets.payout_views import (
    CancelPayout,
    CreatePayout,
    PayoutPage,
    PayoutStatus,
    PayoutView,
)
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.platform.ids import parse_typeid
from tallystick.wallets import payouts

PATH: Final = "/api/v1/payouts"
_LIST: Final = "payouts"


@dataclass(frozen=True, slots=True)
class PayoutRoutes:
    """The handlers of payouts."""

    app: App

    async def create_payout(self, body: CreatePayout, call: MoneyCall) -> PayoutView:
        """Pay money out of a wallet, or of what the platform owes a merchant.

        The money is reserved first. A payout the bank refuses is an answer, not an error: its
        status is `failed`. A merchant pays out of its own only.
        """
        asked = call.asked("payouts.create")  # what is refused from here on is remembered
        with _named_fields():
            withdrawal = await self._withdrawal(body, call)
            shown = await self.app.payouts.create(
                withdrawal,
                text=text_of(body),
                asked=asked,
                origin=call.origin,
            )
        call.tell(replayed=shown.replayed)
        return PayoutView.of(shown)

    async def cancel_payout(
        self, payout_id: str, call: MoneyCall, body: CancelPayout = BodyField(CancelPayout())
    ) -> PayoutView:
        """Call off a payout that no bank has taken: its money is available again.

        The bank is asked first. What it has, or has ended, is refused; and while it does not
        answer, or an order may still be on its way, the answer is 409 `payout_in_doubt`.
        """
        del body  # declared so that whatever is sent is read strictly
        shown = await self.app.payouts.cancel(
            path_id("pot", payout_id, "payout"),
            owner_id=call.merchant_id,
            asked=call.asked("payouts.cancel"),
            origin=call.origin,
        )
        call.tell(replayed=shown.replayed)
        return PayoutView.of(shown)

    async def get_payout(self, payout_id: str, call: AnyCall) -> PayoutView:
        """A payout as it stands."""
        found = path_id("pot", payout_id, "payout")
        owner_id = call.merchant_id
        return PayoutView.of(await self.app.payouts.get(found, owner_id=owner_id))

    async def list_payouts(
        self,
        call: AnyCall,
        *,
        wallet_id: Annotated[WalletId | None, Query(description="Out of this one.")] = None,
        status: Annotated[PayoutStatus | None, Query()] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> PayoutPage:
        """The caller's payouts, latest first, a page at a time."""
        found = await self.app.payouts.list_payouts(
            call.merchant_id,
            account_id=parse_typeid("wal", wallet_id) if wallet_id else None,
            status=status,
            after=UUID(read_cursor(_LIST, cursor)) if cursor else None,
            limit=limit + 1,  # one more than asked for tells whether another page follows
        )
        return PayoutPage.of(list(found), limit, partial(write_cursor, _LIST))

    async def _withdrawal(self, body: CreatePayout, call: MoneyCall) -> payouts.Withdrawal:
        destination = body.destination.destination()
        if body.wallet_id is not None:
            return payouts.Withdrawal(
                amount_minor=body.amount,
                destination=destination,
                wallet_id=parse_typeid("wal", body.wallet_id),
                owner_id=call.merchant_id,
            )
        if body.currency is None:
            raise payouts.InvalidDestination("currency", "which of the merchant's accounts?")
        merchant = await acting_merchant(self.app.merchants, call.principal, body.merchant)
        return payouts.Withdrawal(
            amount_minor=body.amount,
            destination=destination,
            merchant_id=merchant.id,
            currency=body.currency,
        )


def add_payout_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/payouts`."""
    handlers = PayoutRoutes(app)
    routes.post(PATH, handlers.create_payout, Permission.PAY)
    routes.get(PATH, handlers.list_payouts, Permission.READ)
    one = f"{PATH}/{{payout_id}}"
    routes.get(one, handlers.get_payout, Permission.READ)
    routes.post(f"{one}/cancel", handlers.cancel_payout, Permission.PAY, status=200)


@contextmanager
def _named_fields() -> Iterator[None]:
    """What cannot be a destination is told as a wrong field is."""
    try:
        yield
    except payouts.InvalidDestination as error:
        field = error.field if error.field == "currency" else f"destination.{error.field}"
        raise InvalidFields((FieldError(field, error.code, str(error)),)) from error
