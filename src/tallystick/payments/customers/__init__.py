"""Customers of merchants, and the payment methods they leave behind to be used again.

Promises: a method is a token and what may be shown of it, never a card number; one default at most;
names and addresses are sealed under the customer's key, and erased by its destruction.
Tables: `customers`, `payment_methods`. Facts: `customer.*`, `payment_method.*`.
"""

from tallystick.payments.customers.customers import Customers
from tallystick.payments.customers.folds import CUSTOMERS, PAYMENT_METHODS
from tallystick.payments.customers.model import Caller as Caller
from tallystick.payments.customers.model import (
    CustomerRow,
    CustomerTerms,
    MethodWish,
    PaymentMethodRow,
    Saved,
)
from tallystick.payments.customers.store import CHECKS as checks
from tallystick.payments.customers.store import CustomersWanted
from tallystick.payments.customers.tokens import BRANDS, CardDetails, masked_handle

projections = (CUSTOMERS, PAYMENT_METHODS)

__all__ = [
    "BRANDS",
    "CardDetails",
    "CustomerRow",
    "CustomerTerms",
    "Customers",
    "CustomersWanted",
    "MethodWish",
    "PaymentMethodRow",
    "Saved",
    "checks",
    "masked_handle",
    "projections",
]
