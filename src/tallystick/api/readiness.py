"""Whether this process may be sent requests."""


class Readiness:
    """The server turns `draining` on before it closes; `/ready` reads it."""

    def __init__(self) -> None:
        self.draining = False
