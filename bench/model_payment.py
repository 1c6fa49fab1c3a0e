"""A model of one card payment: the rows that it left, as the SQL that leaves the same of others.

The rows are read back after a payment over HTTP. What belongs to that payment alone (its ids,
amounts, instants, words of the bank) becomes a column of the table `made_payments`; all else stays
as it was. So a column that a migration adds comes along by itself.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from msgspec import Struct, json

from tallystick.platform.ids import typeid
from tallystick.platform.postgres.pools import Connection

BATCH_PAYMENTS: Final = 16
"""So many payments share each of their batches, as they do with 64 connections."""
BATCHES_APART: Final = timedelta(microseconds=64)
_DAY: Final = timedelta(days=1)
_PAYMENT: Final = """
SELECT id, intent_id, merchant_id FROM payments WHERE status = 'captured' ORDER BY id LIMIT 1
"""
_OF_ITS_BATCHES: Final = """
WHERE (lane, batch) IN (SELECT lane, batch FROM journal_facts WHERE aggregate_id = ANY($1))
"""
_ROWS: Final = {
    "journal_facts": "WHERE aggregate_id = ANY($1) ORDER BY position",
    "journal_claims": "WHERE subject_id = ANY($1) ORDER BY id",
    "journal_batches": f"{_OF_ITS_BATCHES} ORDER BY batch",
    "ledger_transfers": f"{_OF_ITS_BATCHES} ORDER BY id",
    "intents": "WHERE id = ANY($1)",
    "payments": "WHERE id = ANY($1)",
}
TABLES: Final = tuple(_ROWS)
# The payable part of a capture is posted first, then the fee.
_BALANCES: Final = (
    ("m.clearing_balance - m.fee", "m.clearing_version - 1"),
    ("m.clearing_balance", "m.clearing_version"),
)
_CREDITED: Final = (
    ("m.payable_balance", "m.payable_version"),
    ("m.fees_balance", "m.fees_version"),
)

Row = Mapping[str, Any]


class LogEnd(Struct, frozen=True):
    """Where the online lane ends before the first of the payments that are made."""

    batch: int
    position: int
    at: datetime


class ModelPayment(Struct, frozen=True):
    """One payment's rows by table, each table's columns with their types."""

    rows: Mapping[str, Sequence[Row]]
    types: Mapping[str, Mapping[str, str]]
    payable_id: UUID

    @property
    def accounts(self) -> tuple[UUID, UUID]:
        """What captures are debited to, and what fees are credited to."""
        _, fee = self.rows["ledger_transfers"]
        return fee["debit"], fee["credit"]

    @property
    def told(self) -> list[int]:
        """How many facts it told in each of its batches."""
        return [batch["facts"] for batch in self.rows["journal_batches"]]

    def insert(self, table: str, end: LogEnd, only: str = "true") -> str:
        """The statement by which `made_payments AS m` leave their rows in one of `TABLES`."""
        columns, marks = self.types[table], _Marks(self)
        tuples = [
            ", ".join(
                f"({places.get(column) or marks.spell(row[column], kind)})::{kind}"
                for column, kind in columns.items()
            )
            for row, places in self._placed(table, end)
        ]
        names = ", ".join(columns)
        one_a_batch = f" AND m.n % {BATCH_PAYMENTS} = 0" if table == "journal_batches" else ""
        return (
            f"INSERT INTO {table} ({names}) SELECT v.* FROM made_payments AS m"
            f" CROSS JOIN LATERAL (VALUES ({'), ('.join(tuples)})) AS v({names})"
            f" WHERE {only}{one_a_batch}"
        )

    def _placed(self, table: str, end: LogEnd) -> list[tuple[Row, dict[str, str]]]:
        """Each row, and what its place in the log and among its accounts' lines makes of it."""
        place = {
            "journal_facts": self._place_of_fact,
            "journal_batches": self._place_of_batch,
            "ledger_transfers": self._place_of_transfer,
        }.get(table)
        rows = self.rows[table]
        return [(row, place(index, end) if place else {}) for index, row in enumerate(rows)]

    def _place_of_fact(self, index: int, end: LogEnd) -> dict[str, str]:
        step = self._step(self.rows["journal_facts"][index])
        ordinal = index - sum(self.told[:step])
        behind = f"m.n % {BATCH_PAYMENTS} * {self.told[step]} + {ordinal} + 1"
        position = f"{self._position(step, end)} + {behind}"
        return {"position": position, "batch": self._batch(step, end)}

    def _place_of_batch(self, step: int, end: LogEnd) -> dict[str, str]:
        row = self.rows["journal_batches"][step]
        batch = self._batch(step, end)
        return {
            "batch": batch,
            "facts": f"{row['facts'] * BATCH_PAYMENTS}",
            "transfers": f"{row['transfers'] * BATCH_PAYMENTS}",
            "last_position": self._position(step + 1, end),
            "head": f"sha256(int8send({batch}))",
        }

    def _place_of_transfer(self, index: int, end: LogEnd) -> dict[str, str]:
        step = self._step(self.rows["ledger_transfers"][index])
        names = ("debit_balance", "debit_version", "credit_balance", "credit_version")
        values = (*_BALANCES[index], *_CREDITED[index])
        return {"batch": self._batch(step, end), **dict(zip(names, values, strict=True))}

    def _step(self, row: Row) -> int:
        return [batch["batch"] for batch in self.rows["journal_batches"]].index(row["batch"])

    def _batch(self, step: int, end: LogEnd) -> str:
        return f"{end.batch} + m.n / {BATCH_PAYMENTS} * {len(self.told)} + {step} + 1"

    def _position(self, step: int, end: LogEnd) -> str:
        """How many facts stand before those of this step."""
        before = f"m.n / {BATCH_PAYMENTS} * {sum(self.told)} + {sum(self.told[:step])}"
        return f"{end.position} + ({before}) * {BATCH_PAYMENTS}"


