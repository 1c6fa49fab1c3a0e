"""A key that comes again with another wish is told which of the body's fields are not as before."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from tallystick.api.field_errors import FieldError
from tallystick.journal import JournalError

# What the door calls the fields of an order.
_NAMES: Final[Mapping[str, str]] = {
    "debit": "debit_account_id",
    "credit": "credit_account_id",
    "amount_minor": "amount",
}


class KeyStoodForAnother(Exception):
    """The Idempotency-Key was used before with other values in these fields."""

    code = "idempotency_key_reused"

    def __init__(self, detail: str, fields: Iterable[str]) -> None:
        """`detail` where no field is known to differ, which is so of a first wish refused."""
        named = [_at_the_door(field) for field in fields]
        known = f"the key stood for other values in {', '.join(named)}"
        super().__init__(known if named else detail)
        self.errors = tuple(
            FieldError(name, "differs", "The key stood for another value") for name in named
        )


@contextmanager
def differences_named() -> Iterator[None]:
    """Let an error that knows which `fields` differ say so in the words of the door."""
    try:
        yield
    except JournalError as error:
        raise in_our_words(error) from None


def in_our_words(error: JournalError) -> Exception:
    """The error itself, or KeyStoodForAnother when it knows which fields differ."""
    fields = getattr(error, "fields", None)
    return error if fields is None else KeyStoodForAnother(str(error), fields)


def _at_the_door(field: str) -> str:
    head, dot, name = field.rpartition(".")
    return f"{head}{dot}{_NAMES.get(name, name)}"
