"""What `doctor` found out about one need."""

from typing import Literal

from msgspec import Struct

State = Literal["ok", "note", "broken"]


class Finding(Struct, frozen=True):
    """One need, how it is met, and how to mend it."""

    need: str
    state: State
    seen: str
    mend: str | None = None
