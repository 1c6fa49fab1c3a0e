"""`tallystick trigger`: makes something really happen in test mode, for whoever waits for it.

Nothing is made up: the calls a merchant would make are made, the sandbox's bank answers, and the
books know of it.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tallystick.cli.command import command
from tallystick.cli.failures import CannotRun, WrongUsage
from tallystick.cli.payments import PATH, opened_api
from tallystick.cli.terminal import Output, show_record

if TYPE_CHECKING:
    from tallystick.cli.api_client import ApiClient

INTENTS: Final = "/api/v1/intents"
REFUNDS: Final = "/api/v1/refunds"
CUSTOMERS: Final = "/api/v1/customers"
DISPUTES: Final = "/api/v1/disputes"
METHODS: Final = "/api/v1/payment-methods"
AMOUNT: Final = 125_000
CURRENCY: Final = "INR"
REFUSED_REFUND: Final = 4_201
"""A magic amount: the sandbox's banks refuse a refund of it."""
LOST_REFUND: Final = 4_252
"""A magic amount: the first order of such a refund never reaches its bank."""
PATIENCE_S: Final = 200.0
"""A worker reads of disputes every minute, and a minute after the answer asks how it ended."""
_LOOK_S: Final = 0.5
_NO_WORKER: Final = "no worker has learned of it: is `tallystick work` or `tallystick up` running?"

Made = dict[str, Any]
Play = Callable[["ApiClient"], Awaitable[Made]]


def add_trigger(program: typer.Typer) -> None:
    """`trigger`."""
    command(program, "trigger", example="tallystick trigger payment.captured")(trigger)


async def trigger(
    event: Annotated[str, typer.Argument(help="What is to happen, such as payment.captured.")],
    output: Output = None,
) -> None:
    """Make an event happen through the API and the sandbox's banks, and show the object it is of.

    Any word that is none lists those there are. Disputes wait for a worker to learn of them, and
    refund.cancelled for half a minute (PROVIDER_SETTLE_MS): until no order can be on its way.
    """
    if event not in PLAYS:
        raise WrongUsage(f"{event}: one of {', '.join(PLAYS)}")
    async with opened_api() as api:
        made = await PLAYS[event](api)
    shown = ("id", "status", "amount", "currency", "failure_code", "created_at")
    show_record(output, {"event": event} | {name: made.get(name) for name in shown})


async def _paid(api: "ApiClient", **more: object) -> Made:
    body = {"amount": AMOUNT, "currency": CURRENCY, "payment_method": "tok_visa"}
    return (await api.post(PATH, body | more)).body


async def _done(api: "ApiClient", made: Made, verb: str, **body: object) -> Made:
    noun = PATH if made["id"].startswith("pay_") else INTENTS
    return (await api.post(f"{noun}/{made['id']}/{verb}", body)).body


async def _refunded(api: "ApiClient", amount: int | None = None) -> Made:
    await _paid(api)  # a refund gives back the fee as well, and somebody must have earned it
    paid = await _paid(api)
    part = {} if amount is None else {"amount": amount}
    return (await api.post(REFUNDS, {"payment_id": paid["id"]} | part)).body


async def _payment_of(api: "ApiClient", refund: Made) -> Made:
    return (await api.get(f"{PATH}/{refund['payment_id']}")).body


async def _intent(api: "ApiClient") -> Made:
    return (await api.post(INTENTS, {"amount": AMOUNT, "currency": CURRENCY})).body


async def _confirmed(api: "ApiClient", payment_method: str) -> Made:
    return await _done(api, await _intent(api), "confirm", payment_method=payment_method)


async def _authorized(api: "ApiClient") -> Made:
    return await _paid(api, capture_method="manual")


async def _captured(api: "ApiClient") -> Made:
    return await _done(api, await _authorized(api), "capture")


async def _failed(api: "ApiClient") -> Made:
    return await _paid(api, payment_method="tok_declined")


async def _unanswered(api: "ApiClient") -> Made:
    return await _paid(api, payment_method="tok_charge_then_drop")


async def _cancelled(api: "ApiClient") -> Made:
    return await _done(api, await _authorized(api), "cancel")


