"""Customers and their payment methods as they look outside."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from tallystick.api.fields import (
    EXAMPLE_SUFFIX,
    Body,
    CustomerId,
    Description,
    MerchantName,
    MerchantView,
    Metadata,
    View,
    example,
    one_of,
)
from tallystick.payments import PaymentsError
from tallystick.payments.customers import (
    BRANDS,
    CustomerRow,
    CustomerTerms,
    PaymentMethodRow,
    Saved,
    masked_handle,
)
from tallystick.platform.ids import typeid


def _printable(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise PydanticCustomError("string_pattern_mismatch", "Expected printable characters")
    return text


def _maskable(text: str) -> str:
    try:
        masked_handle(text)
    except PaymentsError as error:
        raise PydanticCustomError(
            "string_pattern_mismatch", "{why}", {"why": error.detail}
        ) from None
    return text


Reference = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._:-]{1,64}$",
        description="Your own name for it: one active customer has it. Stands in the log in clear.",
        examples=["shop-7"],
    ),
]
Name = Annotated[
    str, Field(min_length=1, max_length=200, examples=["Asha Rao"]), AfterValidator(_printable)
]
Email = Annotated[
    str,
    Field(max_length=254, pattern=r"^[^@\s]{1,64}@[^@\s]{1,189}$", examples=["asha@example.com"]),
    AfterValidator(_printable),
]
Phone = Annotated[str, Field(pattern=r"^\+?[0-9][0-9 ().-]{2,31}$", examples=["+91 98450 12345"])]
Brand = Literal["visa", "mastercard", "rupay", "amex", "diners", "discover", "jcb", "maestro"]
Token = Annotated[
    str,
    Field(
        pattern=r"^(tok|upi|wal)_[A-Za-z0-9_]{1,64}$",
        description="What stands for the card or the UPI handle, never a number; or a wallet's id,"
        " which an operator saves with its owner's consent.",
        examples=["tok_visa"],
    ),
]


# What is asked ----------------------------------------------------------------------------------


class CustomerText(Body):
    """What a merchant says of a customer. Personal text is kept sealed, and can be erased."""

    reference: Reference | None = None
    name: Name | None = None
    email: Email | None = None
    phone: Phone | None = None
    description: Description | None = None
    metadata: Metadata | None = None

    def terms(self) -> CustomerTerms:
        """What was said; what was not mentioned is UNSET."""
        names = CustomerTerms.__struct_fields__
        return CustomerTerms(
            **{name: getattr(self, name) for name in names if name in self.model_fields_set}
        )


class CreateCustomer(CustomerText):
    """Somebody who pays a merchant."""

    model_config = example({"reference": "shop-7", "name": "Asha Rao", "email": "asha@example.com"})

    merchant: MerchantName | None = None


class UpdateCustomer(CustomerText):
    """What is different: what is left out stays, null takes it away; metadata is replaced."""

    model_config = example({"email": None, "phone": "+91 98450 12345"})


class CloseCustomer(Body):
    """Nothing needs to be said."""

    model_config = example({})


class EraseCustomer(Body):
    """Nothing needs to be said."""

    model_config = example({})


class CardText(Body):
    """What may be shown of a card, as whoever made the token tells it."""

    brand: Brand | None = None
    last4: Annotated[str | None, Field(pattern=r"^[0-9]{4}$", examples=["4242"])] = None
    exp_month: Annotated[int | None, Field(ge=1, le=12)] = None
    exp_year: Annotated[int | None, Field(ge=2000, le=2100)] = None


class AttachPaymentMethod(Body):
    """A token to be kept, with what may be shown of it."""

    model_config = example(
        {
            "customer_id": f"cus_{EXAMPLE_SUFFIX}",
            "token": "tok_visa",
            "card": {"last4": "4242", "exp_month": 12, "exp_year": 2031},
        }
    )

    customer_id: CustomerId
    token: Token
    card: CardText | None = None
    upi_handle: Annotated[
        str | None,
        Field(max_length=321, description="Only its mask is kept.", examples=["asha@okbank"]),
        AfterValidator(lambda text: text if text is None else _maskable(text)),
    ] = None
    make_default: Annotated[bool, Field(description="The first is the default anyway.")] = False


class SetDefault(Body):
    """Nothing needs to be said."""

    model_config = example({})


class DetachPaymentMethod(Body):
    """Nothing needs to be said."""

    model_config = example({})


# What is answered -------------------------------------------------------------------------------


class CustomerView(View):
    """A customer. Once erased, all that was personal is null."""

    id: Annotated[str, Field(examples=[f"cus_{EXAMPLE_SUFFIX}"])]
    merchant: MerchantView
    reference: str | None
    status: Annotated[str, one_of("active", "closed")]
    name: str | None
    email: str | None
    phone: str | None
    description: str | None
    metadata: dict[str, str]
    default_payment_method: Annotated[
        str | None, Field(description="What is paid with unless told.")
    ]
    payment_methods: Annotated[int, Field(description="How many are attached.")]
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    erased_at: datetime | None

    @classmethod
    def of(cls, saved: Saved[CustomerRow]) -> Self:
        """From the room's answer."""
        row, text = saved.row, saved.text
        default = row.default_method_id
        return cls(
            id=typeid("cus", row.id),
            merchant=MerchantView(id=typeid("mer", row.merchant_id)),
            reference=row.reference,
            status=row.status,
            name=text.get("name"),
            email=text.get("email"),
            phone=text.get("phone"),
            description=text.get("description"),
            metadata=text.get("metadata", {}),
            default_payment_method=typeid("pm", default) if default else None,
            payment_methods=row.methods,
            created_at=row.created_at,
            updated_at=row.updated_at,
            closed_at=row.closed_at,
            erased_at=row.erased_at,
        )


