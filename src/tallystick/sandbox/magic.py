"""What test tokens and magic amounts make a bank do: one table.

A token works on authorizations. An amount works on any operation: hundreds say which (4000 an
authorization, 4100 a capture, 4200 a refund, 4300 the void of an authorization of that amount),
the last two digits say what happens. So 4002 is an authorization declined for insufficient funds
and 4151 a capture that is made and then never answered.
"""

from enum import StrEnum

from msgspec import Struct

from tallystick.sandbox.dispute_magic import BY_TOKEN as DISPUTING
from tallystick.sandbox.model import Bank, Kind, Operation, Order


class Fault(StrEnum):
    """How the first answer to a reference goes wrong. Later ones are sound."""

    SLOW = "slow"  # done, answered when the caller has long gone
    CHARGE_THEN_DROP = "charge_then_drop"  # done, the connection dropped
    CHARGE_THEN_500 = "charge_then_500"  # done, answered with a server error
    WRONG_SCHEMA = "wrong_schema"  # done, answered in another dialect
    LATE_CHARGE = "late_charge"  # done only when the caller has long gone
    DROP_BEFORE = "drop_before"  # not done, the connection dropped
    ERROR_500 = "500"  # not done, a server error
    BUSY_429 = "429"  # not done, "too many requests"
    HTML = "html"  # not done, a web page with status 200


BEFORE_EFFECT = frozenset(
    {Fault.LATE_CHARGE, Fault.DROP_BEFORE, Fault.ERROR_500, Fault.BUSY_429, Fault.HTML}
)


class Behaviour(Struct, frozen=True):
    """What a bank does when told to: decline, wait with the decision, or answer badly."""

    decline: str | None = None
    everywhere: bool = True  # False: only a bank that does not reach every issuer declines
    pending: bool = False
    fault: Fault | None = None
    challenge: bool = False  # the payer is asked before anything is decided


APPROVE = Behaviour()
INVALID_CARD = Behaviour(decline="invalid_card")

APPROVING_TOKENS = ("tok_visa", "tok_mastercard")

# last two digits of a magic amount, test token, what happens
MAGIC: tuple[tuple[int, str, Behaviour], ...] = (
    (1, "tok_declined", Behaviour(decline="do_not_honour")),
    (2, "tok_insufficient_funds", Behaviour(decline="insufficient_funds")),
    (3, "tok_expired_card", Behaviour(decline="expired_card")),
    (4, "tok_stolen_card", Behaviour(decline="stolen_card")),
    (5, "tok_limit_exceeded", Behaviour(decline="limit_exceeded")),
    (6, "tok_issuer_down", Behaviour(decline="issuer_unavailable", everywhere=False)),
    (7, "tok_issuer_down_everywhere", Behaviour(decline="issuer_unavailable")),
    (50, "tok_slow", Behaviour(fault=Fault.SLOW)),
    (51, "tok_charge_then_drop", Behaviour(fault=Fault.CHARGE_THEN_DROP)),
    (52, "tok_drop_before", Behaviour(fault=Fault.DROP_BEFORE)),
    (53, "tok_500", Behaviour(fault=Fault.ERROR_500)),
    (54, "tok_429", Behaviour(fault=Fault.BUSY_429)),
    (55, "tok_html", Behaviour(fault=Fault.HTML)),
    (56, "tok_wrong_schema", Behaviour(fault=Fault.WRONG_SCHEMA)),
    (57, "tok_pending", Behaviour(pending=True)),
    (58, "tok_charge_then_500", Behaviour(fault=Fault.CHARGE_THEN_500)),
    (59, "tok_late_charge", Behaviour(fault=Fault.LATE_CHARGE)),
    (60, "tok_pending_then_declined", Behaviour(pending=True, decline="do_not_honour")),
)

# Tokens alone: an amount says what happens once the payer has passed.
CHALLENGES: tuple[tuple[str, Behaviour], ...] = (
    ("tok_challenge", Behaviour(challenge=True)),
    ("tok_challenge_then_drop", Behaviour(challenge=True, fault=Fault.CHARGE_THEN_DROP)),
)

MAGIC_AMOUNTS = {
    Kind.AUTHORIZATION: 4000,
    Kind.CAPTURE: 4100,
    Kind.REFUND: 4200,
    Kind.VOID: 4300,
}

_BY_TOKEN = {token: behaviour for _, token, behaviour in MAGIC} | dict(CHALLENGES)
_BY_AMOUNT = {
    (kind, hundreds + digits): behaviour
    for kind, hundreds in MAGIC_AMOUNTS.items()
    for digits, _, behaviour in MAGIC
}


def behaviour_of(order: Order, authorization: Operation | None) -> Behaviour:
    """What the order asks the bank to do, by its token first, then by its amount.

    A void has no amount of its own: that of its authorization counts.
    """
    if order.kind is Kind.AUTHORIZATION and order.token not in APPROVING_TOKENS:
        approves = order.token in DISPUTING  # it is later that the cardholder complains
        return APPROVE if approves else _BY_TOKEN.get(order.token, INVALID_CARD)
    amount = order.amount_minor
    if order.kind is Kind.VOID and authorization is not None:
        amount = authorization.amount_minor
    return _BY_AMOUNT.get((order.kind, amount), APPROVE)


def behaviour_of_amount(order: Order) -> Behaviour:
    """What the amount alone asks of an authorization whose payer has been asked."""
    return _BY_AMOUNT.get((order.kind, order.amount_minor), APPROVE)


def decline_of(behaviour: Behaviour, bank: Bank) -> str | None:
    """The code with which this bank declines, or None when it approves."""
    if not behaviour.everywhere and bank.reaches_every_issuer:
        return None
    return behaviour.decline
