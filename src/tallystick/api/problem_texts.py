"""What to do about each code of `problem_kinds.py`, and what a customer may read of it.

A customer's text says neither what was attempted inside nor that nothing was charged, unless that
is certain. `docs/reference/errors.md` is written from this table.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct


class ProblemText(Struct, frozen=True):
    """`advice` is for whoever wrote the caller; `customer_message` may be shown to a customer."""

    advice: str
    customer_message: str


def _shown(customer_message: str, advice: Mapping[str, str]) -> dict[str, ProblemText]:
    return {code: ProblemText(text, customer_message) for code, text in advice.items()}


_SAME_KEY: Final = "Ask again, with the same Idempotency-Key."
_READ_AGAIN: Final = "Read the object, and decide by its state."
_CHOOSE: Final = "Say one of those that the OpenAPI document lists."
_MEND: Final = "Mend the field that `detail` names."
_ID: Final = "Look at the id, and whose key asks: another's object is not there either."
_STANDS: Final = "Read `detail` for the bank's reason; the payment stands as it was."
_LIMIT: Final = "Move less, or wait, or have an operator raise the wallet's tier."

TEXTS: Final[Mapping[str, ProblemText]] = {
    **_shown(
        "Because of a technical mistake this was not done. Please tell the shop.",
        {
            "malformed_json": "Send one JSON value, without duplicate names, in UTF-8.",
            "malformed_request": "Mend the request.",
            "idempotency_key_missing": "Send an Idempotency-Key, a new one for each wish.",
            "malformed_idempotency_key": "Send 1 to 255 printable ASCII characters.",
            "api_key_missing": "Send `Authorization: Bearer` with an API key.",
            "invalid_api_key": "Look whether the key was revoked or belongs to another platform.",
            "permission_denied": "Use a key with the permission the reference names.",
            "not_found": "Look at the address.",
            "method_not_allowed": "Use a method that the header `Allow` names.",
            "external_id_taken": "Choose another external id.",
            "customer_reference_taken": "Use the customer that has this reference, or another one.",
            "account_exists": "Use the account that is there.",
            "already_reversed": "Nothing: it was reversed.",
            "reservation_kept": "Use the verbs of the hold or payout that keeps it.",
            "hold_kept": "Capture or cancel the payment that keeps it.",
            "account_kept": "Use the verbs of the object that keeps it.",
            "stale_version": _READ_AGAIN,
            "body_too_large": "Send less at once.",
            "unsupported_media_type": "Send `Content-Type: application/json`, uncompressed.",
            "headers_too_large": "Send fewer or shorter headers.",
            "invalid_fields": "Mend all the fields that `errors` names.",
            "clock_turned_back": "Turn the test clock forward only.",
            "invalid_cursor": "Begin again without a cursor.",
            "idempotency_key_reused": "Use a new key for a new wish; `errors` says what differs.",
            "unknown_account": "Look at the account's id, and open it first.",
            "unknown_reservation": "Look at the reservation's id.",
            "same_account": "Name two accounts.",
            "balance_overflow": "Move less.",
            "currency_mismatch": "Name the currency of the accounts, or exchange.",
            "invalid_account": _MEND,
            "invalid_assertion": _MEND,
            "invalid_rate": _MEND,
            "same_currency": "Transfer instead of exchanging.",
            "rate_not_found": "Have an operator set the rate.",
            "quote_mismatch": "Use the quote as it was given, or ask for another.",
            "not_recordable": "Leave out what no text may hold, such as NUL.",
            "unknown_currency": "Name a code of ISO 4217.",
            "nothing_to_move": "Nothing: there is no money on the side it would leave.",
            "not_back_dated": "Leave `effective_at` out, or name an instant that is past.",
            "not_reversible": "Undo it by the verb of the object that made it.",
            "invalid_transfer_schedule": _MEND,
            "reservation_exceeded": "Settle at most what is left of it.",
            "reservation_not_expired": "Void it, or wait.",
            "currency_not_enabled": "Have the merchant onboarded in this currency.",
            "invalid_fee_plan": _MEND,
            "invalid_merchant": _MEND,
            "merchant_missing": "Name the merchant: an operator's key acts for anybody.",
            "invalid_customer": _MEND,
            "customer_missing": "Name the customer whose method it is.",
            "payment_method_foreign": "Use one of this customer's methods.",
            "payment_method_not_saved": "Save the method first, or ask the payer.",
            "invalid_evidence_kind": _CHOOSE,
            "evidence_empty": "Send the document's bytes, in base64.",
            "evidence_too_large": "Send a smaller document.",
            "evidence_type_not_allowed": "Send a PDF, a PNG, a JPEG or plain text.",
            "evidence_type_mismatch": "Name the type that the document has.",
            "evidence_missing": "Hand in a document, or say an explanation.",
            "evidence_full": "Submit with what was handed in.",
            "explanation_too_long": "Say less.",
            "invalid_status": _CHOOSE,
            "invalid_case_kind": _CHOOSE,
            "invalid_outcome": "Say approved with the provider's reference, or failed without.",
            "invalid_note": "Write 1 to 2,000 characters.",
            "case_notes_full": "Read the notes that are there.",
            "invalid_expires_at": "Name an instant ahead, within the longest time there is.",
            "invalid_return_url": "Name an https address (http on this machine), without a login.",
            "invalid_priority": _CHOOSE,
            "invalid_capture_method": _CHOOSE,
            "invalid_reason": _CHOOSE,
            "escrow_exceeded": "Name at most what is left.",
            "escrow_part_unknown": "Name a part that the escrow has.",
            "hold_exceeded": "Capture at most what is left of the hold.",
            "wallet_tier_not_found": "Name a tier that has limits in this currency.",
            "capture_exceeds_authorization": "Capture at most `amount_capturable`.",
            "refund_exceeds_captured": "Refund at most what was captured and not yet refunded.",
        },
    ),
    **_shown(
        "We cannot find this. Please check and try again.",
        {
            "account_not_found": _ID,
            "change_not_found": _ID,
            "transfer_not_found": _ID,
            "reservation_not_found": _ID,
            "assertion_not_found": _ID,
            "run_not_found": _ID,
            "quote_not_found": _ID,
            "exchange_not_found": _ID,
            "merchant_not_found": _ID,
            "intent_not_found": _ID,
            "payment_not_found": _ID,
            "refund_not_found": _ID,
            "event_not_found": _ID,
            "fee_plan_not_found": _ID,
            "customer_not_found": _ID,
            "payment_method_not_found": _ID,
            "dispute_not_found": _ID,
            "evidence_not_found": _ID,
            "case_not_found": _ID,
            "wallet_not_found": _ID,
            "hold_not_found": _ID,
            "escrow_not_found": _ID,
            "payout_not_found": _ID,
            "top_up_not_found": _ID,
            "wallet_transfer_not_found": _ID,
            "transfer_schedule_not_found": _ID,
        },
    ),
    **_shown(
        "This is not possible any more. Please look at how it stands.",
        {
            "case_resolved": "Read `outcome`: it is known.",
            "case_not_resolvable": "Close it, or wait for its outcome.",
            "case_too_young": "Wait until the day is over; use another key then.",
            "case_answerable": "Ask about the case; use another key to resolve it.",
            "case_not_askable": "Do what its cause asks for, then close it.",
            "case_not_closable": "Ask about it; it ends by itself.",
            "payment_not_capturable": _READ_AGAIN,
            "payment_not_cancellable": "Refund what was captured.",
            "payout_not_cancellable": _READ_AGAIN,
            "refund_not_cancellable": _READ_AGAIN,
            "payment_not_failable": _READ_AGAIN,
            "payment_not_refundable": _READ_AGAIN,
            "payment_not_reversible": "Nothing: nothing of it is left to undo.",
            "payment_disputed": "Answer the dispute, or accept it; do not refund beside it.",
            "dispute_not_answerable": _READ_AGAIN,
            "dispute_deadline_passed": "Nothing: the bank decides without an answer.",
            "intent_not_confirmable": _READ_AGAIN,
            "intent_not_cancellable": "Refund the payment, if it succeeded.",
            "transfer_schedule_not_active": _READ_AGAIN,
            "transfer_schedule_not_paused": _READ_AGAIN,
            "transfer_schedule_ended": "Make another schedule.",
            "quote_used": "Read the exchange that used it, or ask for another quote.",
            "customer_closed": "Make another customer.",
            "customer_erased": "Nothing: it was erased.",
            "wallet_not_frozen": _READ_AGAIN,
            "hold_not_active": _READ_AGAIN,
            "escrow_not_funded": "Fund the rest first.",
            "escrow_already_funded": _READ_AGAIN,
            "escrow_disputed": "Wait for the decision.",
            "escrow_not_disputed": _READ_AGAIN,
            "escrow_ended": _READ_AGAIN,
            "escrow_part_released": _READ_AGAIN,
            "reservation_not_open": _READ_AGAIN,
        },
    ),
    **_shown(
        "The time for this is over. Please start again.",
        {
            "invalid_client_secret": "Give the payer's page the secret of its own intent.",
            "authorization_expired": "Make another payment.",
            "intent_expired": "Make another intent.",
            "too_many_attempts": "Make another intent, once you know that it is the payer.",
            "quote_expired": "Ask for another quote.",
            "hold_expired": "Make another hold.",
            "escrow_timed_out": "Wait: its rule for the end of its time does the rest.",
            "reservation_expired": "Make another reservation.",
        },
    ),
    **_shown(
        "This could not be done just now. Please try again in a moment.",
        {
            "payment_busy": _SAME_KEY,
            "payout_busy": _SAME_KEY,
            "idempotency_key_in_use": _SAME_KEY,
            "conflict": "Ask again: somebody else was first.",
            "rate_stale": "Have an operator set the rate anew.",
            "internal_error": "Quote the request id to whoever runs the platform.",
            "overloaded": _SAME_KEY,
            "busy": _SAME_KEY,
            "draining": _SAME_KEY,
            "route_unavailable": "Look at amount and currency; no bank there is takes them.",
        },
    ),
    **_shown(
        "We do not know yet whether this went through. Please look again before you repeat it.",
        {
            "outcome_unknown": _SAME_KEY,
            "timed_out": _SAME_KEY,
            "payout_in_doubt": _SAME_KEY,
            "refund_in_doubt": _SAME_KEY,
        },
    ),
    **_shown(
        "There is not enough money for this.",
        {
            "insufficient_funds": "Move less, or wait for money.",
            "refund_exceeds_balance": "Wait for more payments, or pay in.",
        },
    ),
    **_shown(
        "Please choose another way to pay.",
        {
            "invalid_payment_method": "Ask for a token or a saved method of this platform.",
            "payment_method_missing": "Ask the payer for one.",
            "payment_method_detached": "Ask the payer for another one.",
            "too_many_payment_methods": "Detach one that is not used.",
            "fraud_blocked": "Do not try again with the same card.",
        },
    ),
    **_shown(
        "You have saved this way to pay already.",
        {"payment_method_attached": "Use the method that is there."},
    ),
    **_shown(
        "This is for somebody else to do.",
        {
            "hold_not_yours": "Let the payee's key do it.",
            "wallet_consent_missing": "Have an operator save the wallet with the customer.",
            "escrow_not_yours": "Let the party do it whom the escrow names.",
        },
    ),
    **_shown(
        "This amount is not possible.",
        {"invalid_amount": "Name a whole number of minor units, from 1 on."},
    ),
    **_shown(
        "The account does not take part in payments at present.",
        {
            "account_frozen": "Ask an operator why.",
            "account_closed": "Use another account.",
            "wallet_frozen": "Ask an operator why.",
            "wallet_closed": "Open another wallet.",
        },
    ),
    **_shown(
        "There is still money in it.",
        {
            "account_not_empty": "Move the rest away first.",
            "wallet_not_empty": "Move the rest away, and end its holds first.",
        },
    ),
    **_shown(
        "This cannot be shown at present. Please ask the shop.",
        {
            "seal_tampered": "Quote the request id to whoever runs the platform; money is not"
            " concerned. Lists and the answers of verbs leave the text out and tell the rest.",
        },
    ),
    **_shown("You have this wallet already.", {"wallet_exists": "Use the wallet that is there."}),
    **_shown("This is more than your limit for a day.", {"daily_limit_exceeded": _LIMIT}),
    **_shown("This is more than your limit for a month.", {"monthly_limit_exceeded": _LIMIT}),
    **_shown("The wallet may not hold so much.", {"balance_limit_exceeded": _LIMIT}),
    **_shown(
        "The bank did not agree. Please ask the shop.",
        {
            "capture_declined": _STANDS,
            "cancel_declined": _STANDS,
        },
    ),
}

UNLISTED: Final = ProblemText("Read `detail`.", "This was not possible. Please ask the shop.")
