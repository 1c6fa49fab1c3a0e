"""Reports that were read and judged one by one, recorded by set like rows of the staging table."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from tallystick.intake.model import ReportedPayment, loan_bucket
from tallystick.intake.staging import store
from tallystick.intake.staging.ingestion import Ingestion
from tallystick.intake.staging.turns import LetGo
from tallystick.journal import BulkLoader
from tallystick.platform.ids import new_id

_JSON: Final = msgspec.json.Encoder(decimal_format="number")


class LoadRow(NamedTuple):
    """A report as the workspace has it; fields are `store.LOADED_COLUMNS`, in their order."""

    row_id: int  # its place in the file
    payment_id: UUID
    reference: str
    loan: str
    cif: str
    amount_minor: int
    paid_at: datetime  # UTC, without saying so
    channel: str | None
    metadata: str


async def load_rows(
    ingestion: Ingestion, loader: BulkLoader, rows: Sequence[LoadRow], on_taken: LetGo
) -> int:
    """Record the rows as one batch; how many are new. At most 10,000.

    `on_taken` is called once their references are taken, which nobody can overtake any more.
    Raises Busy, and the driver's error when a table refuses one of them.
    """
    await store.open_workspace(await loader.connected())
    async with loader.batch(ingestion.posting) as batch:
        await store.copy_loading(batch.connection, rows)
        await store.take_references(batch.connection, batch.at)
        on_taken()
        return await ingestion.record_loaded(batch, "file")


def load_row(number: int, report: ReportedPayment, at: datetime) -> LoadRow:
    """The row of a report; its payment's id is one of the instant `at`."""
    return LoadRow(
        number,
        new_id(at, loan_bucket(report.loan_account_number)),
        report.reference_number,
        report.loan_account_number,
        report.cif,
        report.amount.amount_minor,
        report.payment_date.replace(tzinfo=None),
        report.payment_channel,
        _JSON.encode(report.metadata).decode(),
    )
