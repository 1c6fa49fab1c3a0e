"""What payouts refuse, by name. Codes are stable.

PayoutError
+-- PayoutNotFound        no such payout, or not the caller's
+-- InvalidDestination    no account or UPI id can be like this: `field` says where
+-- PayoutRouteMissing    no route pays this amount and currency out this way
+-- PayoutBusy            too many changes to this payout at once: ask again
+-- PayoutInDoubt         whether the provider has it is not known yet: ask again later
+-- NotCancellable        it was sent, or has ended
+-- IllegalPayoutStep     a fact that cannot follow: a mistake of ours, never a caller's
"""


class PayoutError(Exception):
    """Everything that payouts refuse by themselves."""

    code = "payout_error"


class PayoutNotFound(PayoutError):
    """No such payout, or not the caller's."""

    code = "payout_not_found"


class InvalidDestination(PayoutError):
    """No account and no UPI id can be like this."""

    code = "invalid_destination"

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class PayoutRouteMissing(PayoutError):
    """No configured route pays this amount and currency out this way."""

    code = "route_unavailable"


class PayoutBusy(PayoutError):
    """Too many changes to this payout at once."""

    code = "payout_busy"


class PayoutInDoubt(PayoutError):
    """Whether the provider has it is not known yet."""

    code = "payout_in_doubt"


class NotCancellable(PayoutError):
    """It was sent, or has ended."""

    code = "payout_not_cancellable"


class IllegalPayoutStep(PayoutError):
    """This fact cannot follow in this state."""

    code = "illegal_transition"