class CardView(View):
    """What may be shown of a card; null is what nobody told."""

    brand: Annotated[str, one_of(*BRANDS)] | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None


class UpiView(View):
    """What may be shown of a UPI handle."""

    handle: Annotated[str | None, Field(examples=["...a@okbank"])]


class SavedWalletView(View):
    """A wallet with us, whose owner allowed it to be saved."""

    wallet_id: Annotated[str, Field(examples=[f"wal_{EXAMPLE_SUFFIX}"])]


class PaymentMethodView(View):
    """A saved payment method. A card's token and number are never shown."""

    id: Annotated[str, Field(examples=[f"pm_{EXAMPLE_SUFFIX}"])]
    customer_id: Annotated[str, Field(examples=[f"cus_{EXAMPLE_SUFFIX}"])]
    merchant: MerchantView
    type: Annotated[str, one_of("card", "upi", "wallet")]
    status: Annotated[str, one_of("attached", "detached")]
    card: CardView | None
    upi: UpiView | None
    wallet: SavedWalletView | None
    created_at: datetime
    detached_at: datetime | None

    @classmethod
    def of(cls, saved: Saved[PaymentMethodRow]) -> Self:
        """From the room's answer."""
        row, text = saved.row, saved.text
        card: dict[str, Any] = text.get("card", {})
        kind = row.method_kind
        return cls(
            id=typeid("pm", row.id),
            customer_id=typeid("cus", row.customer_id),
            merchant=MerchantView(id=typeid("mer", row.merchant_id)),
            type=kind,
            status=row.status,
            card=_card(card) if kind == "card" else None,
            upi=UpiView(handle=text.get("upi_handle")) if kind == "upi" else None,
            wallet=SavedWalletView(wallet_id=row.token) if kind == "wallet" else None,
            created_at=row.attached_at,
            detached_at=row.detached_at,
        )


class CustomerPage(View):
    """Customers, latest first."""

    data: list[CustomerView]
    next_cursor: str | None


class PaymentMethodList(View):
    """All payment methods of a customer, latest first."""

    data: list[PaymentMethodView]
    next_cursor: None = None


def _card(told: dict[str, Any]) -> CardView:
    return CardView(
        brand=told.get("brand"),
        last4=told.get("last4"),
        exp_month=told.get("exp_month"),
        exp_year=told.get("exp_year"),
    )
