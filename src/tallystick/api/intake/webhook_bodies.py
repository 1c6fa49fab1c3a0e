"""Document 000's webhook as it looks on the wire, for the documentation; intake judges it."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

EXAMPLE: Final[JsonDict] = {
    "reference_number": "PAY-2024-001",
    "loan_account_number": "LA123456789",
    "cif": "CIF123456",
    "amount": 1000.50,
    "payment_date": "2024-01-15T10:30:00Z",
    "payment_channel": "online_banking",
    "metadata": {"transaction_id": "TXN-001", "bank_code": "VCB"},
}


class WebhookPayment(BaseModel):
    """A payment made elsewhere. Unknown fields are ignored, unless the settings refuse them."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    reference_number: Annotated[str, Field(min_length=1, max_length=255)]
    loan_account_number: Annotated[str, Field(min_length=1, max_length=20)]
    cif: Annotated[str, Field(min_length=1, max_length=20)]
    amount: Annotated[
        float,
        Field(
            ge=0.01,
            le=9_999_999_999_999.99,
            description="In major units, with at most the currency's decimals.",
        ),
    ]
    payment_date: Annotated[
        str, Field(description="ISO 8601; without a zone, STAGING_TIMEZONE holds.")
    ]
    payment_channel: Annotated[str, Field(max_length=100)] = ""
    metadata: dict[str, Any] = {}
