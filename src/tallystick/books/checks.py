"""What a check is: a promise, and the statement that finds whoever breaks it."""

from msgspec import Struct


class Check(Struct, frozen=True):
    """A named promise over one room's tables. `sql` returns the offending rows; none is green."""

    name: str
    promise: str
    sql: str
