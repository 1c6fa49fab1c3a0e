"""The one table of codes and statuses.

Rooms raise errors that know a code; here, and nowhere else, a code gets its HTTP status and its
title. `docs/reference/api.md` shows the same table to callers.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct


class ProblemKind(Struct, frozen=True):
    """One row of the table. `retry_after_s` tells when asking again makes sense."""

    status: int
    title: str
    retry_after_s: int | None = None


KINDS: Final[Mapping[str, ProblemKind]] = {
    # 400: the request cannot be read
    "malformed_json": ProblemKind(400, "The body is not acceptable JSON"),
    "malformed_request": ProblemKind(400, "The request cannot be understood"),
    "idempotency_key_missing": ProblemKind(400, "An Idempotency-Key is required"),
    "malformed_idempotency_key": ProblemKind(400, "The Idempotency-Key is malformed"),
    # 401, 403, 404, 405: who, what, where
    "api_key_missing": ProblemKind(401, "An API key is required"),
    "invalid_api_key": ProblemKind(401, "The API key is not valid"),
    "permission_denied": ProblemKind(403, "This API key may not do this"),
    "hold_not_yours": ProblemKind(403, "Only the payee captures or releases a hold"),
    "escrow_not_yours": ProblemKind(403, "This is for another party of the escrow to do"),
    "not_found": ProblemKind(404, "There is nothing at this address"),
    "account_not_found": ProblemKind(404, "No such account"),
    "change_not_found": ProblemKind(404, "No such change"),
    "transfer_not_found": ProblemKind(404, "No such transfer"),
    "reservation_not_found": ProblemKind(404, "No such reservation"),
    "assertion_not_found": ProblemKind(404, "No such balance assertion"),
    "run_not_found": ProblemKind(404, "No such reconciliation run"),
    "quote_not_found": ProblemKind(404, "No such quote"),
    "exchange_not_found": ProblemKind(404, "No such exchange"),
    "merchant_not_found": ProblemKind(404, "No such merchant"),
    "intent_not_found": ProblemKind(404, "No such payment intent"),
    "payment_not_found": ProblemKind(404, "No such payment"),
    "refund_not_found": ProblemKind(404, "No such refund"),
    "wallet_not_found": ProblemKind(404, "No such wallet"),
    "hold_not_found": ProblemKind(404, "No such hold"),
    "escrow_not_found": ProblemKind(404, "No such escrow"),
    "payout_not_found": ProblemKind(404, "No such payout"),
    "wallet_transfer_not_found": ProblemKind(404, "No such wallet transfer"),
    "transfer_schedule_not_found": ProblemKind(404, "No such transfer schedule"),
    "method_not_allowed": ProblemKind(405, "This address does not know the method"),
    # 409: not now, or no longer
    "payment_busy": ProblemKind(
        409, "Another operation on this payment is not finished", retry_after_s=1
    ),
    "payout_busy": ProblemKind(
        409, "Too many changes to this wallet or payout at once", retry_after_s=1
    ),
    "payment_not_capturable": ProblemKind(409, "The payment cannot be captured in its state"),
    "payment_not_cancellable": ProblemKind(409, "The payment cannot be cancelled in its state"),
    "payment_not_refundable": ProblemKind(409, "The payment cannot be refunded in its state"),
    "authorization_expired": ProblemKind(409, "The authorization has run out"),
    "intent_not_confirmable": ProblemKind(409, "The intent cannot be confirmed in its state"),
    "intent_not_cancellable": ProblemKind(409, "The intent cannot be cancelled in its state"),
    "intent_expired": ProblemKind(409, "The intent has expired"),
    "transfer_schedule_not_active": ProblemKind(409, "The schedule is paused already"),
    "transfer_schedule_not_paused": ProblemKind(409, "The schedule is not paused"),
    "transfer_schedule_ended": ProblemKind(409, "The schedule has ended"),
    "rate_stale": ProblemKind(409, "The rate is older than it may be"),
    "quote_used": ProblemKind(409, "The quote was used before"),
    "quote_expired": ProblemKind(409, "The quote's time is over"),
    "external_id_taken": ProblemKind(409, "Another merchant goes by this external id"),
    "conflict": ProblemKind(409, "Somebody else changed the object at the same time"),
    "idempotency_key_in_use": ProblemKind(
        409, "The first request with this Idempotency-Key is still at work", retry_after_s=1
    ),
    "already_reversed": ProblemKind(409, "The transfer was reversed before"),
    "account_exists": ProblemKind(409, "An account with this code exists already"),
    "wallet_exists": ProblemKind(409, "The owner has a wallet in this currency"),
    "wallet_not_frozen": ProblemKind(409, "The wallet is not frozen"),
    "hold_not_active": ProblemKind(409, "The hold has ended"),
    "hold_expired": ProblemKind(409, "The hold's time is over"),
    "escrow_not_funded": ProblemKind(409, "Not all of the escrow's amount is there yet"),
    "escrow_already_funded": ProblemKind(409, "The escrow is wholly funded"),
    "escrow_disputed": ProblemKind(409, "Nothing moves while the escrow is disputed"),
    "escrow_not_disputed": ProblemKind(409, "The escrow is not disputed"),
    "escrow_ended": ProblemKind(409, "The escrow has ended"),
    "escrow_timed_out": ProblemKind(409, "The escrow's time is over"),
    "escrow_part_released": ProblemKind(409, "This part was released before"),
    # 412, 413, 415, 431: the request as such
    "stale_version": ProblemKind(412, "The object has changed since it was looked at"),
    "body_too_large": ProblemKind(413, "The body is too large"),
    "unsupported_media_type": ProblemKind(415, "The body must be plain JSON"),
    "headers_too_large": ProblemKind(431, "The headers are too large"),
    # 422: understood, and refused
    "invalid_fields": ProblemKind(422, "Some fields are not valid"),
    "invalid_cursor": ProblemKind(422, "The cursor is not one of ours"),
    "idempotency_key_reused": ProblemKind(422, "The Idempotency-Key stood for another request"),
    "insufficient_funds": ProblemKind(422, "The account does not hold enough"),
    "unknown_account": ProblemKind(422, "A named account does not exist"),
    "unknown_reservation": ProblemKind(422, "A named reservation does not exist"),
    "account_frozen": ProblemKind(422, "The account is frozen"),
    "account_closed": ProblemKind(422, "The account is closed"),
    "account_not_empty": ProblemKind(422, "The account is not empty"),
    "wallet_frozen": ProblemKind(422, "The wallet is frozen"),
    "wallet_closed": ProblemKind(422, "The wallet is closed"),
    "wallet_not_empty": ProblemKind(422, "The wallet is not empty"),
    "wallet_tier_not_found": ProblemKind(422, "No limits are set for this tier and currency"),
    "daily_limit_exceeded": ProblemKind(422, "The wallet's daily limit allows no more"),
    "monthly_limit_exceeded": ProblemKind(422, "The wallet's monthly limit allows no more"),
    "balance_limit_exceeded": ProblemKind(422, "The wallet may not hold as much"),
    "escrow_exceeded": ProblemKind(422, "The escrow does not take or hold as much"),
    "escrow_part_unknown": ProblemKind(422, "The escrow has no part of this name"),
    "hold_exceeded": ProblemKind(422, "The hold has less than that left"),
    "same_account": ProblemKind(422, "A transfer needs two different accounts"),
    "invalid_amount": ProblemKind(422, "The amount is not possible"),
    "balance_overflow": ProblemKind(422, "The balance would leave its range"),
    "currency_mismatch": ProblemKind(422, "The currencies differ"),
    "invalid_account": ProblemKind(422, "No account can be like this"),
    "invalid_assertion": ProblemKind(422, "No account can be asserted to have stood like this"),
    "invalid_rate": ProblemKind(422, "No rate can be like this"),
    "same_currency": ProblemKind(422, "A currency is not exchanged for itself"),
    "rate_not_found": ProblemKind(422, "There is no rate between these currencies"),
    "quote_mismatch": ProblemKind(422, "This is not what was quoted"),
    "not_recordable": ProblemKind(422, "A value cannot be stored"),
    "unknown_currency": ProblemKind(422, "The currency is not one of ISO 4217"),
    "nothing_to_move": ProblemKind(422, "Nothing is there to be moved"),
    "not_back_dated": ProblemKind(422, "A transfer takes effect now or earlier"),
    "reservation_kept": ProblemKind(409, "Another object keeps this reservation"),
    "account_kept": ProblemKind(409, "Another object keeps this account"),
    "not_reversible": ProblemKind(422, "This transfer cannot be reversed here"),
    "invalid_transfer_schedule": ProblemKind(422, "No schedule can be like this"),
    "reservation_exceeded": ProblemKind(422, "The reservation holds less than that"),
    "reservation_expired": ProblemKind(422, "The reservation has expired"),
    "reservation_not_expired": ProblemKind(422, "The reservation has not expired yet"),
    "reservation_not_open": ProblemKind(422, "The reservation is not open any more"),
    "currency_not_enabled": ProblemKind(422, "The merchant is not paid in this currency"),
    "invalid_merchant": ProblemKind(422, "No merchant can be like this"),
    "merchant_missing": ProblemKind(422, "An operator must name the merchant"),
    "invalid_payment_method": ProblemKind(422, "The payment method is not one of ours"),
    "payment_method_missing": ProblemKind(422, "A payment method is needed"),
    "invalid_priority": ProblemKind(422, "The priority is not one of ours"),
    "invalid_capture_method": ProblemKind(422, "The capture method is not one of ours"),
    "invalid_reason": ProblemKind(422, "The reason is not one of ours"),
    "capture_exceeds_authorization": ProblemKind(422, "More than is left to capture"),
    "refund_exceeds_captured": ProblemKind(422, "More than is left to refund"),
    "capture_declined": ProblemKind(422, "The provider declined the capture"),
    "cancel_declined": ProblemKind(422, "The provider declined to cancel"),
    "route_unavailable": ProblemKind(422, "No route takes this payment"),
    "fraud_blocked": ProblemKind(422, "Our checks do not let this payment pass"),
    # 5xx: our side
    "internal_error": ProblemKind(500, "Something went wrong on our side"),
    "overloaded": ProblemKind(503, "Too much to do; nothing was changed", retry_after_s=1),
    "busy": ProblemKind(503, "Too much to do; nothing was changed", retry_after_s=1),
    "draining": ProblemKind(503, "This server is closing; another one answers", retry_after_s=1),
    "outcome_unknown": ProblemKind(504, "The outcome is not known yet", retry_after_s=1),
    "timed_out": ProblemKind(504, "The answer took too long", retry_after_s=1),
}

REFUSED: Final = ProblemKind(422, "Refused by a rule of the platform")
