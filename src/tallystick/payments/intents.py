"""Intents: what a merchant wants to be paid, from the wish to the money."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import UUID

from tallystick.identity import Merchant
from tallystick.journal import Asked, Origin
from tallystick.payments import store
from tallystick.payments.decisions import (
    METHOD_KINDS,
    Terms,
    Wish,
    method_kind,
    require_currency,
)
from tallystick.payments.intent_decisions import (
    IntentTerms,
    decide_cancel_intent,
    decide_confirm,
    decide_intent,
    method_to_confirm,
)
from tallystick.payments.model import Answer, IntentRow, intent_name
from tallystick.payments.operations import NOBODY, Operations
from tallystick.payments.pages import PAGE_MAX, Page
from tallystick.payments.requests import Request, new_case, seal, shown
from tallystick.payments.steps import Case, Moment, Steps
from tallystick.platform.crypto import keyed_hash
from tallystick.platform.ids import bucket_of, new_id

_SECRET_BYTES: Final = 24


@dataclass(frozen=True)
class Intents:
    """The verbs of intents. `secret_key` makes their client secrets."""

    operations: Operations
    secret_key: bytes = field(repr=False)

    async def create(
        self,
        merchant: Merchant,
        *,
        amount_minor: int,
        currency: str,
        payment_methods: tuple[str, ...] = METHOD_KINDS,
        payment_method: str | None = None,
        capture_method: str = "automatic",
        priority: str = "balanced",
        text: Mapping[str, Any] | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Answer[IntentRow]:
        """A new intent. `text` (description, metadata, customer) is kept sealed.

        Raises Invalid.
        """
        require_currency(currency, merchant.currency_codes)
        intent_id = new_id(self.operations.clock.now(), bucket_of(merchant.id))
        terms = IntentTerms(
            merchant_id=merchant.id,
            amount_minor=amount_minor,
            currency=currency,
            payment_methods=payment_methods,
            payment_method=payment_method,
            capture_method=capture_method,
            priority=priority,
            sealed=await seal(self.operations, intent_id, text),
        )

        def decide(_case: Case, _wish: Wish, moment: Moment) -> Steps:
            return decide_intent(intent_id, terms, moment)

        return await Request(
            self.operations, IntentRow, intent_id, new_case, decide, asked, origin
        ).answer()

    async def confirm(
        self,
        merchant: Merchant,
        intent_id: UUID,
        *,
        payment_method: str | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Answer[IntentRow]:
        """Pay the intent with a token (`tok_visa`), or with the one it was created with.

        A declined payment brings it back to `requires_payment_method`. Raises NotFound,
        NotPossible, PaymentBusy, Invalid, RouteUnavailable.
        """
        payment_id = new_id(self.operations.clock.now(), bucket_of(merchant.id))

        def decide(case: Case, wish: Wish, moment: Moment) -> Steps:
            row = case.the_intent()
            method = method_to_confirm(row, payment_method, moment)
            terms = self._terms(merchant, row, method)
            return decide_confirm(row, payment_id, terms, wish, moment)

        load = partial(self.operations.load, IntentRow, intent_id, merchant.id)
        return await Request(
            self.operations, IntentRow, intent_id, load, decide, asked, origin
        ).answer()

    async def cancel(
        self,
        intent_id: UUID,
        *,
        merchant_id: UUID | None = None,
        reason: str = "requested_by_customer",
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> Answer[IntentRow]:
        """Give the intent up; an authorization is voided.

        Raises NotFound, NotPossible, PaymentBusy, Invalid, ProviderDeclined (cancel_declined).
        """

        def decide(case: Case, wish: Wish, moment: Moment) -> Steps:
            return decide_cancel_intent(case, reason, wish, moment)

        load = partial(self.operations.load, IntentRow, intent_id, merchant_id)
        return await Request(
            self.operations, IntentRow, intent_id, load, decide, asked, origin
        ).answer()

    async def get(self, intent_id: UUID, *, merchant_id: UUID | None = None) -> Answer[IntentRow]:
        """One intent; `merchant_id` None is the operator, who sees all. Raises NotFound."""
        case = await self.operations.load(IntentRow, intent_id, merchant_id)
        return await shown(self.operations, case.the_intent())

    async def list_intents(
        self,
        merchant_id: UUID | None,
        *,
        status: str | None = None,
        cursor: str | None = None,
        limit: int = PAGE_MAX,
    ) -> Page[IntentRow]:
        """The latest intents, at most 100 a page. Raises Invalid (invalid_cursor)."""
        return await store.list_page(
            self.operations.database,
            IntentRow,
            merchant_id,
            status=status,
            cursor=cursor,
            limit=limit,
        )

    def client_secret(self, intent_id: UUID) -> str:
        """What a payer's browser may confirm this one intent with.

        It follows from the id and our key, so it can be shown again and is stored nowhere.
        """
        digest = keyed_hash(self.secret_key, b"intent client secret\0" + intent_id.bytes)
        secret = base64.b32encode(digest[:_SECRET_BYTES]).decode().rstrip("=").lower()
        return f"{intent_name(intent_id)}_secret_{secret}"

    def _terms(self, merchant: Merchant, row: IntentRow, method: str) -> Terms:
        routes = self.operations.rails.choose(row.amount_minor, row.currency, method_kind(method))
        return Terms(
            merchant_id=row.merchant_id,
            amount_minor=row.amount_minor,
            currency=row.currency,
            payment_method=method,
            routes=tuple(route.name for route in routes),
            fee_percent_bp=merchant.fee_percent_bp,
            fee_fixed_minor=merchant.fee_fixed_minor,
            capture_method=row.capture_method,
            priority=row.priority,
            intent_id=row.id,
            sealed=row.sealed,
        )
