"""The door as a whole: every route, in the order in which they are asked, behind the gate."""

from collections.abc import Iterator
from functools import cache, partial
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp

from tallystick.api import events, hand_clock, health, monitoring
from tallystick.api.access_log import AccessLog
from tallystick.api.cors import Cors
from tallystick.api.direct_route import DirectRoutes, direct_address
from tallystick.api.exchange import exchange_of
from tallystick.api.gate import Gate
from tallystick.api.intake import recorded_payments, webhook
from tallystick.api.ledger import (
    account_history,
    accounts,
    books,
    exchange_rates,
    exchanges,
    quotes,
    reservations,
    transfer_records,
    transfers,
    trial_balance,
)
from tallystick.api.ledger.account_bodies import BULK_BODY_BYTES_MAX as ACCOUNTS_BODY_BYTES_MAX
from tallystick.api.ledger.transfer_bodies import BULK_BODY_BYTES_MAX
from tallystick.api.openapi import build_document
from tallystick.api.payments import (
    cases,
    customers,
    disputes,
    fee_plans,
    intents,
    late_failures,
    payments,
    refunds,
    reversals,
)
from tallystick.api.payments.dispute_views import BODY_BYTES_MAX as EVIDENCE_BODY_BYTES_MAX
from tallystick.api.problems import error_response
from tallystick.api.readiness import Readiness
from tallystick.api.request_metrics import request_metrics
from tallystick.api.strict_route import StrictRoute, StrictRoutes
from tallystick.api.wallets import (
    escrows,
    holds,
    payouts,
    top_ups,
    transfer_schedules,
    wallet_transfers,
    wallets,
)
from tallystick.app import App

BODY_LIMITS: Final = {
    accounts.BULK_PATH: ACCOUNTS_BODY_BYTES_MAX,
    transfers.BULK_PATH: BULK_BODY_BYTES_MAX,
    disputes.EVIDENCE_PATH: EVIDENCE_BODY_BYTES_MAX,
}
PLAIN_OPERATIONS: Final = (
    *transfers.OPERATIONS,
    *webhook.OPERATIONS,
    *recorded_payments.OPERATIONS,
    *monitoring.OPERATIONS,
    *events.OPERATIONS,
    *health.OPERATIONS,
)


def create_api(app: App) -> Gate:
    """The ASGI application that serves `app`."""
    readiness = Readiness()
    access_log = AccessLog()
    logs = app.settings.log_level in ("debug", "info")
    web = _web(app)
    routes = [
        *transfers.transfer_routes(app),
        *webhook.webhook_routes(app, access_log if logs else None),
        *recorded_payments.recorded_payment_routes(app),
        *monitoring.monitoring_routes(app),
        *events.event_routes(app),
        *health.health_routes(app, readiness),
    ]
    plain = [(route, route.app) for route in routes]
    return Gate(
        DirectRoutes([*plain, *_direct(web)], otherwise=web),
        request_metrics(),
        readiness,
        body_limit_bytes=app.settings.body_limit_bytes,
        body_limits_by_path=BODY_LIMITS | webhook.body_limits(app),
        always_answered=[operation.path for operation in health.OPERATIONS],
        request_timeout_ms=app.settings.request_timeout_ms,
        log_requests=logs,
        access_log=access_log,
        cors=Cors(origins, web.routes) if (origins := app.settings.cors_origin) else None,
    )


def _direct(web: FastAPI) -> Iterator[tuple[Route, ASGIApp]]:
    """Those of FastAPI's routes that can do without it."""
    for route in web.routes:
        if isinstance(route, StrictRoute) and (address := direct_address(route, route.let_in)):
            yield route, address


def _web(app: App) -> FastAPI:
    """FastAPI with the routes it documents; it answers those that take queries."""
    web = FastAPI(
        openapi_url="/openapi.json",
        docs_url="/docs" if app.settings.mode == "test" else None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        exception_handlers={
            HTTPException: _answer_error,  # no such address, no such method
            RequestValidationError: _answer_error,
            Exception: _answer_error,
        },
    )
    web.state.keys = app.keys
    web.state.settings = app.settings
    web.state.intents = app.intents
    web.state.journal = app.journal
    routes = StrictRoutes(web)
    intents.add_intent_routes(routes, app)
    payments.add_payment_routes(routes, app)
    customers.add_customer_routes(routes, app)
    refunds.add_refund_routes(routes, app)
    late_failures.add_late_failure_routes(routes, app)
    fee_plans.add_fee_plan_routes(routes, app)
    disputes.add_dispute_routes(routes, app)
    cases.add_case_routes(routes, app)
    reversals.add_reversal_routes(routes, app)
    payouts.add_payout_routes(routes, app)
    accounts.add_account_routes(routes, app)
    account_history.add_history_routes(routes, app)
    trial_balance.add_trial_balance_routes(routes, app)
    transfer_records.add_transfer_record_routes(routes, app)
    reservations.add_reservation_routes(routes, app)
    books.add_book_routes(routes, app)
    exchange_rates.add_exchange_rate_routes(routes, app)
    quotes.add_quote_routes(routes, app)
    exchanges.add_exchange_routes(routes, app)
    wallet_transfers.add_wallet_transfer_routes(routes, app)
    transfer_schedules.add_transfer_schedule_routes(routes, app)
    wallets.add_wallet_routes(routes, app)
    holds.add_hold_routes(routes, app)
    top_ups.add_top_up_routes(routes, app)
    escrows.add_escrow_routes(routes, app)
    hand_clock.add_hand_clock_routes(routes, app)
    # Half a second of work that most processes are never asked for. FastAPI's documented way.
    document = cache(partial(build_document, web, PLAIN_OPERATIONS))
    web.openapi = document  # type: ignore[method-assign]
    return web


async def _answer_error(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        error.headers = {"Allow": ", ".join(_methods_at(request))}
    return error_response(error, exchange_of(request))


def _methods_at(request: Request) -> list[str]:
    """What may be done at this address; Starlette would name the first route's methods only."""
    found = [
        route
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    ]
    # An address of its own (`/accounts/bulk`) is none of those it looks like (`/accounts/{id}`).
    own = [route for route in found if route.path == request.scope["path"]]
    return sorted({method for route in own or found for method in route.methods or ()})
