"""`/api/v1/transfers/{id}`: one transfer as it was recorded, and its reversal."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import Body as BodyField
from pydantic import Field

from tallystick.api.calls import AnyCall, MoneyCall
from tallystick.api.fields import EXAMPLE_SUFFIX, Body, TransferCode, View, example, one_of
from tallystick.api.ids import NoSuchObject, path_id
from tallystick.api.ledger.own_accounts import may_see_any
from tallystick.api.repeated_keys import differences_named
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.ledger import TransferRow
from tallystick.platform.ids import typeid

PATH: Final = "/api/v1/transfers"


class ReverseTransfer(Body):
    """Move all of a transfer's money back."""

    model_config = example({"code": "reversal"})

    code: TransferCode = "reversal"


class TransferRecord(View):
    """A transfer, with both balances after it. It never changes; a reversal is another one."""

    id: Annotated[str, Field(examples=[f"tra_{EXAMPLE_SUFFIX}"])]
    change_id: Annotated[str, Field(examples=[f"chg_{EXAMPLE_SUFFIX}"])]
    debit_account_id: Annotated[str, Field(examples=[f"acc_{EXAMPLE_SUFFIX}"])]
    credit_account_id: Annotated[str, Field(examples=[f"acc_{EXAMPLE_SUFFIX}"])]
    amount: int
    currency: str
    code: str
    kind: Annotated[str, one_of("post", "reserve", "settle", "void", "expire")]
    debit_balance_after: int
    credit_balance_after: int
    reservation_id: str | None
    effective_at: Annotated[datetime | None, Field(description="Only when back-dated.")]
    expires_at: datetime | None
    cause_id: Annotated[str | None, Field(description="The change that led to this one.")]
    reversed_by: Annotated[str | None, Field(description="The change that moved it back.")]
    created_at: datetime

    @classmethod
    def of(
        cls, row: TransferRow, at: datetime, *, cause: str | None, reversed_by: str | None
    ) -> "TransferRecord":
        """From the ledger's row and the instant of its batch."""
        return cls(
            id=typeid("tra", row.id),
            change_id=typeid("chg", row.change_id),
            debit_account_id=typeid("acc", row.debit),
            credit_account_id=typeid("acc", row.credit),
            amount=row.amount,
            currency=row.currency,
            code=row.code,
            kind=row.kind,
            debit_balance_after=row.debit_balance,
            credit_balance_after=row.credit_balance,
            reservation_id=typeid("res", row.reservation_id) if row.reservation_id else None,
            effective_at=row.effective_at,
            expires_at=row.expires_at,
            cause_id=cause,
            reversed_by=reversed_by,
            created_at=at,
        )


@dataclass(frozen=True, slots=True)
class TransferRecordRoutes:
    """The handlers of recorded transfers."""

    app: App

    async def get_transfer(self, transfer_id: str, call: AnyCall) -> TransferRecord:
        """A transfer as it was recorded, and whether it was reversed."""
        found = await self.app.transfers.get_transfer(path_id("tra", transfer_id, "transfer"))
        row = found.row
        if not await may_see_any(call.principal, self.app.ledger, row.debit, row.credit):
            raise NoSuchObject("transfer")
        return TransferRecord.of(
            row,
            found.at,
            cause=typeid("chg", found.cause) if found.cause else None,
            reversed_by=typeid("chg", found.reversal_id) if found.reversal_id else None,
        )

    async def reverse_transfer(
        self,
        transfer_id: str,
        call: MoneyCall,
        body: ReverseTransfer = BodyField(ReverseTransfer()),
    ) -> TransferRecord:
        """Move all of it back by another transfer. Once, and operators only."""
        reversed_id = path_id("tra", transfer_id, "transfer")
        with differences_named():
            answer = await self.app.transfers.reverse(
                reversed_id, call.asked("transfers.reverse"), call.origin, code=body.code
            )
        call.tell(replayed=answer.replayed)
        reversal = await self.app.transfers.get_transfer(answer.transfers[0].id)
        cause = typeid("chg", reversal.cause) if reversal.cause else None
        return TransferRecord.of(reversal.row, reversal.at, cause=cause, reversed_by=None)


def add_transfer_record_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/transfers/{id}`."""
    handlers = TransferRecordRoutes(app)
    one = f"{PATH}/{{transfer_id}}"
    routes.get(one, handlers.get_transfer, Permission.READ)
    routes.post(f"{one}/reverse", handlers.reverse_transfer, Permission.OPERATE)
