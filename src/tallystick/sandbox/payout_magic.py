"""What magic amounts and destinations make a bank do with a payout: one table.

The last two digits say what happens: of an amount 4400 to 4499 in minor units, or of an account
number `4400000000` plus two digits. A UPI id of the table's name `@sandbox` does the same.
"""

from msgspec import Struct

from tallystick.sandbox.magic import Fault
from tallystick.sandbox.payout_model import PayoutOrder


class PayoutBehaviour(Struct, frozen=True):
    """Refuse, wait with the decision, pay and give it back later, or answer badly."""

    refuse: str | None = None
    comes_back: str | None = None
    pending: bool = False
    fault: Fault | None = None


PAY = PayoutBehaviour()

# last two digits, name before @sandbox, what happens
PAYOUT_MAGIC: tuple[tuple[int, str, PayoutBehaviour], ...] = (
    (1, "account_closed", PayoutBehaviour(refuse="account_closed")),
    (2, "no_such_account", PayoutBehaviour(refuse="invalid_account")),
    (3, "other_name", PayoutBehaviour(refuse="name_mismatch")),
    (4, "over_limit", PayoutBehaviour(refuse="payee_limit_exceeded")),
    (20, "returned_closed", PayoutBehaviour(comes_back="account_closed")),
    (21, "returned_invalid", PayoutBehaviour(comes_back="invalid_account")),
    (22, "pending_then_returned", PayoutBehaviour(pending=True, comes_back="name_mismatch")),
    (50, "slow", PayoutBehaviour(fault=Fault.SLOW)),
    (51, "pay_then_drop", PayoutBehaviour(fault=Fault.CHARGE_THEN_DROP)),
    (52, "drop_before", PayoutBehaviour(fault=Fault.DROP_BEFORE)),
    (53, "500", PayoutBehaviour(fault=Fault.ERROR_500)),
    (54, "429", PayoutBehaviour(fault=Fault.BUSY_429)),
    (55, "html", PayoutBehaviour(fault=Fault.HTML)),
    (56, "wrong_schema", PayoutBehaviour(fault=Fault.WRONG_SCHEMA)),
    (57, "pending", PayoutBehaviour(pending=True)),
    (58, "pay_then_500", PayoutBehaviour(fault=Fault.CHARGE_THEN_500)),
    (59, "late_pay", PayoutBehaviour(fault=Fault.LATE_CHARGE)),
    (60, "pending_then_refused", PayoutBehaviour(pending=True, refuse="account_closed")),
)
MAGIC_AMOUNT = 4400
MAGIC_ACCOUNT = "4400000000"
MAGIC_HANDLE = "@sandbox"

_BY_AMOUNT = {MAGIC_AMOUNT + digits: behaviour for digits, _, behaviour in PAYOUT_MAGIC}
_BY_DESTINATION = {
    destination: behaviour
    for digits, name, behaviour in PAYOUT_MAGIC
    for destination in (f"{MAGIC_ACCOUNT}{digits:02}", f"{name}{MAGIC_HANDLE}")
}


def payout_behaviour(order: PayoutOrder) -> PayoutBehaviour:
    """What the order asks the bank to do, by its destination first, then by its amount."""
    by_amount = _BY_AMOUNT.get(order.amount_minor, PAY)
    return _BY_DESTINATION.get(order.destination, by_amount)
