"""What a webhook's body says."""

from tallystick.intake.fields import read_payment
from tallystick.intake.model import FieldError, IntakeTerms, InvalidPayment, ReportedPayment


def parse_webhook(body: object, terms: IntakeTerms) -> ReportedPayment:
    """The payment in a decoded JSON body, whose numbers are int or Decimal, never float.

    Unknown fields are ignored. Raises InvalidPayment with every fault at once.
    """
    if not isinstance(body, dict):
        raise InvalidPayment((FieldError("body", "must be an object"),))
    return read_payment(body, terms)
