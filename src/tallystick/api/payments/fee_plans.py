"""`/api/v1/fee-plans`: set by operators; a merchant sees its own, and what a payment would cost."""

from dataclasses import dataclass
from typing import Final

from tallystick.api.calls import AnyCall, Call, MoneyCall
from tallystick.api.dated_places import dated_page, read_dated_cursor
from tallystick.api.fields import MerchantName
from tallystick.api.ids import acting_merchant, path_id
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Limit
from tallystick.api.payments.fee_plan_views import (
    FeePlanPage,
    FeePlanView,
    FeePreview,
    PreviewFee,
    SetFeePlan,
)
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Merchant, Permission
from tallystick.payments.fees import FeePlans

PATH: Final = "/api/v1/fee-plans"
_LIST: Final = "fee plans"


@dataclass(frozen=True, slots=True)
class FeePlanRoutes:
    """The handlers of fee plans."""

    app: App

    @property
    def _plans(self) -> FeePlans:
        return self.app.payments.operations.fee_plans

    async def set_fee_plan(self, body: SetFeePlan, call: MoneyCall) -> FeePlanView:
        """Charge payments that are made from an instant on. Operators only.

        Payments that were made keep their terms, also for what is captured of them later.
        """
        merchant = await self._named(call, body.merchant)
        done = await self._plans.set(
            body.plan(merchant.id if merchant else None, self.app.clock.now()),
            asked=call.asked("fee_plans.set"),
            origin=call.origin,
        )
        call.tell(replayed=done.replayed)
        return FeePlanView.of(done.row)

    async def get_fee_plan(self, fee_plan_id: str, call: AnyCall) -> FeePlanView:
        """A plan as it was set; a merchant sees only its own."""
        found = path_id("fpl", fee_plan_id, "fee_plan")
        row = await self._plans.get(found, merchant_id=call.merchant_id)
        return FeePlanView.of(row)

    async def list_fee_plans(
        self,
        call: AnyCall,
        merchant: MerchantName | None = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> FeePlanPage:
        """All plans that were ever set, the latest first; a merchant sees only its own."""
        named = await self._named(call, merchant)
        after = read_dated_cursor(_LIST, cursor) if cursor else None
        owner_id = named.id if named else None
        # One more than asked for tells whether another page follows.
        found = await self._plans.list_plans(owner_id, after, limit + 1)
        page, following = dated_page(_LIST, found, limit, lambda row: (row.set_at, row.id))
        return FeePlanPage(data=[FeePlanView.of(row) for row in page], next_cursor=following)

    async def preview_fee(self, body: PreviewFee, call: AnyCall) -> FeePreview:
        """What a payment made now would cost, captured at once. Nothing is recorded."""
        merchant = await acting_merchant(self.app.merchants, call.principal, body.merchant)
        preview = await self._plans.preview(merchant, body.amount, body.currency, body.method)
        return FeePreview.of(preview, body.currency)

    async def _named(self, call: Call, named: str | None) -> Merchant | None:
        """The merchant a call is for; None when an operator names none: the platform."""
        if named is None and call.principal.is_operator:
            return None
        return await acting_merchant(self.app.merchants, call.principal, named)


def add_fee_plan_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/fee-plans`."""
    handlers = FeePlanRoutes(app)
    routes.post(PATH, handlers.set_fee_plan, Permission.OPERATE)
    routes.get(PATH, handlers.list_fee_plans, Permission.READ)
    routes.post(f"{PATH}/preview", handlers.preview_fee, Permission.READ, status=200)
    routes.get(f"{PATH}/{{fee_plan_id}}", handlers.get_fee_plan, Permission.READ)