class _Marks:
    """What of the model belongs to it alone, and the columns that stand for it."""

    def __init__(self, model: ModelPayment) -> None:
        rows = model.rows
        (payment,), (intent,) = rows["payments"], rows["intents"]
        part, fee = rows["ledger_transfers"]
        self._instants = [batch["at"] for batch in rows["journal_batches"]]
        self._columns: dict[Any, str] = {
            payment["merchant_id"]: "merchant_id",
            rows["journal_facts"][0]["actor"]: "actor",
            model.payable_id: "payable_id",
            intent["id"]: "intent_id",
            payment["id"]: "payment_id",
            part["id"]: "posting_id",
            fee["id"]: "fee_posting_id",
            payment["amount_minor"]: "amount",
            fee["amount"]: "fee",
            part["amount"]: "amount - m.fee",
            typeid("pay", payment["id"]): "reference",
        }
        for n, claim in enumerate(rows["journal_claims"], 1):
            self._columns |= {claim["id"]: f"claim_{n}", claim["fingerprint"]: f"fingerprint_{n}"}
        for sort, words in (("request", _requests(model)), ("bank", _references(model))):
            self._columns |= {word: f"{sort}_{n}" for n, word in enumerate(words, 1)}
        words = sorted(map(str, self._columns), key=len, reverse=True)
        self._names = {str(value): column for value, column in self._columns.items()}
        self._words = re.compile(rf"(?<![0-9a-z_])({'|'.join(words)})(?![0-9a-z])")

    def spell(self, value: Any, kind: str) -> str:
        """The value as SQL: a column where it is a mark or holds some, else itself."""
        if value is None:
            return "NULL"
        if isinstance(value, datetime):
            return f"m.at + interval '{self._behind(value)}'"
        if kind in {"text", "json"}:
            return self._text(value)
        column = self._columns.get(value) if not isinstance(value, bool) else None
        return f"m.{column}" if column else f"'{value}'"

    def _text(self, text: str) -> str:
        pieces = self._words.split(text)
        quoted = [
            f"m.{self._names[piece]}" if index % 2 else "'" + piece.replace("'", "''") + "'"
            for index, piece in enumerate(pieces)
        ]
        return f"concat({', '.join(quoted)})" if len(quoted) > 1 else quoted[0]

    def _behind(self, at: datetime) -> str:
        """How long behind the first batch: as many batches, and perhaps days."""
        for step, instant in enumerate(self._instants):
            days, rest = divmod(at - instant, _DAY)
            if not rest and days >= 0:
                return f"{step * BATCHES_APART + days * _DAY}"
        raise LookupError(f"{at} does not follow from the payment's batches")


async def read_model(connection: Connection) -> ModelPayment:
    """The first captured payment. Raises LookupError when it is not as all are made."""
    payment = await connection.fetchrow(_PAYMENT)
    if payment is None:
        raise LookupError("there is no payment to make others after")
    rows: dict[str, list[Row]] = {}
    types: dict[str, dict[str, str]] = {}
    for table, where in _ROWS.items():
        statement = await connection.prepare(f"SELECT * FROM {table} {where}")
        rows[table] = [dict(row) for row in await statement.fetch([payment[0], payment[1]])]
        types[table] = {one.name: one.type.name for one in statement.get_attributes()}
    facts = len(rows["journal_facts"])
    if sum(batch["facts"] for batch in rows["journal_batches"]) != facts:
        raise LookupError("its batches hold other payments' facts")
    return ModelPayment(rows, types, rows["ledger_transfers"][0]["credit"])


def _requests(model: ModelPayment) -> list[str]:
    """The ids of its requests."""
    return list(dict.fromkeys(fact["request_id"] for fact in model.rows["journal_facts"]))


def _references(model: ModelPayment) -> list[str]:
    """What the bank calls it."""
    said = [json.decode(fact["data"]) for fact in model.rows["journal_facts"]]
    return [data["provider_reference"] for data in said if "provider_reference" in data]
