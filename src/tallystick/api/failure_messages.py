"""What a customer may read where something failed: beside every `failure_code`."""

from typing import Annotated

from pydantic import Field

from tallystick.api.problem_texts import TEXTS, UNLISTED
from tallystick.rails import Rails

FailureMessage = Annotated[
    str | None,
    Field(
        description="The failure in words that may be shown to the customer.",
        examples=["Your card or wallet has insufficient funds."],
    ),
]


def failure_message(failure_code: str | None) -> str | None:
    """The customer's text of one of the rails' codes; None without one."""
    return failure_code and Rails.customer_text(failure_code)


def refusal_message(failure_code: str | None) -> str | None:
    """The same of a code that an answer of ours might have had: of wallets and the ledger."""
    return failure_code and TEXTS.get(failure_code, UNLISTED).customer_message
