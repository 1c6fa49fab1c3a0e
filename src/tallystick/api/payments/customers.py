"""`/api/v1/customers` and `/api/v1/payment-methods`: who pays, and what he left to be paid with."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import Body as BodyField
from fastapi import Query

from tallystick.api.calls import AnyCall, Call, MoneyCall
from tallystick.api.fields import CustomerId
from tallystick.api.ids import acting_merchant, path_id
from tallystick.api.pages import PAGE_DEFAULT, Cursor, Cursors, Limit
from tallystick.api.payments.customer_views import (
    AttachPaymentMethod,
    CloseCustomer,
    CreateCustomer,
    CustomerPage,
    CustomerView,
    DetachPaymentMethod,
    EraseCustomer,
    PaymentMethodList,
    PaymentMethodView,
    Reference,
    SetDefault,
    UpdateCustomer,
)
from tallystick.api.strict_route import StrictRoutes
from tallystick.app import App
from tallystick.identity import Permission
from tallystick.payments.customers import (
    CardDetails,
    CustomerRow,
    CustomersWanted,
    PaymentMethodRow,
    Saved,
)
from tallystick.platform.ids import parse_typeid

PATH: Final = "/api/v1/customers"
METHODS_PATH: Final = "/api/v1/payment-methods"
_CURSORS: Final = Cursors("customers")


@dataclass(frozen=True, slots=True)
class CustomerRoutes:
    """The handlers of customers."""

    app: App

    async def create_customer(self, body: CreateCustomer, call: MoneyCall) -> CustomerView:
        """Make a customer known."""
        asked = call.asked("customers.create")  # what is refused from here on is remembered
        merchant = await acting_merchant(self.app.merchants, call.principal, body.merchant)
        saved = await self.app.customers.create(
            merchant, body.terms(), asked=asked, origin=call.origin
        )
        return _customer(saved, call)

    async def get_customer(self, customer_id: str, call: AnyCall) -> CustomerView:
        """A customer as it stands."""
        saved = await self.app.customers.get(
            _customer_id(customer_id), merchant_id=call.merchant_id
        )
        return CustomerView.of(saved)

    async def list_customers(
        self,
        call: AnyCall,
        *,
        reference: Annotated[Reference | None, Query()] = None,
        status: Annotated[Literal["active", "closed"] | None, Query()] = None,
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
    ) -> CustomerPage:
        """Customers, latest first; an operator lists everybody's."""
        wanted = CustomersWanted(call.merchant_id, reference, status)
        page = await self.app.customers.list_customers(
            wanted, cursor=_CURSORS.place(cursor), limit=limit
        )
        return CustomerPage(
            data=[CustomerView.of(saved) for saved in page.rows],
            next_cursor=_CURSORS.next(page.next_cursor),
        )

    async def update_customer(
        self, customer_id: str, body: UpdateCustomer, call: MoneyCall
    ) -> CustomerView:
        """Say something else of a customer."""
        saved = await self.app.customers.update(
            _customer_id(customer_id),
            body.terms(),
            merchant_id=call.merchant_id,
            asked=call.asked("customers.update"),
            origin=call.origin,
        )
        return _customer(saved, call)

    async def close_customer(
        self, customer_id: str, call: MoneyCall, body: CloseCustomer = BodyField(CloseCustomer())
    ) -> CustomerView:
        """Close a customer for good; every payment method is detached."""
        del body
        saved = await self.app.customers.close(
            _customer_id(customer_id),
            merchant_id=call.merchant_id,
            asked=call.asked("customers.close"),
            origin=call.origin,
        )
        return _customer(saved, call)

    async def erase_customer(
        self, customer_id: str, call: MoneyCall, body: EraseCustomer = BodyField(EraseCustomer())
    ) -> CustomerView:
        """Destroy the key of all personal text of a customer, and close it."""
        del body
        saved = await self.app.customers.erase(
            _customer_id(customer_id),
            merchant_id=call.merchant_id,
            asked=call.asked("customers.erase"),
            origin=call.origin,
        )
        return _customer(saved, call)