async def _wholly_refunded(api: "ApiClient") -> Made:
    return await _payment_of(api, await _refunded(api))


async def _partly_refunded(api: "ApiClient") -> Made:
    return await _payment_of(api, await _refunded(api, AMOUNT // 5))


async def _refund_failed(api: "ApiClient") -> Made:
    return await _refunded(api, REFUSED_REFUND)


async def _refund_cancelled(api: "ApiClient") -> Made:
    from tallystick.cli.api_client import ApiRefused

    refund = await _refunded(api, LOST_REFUND)

    async def cancel() -> Made | None:
        try:
            return (await api.post(f"{REFUNDS}/{refund['id']}/cancel", {})).body
        except ApiRefused as refused:
            if refused.code != "refund_in_doubt":
                raise
            return None

    return await _awaited(cancel, "its order may still be on its way: does the clock run?")


async def _intent_succeeded(api: "ApiClient") -> Made:
    return await _confirmed(api, "tok_visa")


async def _intent_failed(api: "ApiClient") -> Made:
    return await _confirmed(api, "tok_declined")


async def _payer_asked(api: "ApiClient") -> Made:
    return await _confirmed(api, "tok_challenge")


async def _customer(api: "ApiClient") -> Made:
    return (await api.post(CUSTOMERS, {"name": "Asha Rao"})).body


async def _saved(api: "ApiClient") -> Made:
    body = {"customer_id": (await _customer(api))["id"], "token": "tok_visa"}
    return (await api.post(METHODS, body)).body


async def _intent_cancelled(api: "ApiClient") -> Made:
    return await _done(api, await _intent(api), "cancel")


async def _dispute_opened(api: "ApiClient") -> Made:
    return await _disputed(api, "tok_disputed")


async def _disputed(api: "ApiClient", token: str) -> Made:
    await _paid(api)  # a dispute takes the fee as well, and somebody must have earned it
    paid = await _paid(api, payment_method=token)

    async def find() -> Made | None:
        page = (await api.get(f"{DISPUTES}?payment_id={paid['id']}")).body
        return next(iter(page["data"]), None)

    return await _awaited(find, _NO_WORKER)


async def _contested(api: "ApiClient", token: str, status: str) -> Made:
    one = f"{DISPUTES}/{(await _disputed(api, token))['id']}"
    await api.post(f"{one}/submit", {"explanation": "The customer picked the order up himself."})

    async def find() -> Made | None:
        found = (await api.get(one)).body
        return found if found["status"] == status else None

    return await _awaited(find, _NO_WORKER)


async def _awaited(find: Callable[[], Awaitable[Made | None]], why_not: str) -> Made:
    """What time, or a worker, will have made. Raises CannotRun, saying why, when it does not."""
    import asyncio

    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_S
    while loop.time() < until:
        if found := await find():
            return found
        await asyncio.sleep(_LOOK_S)
    raise CannotRun(why_not)


async def _dispute_won(api: "ApiClient") -> Made:
    return await _contested(api, "tok_disputed", "won")


async def _dispute_lost(api: "ApiClient") -> Made:
    return await _contested(api, "tok_disputed_lost", "lost")


PLAYS: Final[dict[str, Play]] = {
    "payment.authorized": _authorized,
    "payment.captured": _captured,
    "payment.failed": _failed,
    "payment.outcome_unknown": _unanswered,
    "payment.cancelled": _cancelled,
    "payment.partially_refunded": _partly_refunded,
    "payment.refunded": _wholly_refunded,
    "refund.succeeded": _refunded,
    "refund.failed": _refund_failed,
    "refund.cancelled": _refund_cancelled,
    "intent.created": _intent,
    "intent.succeeded": _intent_succeeded,
    "intent.payment_failed": _intent_failed,
    "intent.action_required": _payer_asked,
    "intent.cancelled": _intent_cancelled,
    "customer.created": _customer,
    "payment_method.attached": _saved,
    "dispute.opened": _dispute_opened,
    "dispute.won": _dispute_won,
    "dispute.lost": _dispute_lost,
}
