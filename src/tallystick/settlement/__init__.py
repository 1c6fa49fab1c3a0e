"""Settlement: what merchants are to be settled for. So far the records of document 003: one a
captured payment, kept up as money of it goes back.

Promises: every capture that was read has its record; a record counts each fact of its payment
once. Table: `settlement_records`. Facts: `settlement_record.opened`, `settlement_record.adjusted`.
"""

from tallystick.settlement.consumer import SETTLEMENT_CONSUMER as _CONSUMER
from tallystick.settlement.records import RECORDS as _RECORDS
from tallystick.settlement.records import SettlementRecord
from tallystick.settlement.store import CHECKS as checks
from tallystick.settlement.store import find_record

projections = (_RECORDS,)
consumers = (_CONSUMER,)

__all__ = ["SettlementRecord", "checks", "consumers", "find_record", "projections"]