@dataclass(frozen=True, slots=True)
class PaymentMethodRoutes:
    """The handlers of payment methods."""

    app: App

    async def attach_payment_method(
        self, body: AttachPaymentMethod, call: MoneyCall
    ) -> PaymentMethodView:
        """Keep a token for a customer, to be paid with also when he is not there."""
        card = CardDetails(**body.card.model_dump()) if body.card else None
        saved = await self.app.customers.methods.attach(
            parse_typeid("cus", body.customer_id),
            body.token,
            card=card,
            upi_handle=body.upi_handle,
            make_default=body.make_default,
            merchant_id=call.merchant_id,
            asked=call.asked("payment_methods.attach"),
            origin=call.origin,
        )
        return _method(saved, call)

    async def get_payment_method(self, payment_method_id: str, call: AnyCall) -> PaymentMethodView:
        """A payment method, with what may be shown of it."""
        saved = await self.app.customers.methods.get(
            _method_id(payment_method_id), merchant_id=call.merchant_id
        )
        return PaymentMethodView.of(saved)

    async def list_payment_methods(
        self,
        call: AnyCall,
        *,
        customer_id: Annotated[CustomerId, Query()],
        status: Annotated[
            Literal["attached"] | None, Query(description="Without the detached ones.")
        ] = None,
    ) -> PaymentMethodList:
        """All payment methods of one customer, latest first."""
        found = await self.app.customers.methods.list_methods(
            parse_typeid("cus", customer_id),
            merchant_id=call.merchant_id,
            attached_only=status == "attached",
        )
        return PaymentMethodList(data=[PaymentMethodView.of(saved) for saved in found])

    async def set_default_payment_method(
        self, payment_method_id: str, call: MoneyCall, body: SetDefault = BodyField(SetDefault())
    ) -> CustomerView:
        """Make it what its customer pays with unless told."""
        del body
        saved = await self.app.customers.methods.set_default(
            _method_id(payment_method_id),
            merchant_id=call.merchant_id,
            asked=call.asked("payment_methods.default"),
            origin=call.origin,
        )
        return _customer(saved, call)

    async def detach_payment_method(
        self,
        payment_method_id: str,
        call: MoneyCall,
        body: DetachPaymentMethod = BodyField(DetachPaymentMethod()),
    ) -> PaymentMethodView:
        """Pay with it no more, for good."""
        del body
        saved = await self.app.customers.methods.detach(
            _method_id(payment_method_id),
            merchant_id=call.merchant_id,
            asked=call.asked("payment_methods.detach"),
            origin=call.origin,
        )
        return _method(saved, call)


def add_customer_routes(routes: StrictRoutes, app: App) -> None:
    """`/api/v1/customers` and `/api/v1/payment-methods`."""
    customers, methods = CustomerRoutes(app), PaymentMethodRoutes(app)
    one = f"{PATH}/{{customer_id}}"
    routes.post(PATH, customers.create_customer, Permission.PAY)
    routes.get(PATH, customers.list_customers, Permission.READ)
    routes.get(one, customers.get_customer, Permission.READ)
    routes.post(one, customers.update_customer, Permission.PAY, status=200)
    routes.post(f"{one}/close", customers.close_customer, Permission.PAY, status=200)
    routes.post(f"{one}/erase", customers.erase_customer, Permission.PAY, status=200)
    one = f"{METHODS_PATH}/{{payment_method_id}}"
    routes.post(METHODS_PATH, methods.attach_payment_method, Permission.PAY)
    routes.get(METHODS_PATH, methods.list_payment_methods, Permission.READ)
    routes.get(one, methods.get_payment_method, Permission.READ)
    routes.post(f"{one}/default", methods.set_default_payment_method, Permission.PAY, status=200)
    routes.post(f"{one}/detach", methods.detach_payment_method, Permission.PAY, status=200)


def _customer_id(text: str) -> UUID:
    return path_id("cus", text, "customer")


def _method_id(text: str) -> UUID:
    return path_id("pm", text, "payment_method")


def _customer(saved: Saved[CustomerRow], call: Call) -> CustomerView:
    call.tell(replayed=saved.replayed)
    return CustomerView.of(saved)


def _method(saved: Saved[PaymentMethodRow], call: Call) -> PaymentMethodView:
    call.tell(replayed=saved.replayed)
    return PaymentMethodView.of(saved)
