"""From the texts of one row to the payment it reports."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NoReturn

from tallystick.intake.fields import FIELDS, read_payment
from tallystick.intake.files import REASON_COLUMN, ROW_COLUMN, FileRow
from tallystick.intake.model import FieldError, IntakeTerms, InvalidPayment, ReportedPayment

IMPORT_KEY: Final = "import_id"
_KNOWN: Final = frozenset({*FIELDS, ROW_COLUMN, REASON_COLUMN})
_PLAIN: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?", re.ASCII)


def reported_by(row: FileRow, terms: IntakeTerms, import_id: str) -> ReportedPayment:
    """The payment of a row. An empty cell is an absent one.

    Columns that document 000 does not know are kept in the metadata, as text. Raises
    InvalidPayment with every fault.
    """
    if row.fault:
        raise InvalidPayment((FieldError("row", row.fault),))
    cells = {column: text for column, text in row.values.items() if text}
    kept = {IMPORT_KEY: import_id} | {
        column: text for column, text in cells.items() if column not in _KNOWN
    }
    metadata = _json(cells["metadata"]) if "metadata" in cells else {}
    values: dict[str, object] = {
        **cells,
        "metadata": metadata | kept if isinstance(metadata, dict) else metadata,
    }
    if "amount" in cells:
        values["amount"] = _number(cells["amount"])
    return _read(values, terms, clashes=_clashes(metadata, kept))


def _read(
    values: Mapping[str, object], terms: IntakeTerms, clashes: tuple[FieldError, ...]
) -> ReportedPayment:
    try:
        payment = read_payment(values, terms)
    except InvalidPayment as invalid:
        raise InvalidPayment(invalid.errors + clashes) from None
    if clashes:
        raise InvalidPayment(clashes)
    return payment


def _clashes(metadata: object, kept: Mapping[str, object]) -> tuple[FieldError, ...]:
    """Neither of two values of one name may win unseen."""
    if not isinstance(metadata, dict) or kept.keys().isdisjoint(metadata):
        return ()
    both = sorted(kept.keys() & metadata.keys())
    return tuple(
        FieldError("metadata", f"has the key {key}, which is a column or ours") for key in both
    )


def _number(text: str) -> Decimal | str:
    return Decimal(text) if _PLAIN.fullmatch(text) else text


def _json(text: str) -> Any:
    """The value that `text` means, or the text itself when it is not JSON."""
    try:
        return _DECODER.decode(text)
    except (ValueError, ArithmeticError, RecursionError):
        return text


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)
