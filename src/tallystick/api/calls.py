"""A call as a verb sees it: who calls, from where, and which wish it is."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header
from starlette.requests import Request

from tallystick.api.exchange import Exchange, exchange_of
from tallystick.api.idempotency import HEADER, KEY_PATTERN, Rule, asked, tell_replayed
from tallystick.identity import Principal
from tallystick.journal import Asked, Origin


class Call:
    """An authenticated request, without HTTP."""

    def __init__(self, request: Request) -> None:
        exchange: Exchange = exchange_of(request)
        if exchange.principal is None:
            raise LookupError("this route does not authenticate")
        self._exchange = exchange
        self._path: str = request.scope["path"]
        self._rule: Rule = request.app.state.settings.idempotency_required
        self.principal: Principal = exchange.principal
        self.origin: Origin = exchange.origin

    @property
    def merchant_id(self) -> UUID | None:
        """Whose objects the caller sees: a merchant its own; None, an operator, everybody's."""
        return self.principal.merchant_id

    def asked(self, verb: str) -> Asked:
        """This wish, to be done exactly once. Raises the errors of `idempotency`."""
        return asked(self._exchange, self._path, verb, self._rule)

    def tell(self, *, replayed: bool) -> None:
        """Say in the answer whether it was given before."""
        if replayed:
            tell_replayed(self._exchange)


async def _call(request: Request) -> Call:
    return Call(request)


async def _money_call(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias=HEADER,
            description="A new value for each new wish; the same value repeats the same wish.",
            json_schema_extra={"minLength": 1, "maxLength": 255, "pattern": KEY_PATTERN},
        ),
    ] = None,
) -> Call:
    del idempotency_key  # declared for the documentation; `asked` reads the header itself
    return Call(request)


# Coroutines, though they wait for nothing: FastAPI would run a function in a thread.
AnyCall = Annotated[Call, Depends(_call)]
MoneyCall = Annotated[Call, Depends(_money_call)]
