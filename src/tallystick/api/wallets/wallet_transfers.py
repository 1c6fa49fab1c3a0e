"""`/api/v1/wallet-transfers`: from one wallet to another, exactly once by the caller's own name."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Query

from tallystick.api.calls import AnyCall, MoneyCall
from tallystick.api.dated_places import dated_page, read_dated_cursor
from tallystick.api.fields import TransferScheduleId, WalletId
from tallystick.api.ids import path_id
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Limit
from tallystick.api.repeated_keys import differences_named
from tallystick.api.strict_route import StrictRoutes
from tallystick.api.wallets.wallet_transfer_views import (
    SendMoney,
    TransferName,
    TransferStatus,
    WalletTransferPage,
    WalletTransferView,
)
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.platform.ids import parse_typeid
from tallystick.wallets import transfers

PATH: Final = "/api/v1/wallet-transfers"
_LIST: Final = "wallet transfers"


@dataclass(frozen=True, slots=True)
class WalletTransferRoutes:
    """The handlers of wallet transfers."""

    app: App

    async def send_money(self, body: SendMoney, call: MoneyCall) -> WalletTransferView:
        """Move money from one wallet to another. A merchant pays from its own wallets only.

        A `transfer_id` that comes again is answered with the transfer it stands for; with other
        fields it is refused, and the fields are named.
        """
        with differences_named():
            sent = await self.app.wallet_transfers.send(
                body.terms(),
                merchant_id=call.merchant_id,
                asked=call.asked("wallet_transfers.send"),
                origin=call.origin,
            )
        call.tell(replayed=sent.replayed)
        return WalletTransferView.of(sent.row)

    async def list_wallet_transfers(
        self,
        call: AnyCall,
        *,
        wallet_id: Annotated[WalletId | None, Query(description="From or to this one.")] = None,
        transfer_id: Annotated[TransferName | None, Query()] = None,
        schedule_id: Annotated[
            TransferScheduleId | None, Query(description="The runs of this one.")
        ] = None,
        status: Annotated[TransferStatus | None, Query()] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> WalletTransferPage:
        """Transfers from and to the caller's wallets, latest first, a page at a time."""
        wanted = transfers.Wanted(
            wallet_id=parse_typeid("wal", wallet_id) if wallet_id else None,
            transfer_id=transfer_id,
            schedule_id=parse_typeid("sch", schedule_id) if schedule_id else None,
            status=status,
            after=read_dated_cursor(_LIST, cursor) if cursor else None,
            limit=limit + 1,  # one more than asked for tells whether another page follows
        )
        found = await self.app.wallet_transfers.list_transfers(wanted, merchant_id=call.merchant_id)
        page, following = dated_page(_LIST, found, limit, lambda row: (row.created_at, row.id))
        data = [WalletTransferView.of(row) for row in page]
        return WalletTransferPage(data=data, next_cursor=following)

    async def get_wallet_transfer(
        self, wallet_transfer_id: str, call: AnyCall
    ) -> WalletTransferView:
        """A wallet transfer."""
        found = path_id("wtr", wallet_transfer_id, "wallet_transfer")
        row = await self.app.wallet_transfers.get(found, merchant_id=call.merchant_id)
        return WalletTransferView.of(row)


def add_wallet_transfer_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/wallet-transfers`."""
    handlers = WalletTransferRoutes(app)
    routes.post(PATH, handlers.send_money, Permission.PAY)
    routes.get(PATH, handlers.list_wallet_transfers, Permission.READ)
    routes.get(f"{PATH}/{{wallet_transfer_id}}", handlers.get_wallet_transfer, Permission.READ)
