"""What this room refuses, by name. Codes are stable; the doors turn them into statuses.

PaymentsError
+-- NotFound               intent_not_found | payment_not_found | refund_not_found
+-- Invalid                a value that cannot be: the code says which
+-- NotPossible            the object's state forbids the verb: the code says which
|   +-- PaymentBusy        another verb runs at the provider right now; ask again
+-- InvalidClientSecret    not the secret of any intent
+-- RouteUnavailable       no route takes this amount, currency and method
+-- RiskBlocked            our own checks said no before any bank was asked
+-- ProviderDeclined       the bank said no to a capture or a cancel; the payment stands
+-- IllegalTransition      a fact that cannot follow: a mistake of ours, never a caller's
"""


class PaymentsError(Exception):
    """Everything this room refuses."""

    code = "payments_error"

    def __init__(self, detail: str, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if code is not None:
            self.code = code


class NotFound(PaymentsError):
    """No such object, or not the caller's."""


class Invalid(PaymentsError):
    """A value is well formed and still cannot be."""


class InvalidClientSecret(PaymentsError):
    """Whoever shows this is the payer of nothing."""

    code = "invalid_client_secret"


class NotPossible(PaymentsError):
    """The object is not in a state for this."""


class PaymentBusy(NotPossible):
    """Another verb runs on this payment; its end decides what is possible next."""

    code = "payment_busy"


class RouteUnavailable(PaymentsError):
    """No configured route takes this payment."""

    code = "route_unavailable"


class RiskBlocked(PaymentsError):
    """Our own checks said no; no bank was asked."""

    code = "fraud_blocked"


class ProviderDeclined(PaymentsError):
    """The provider refused a capture or a cancel: `capture_declined`, `cancel_declined`."""


class IllegalTransition(PaymentsError):
    """This fact cannot follow in this state."""

    code = "illegal_transition"
