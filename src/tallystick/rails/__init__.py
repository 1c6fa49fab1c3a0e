"""Rails: the ways to a bank, and every word we speak to one.

Promises: an order that may have arrived is never called declined; what is not clearly understood
is Unanswered, and `Rails.find` asks again by our own reference. Every exchange has a time limit
and a byte cap. Owns no table, tells no fact, never runs inside a transaction.
"""

from tallystick.rails import disputes as disputes
from tallystick.rails import payouts
from tallystick.rails.model import (
    Approved,
    AuthorizeOrder,
    CaptureOrder,
    Declined,
    NotFound,
    Pending,
    RefundOrder,
    Route,
    Unanswered,
    VoidOrder,
)

# What an order may end in: a name for annotations, and everything it stands for is on the plate.
from tallystick.rails.model import Outcome as Outcome
from tallystick.rails.rails import Rails

__all__ = [
    "Approved",
    "AuthorizeOrder",
    "CaptureOrder",
    "Declined",
    "NotFound",
    "Pending",
    "Rails",
    "RefundOrder",
    "Route",
    "Unanswered",
    "VoidOrder",
    "payouts",
]
