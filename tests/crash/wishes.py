"""What the clients wish for: one maker a verb, each wish with a key of its own."""

import json
from collections.abc import Mapping
from itertools import count

from tests.crash.client_journal import Wish

AMOUNT = 1_000
TRANSFER_CODE = "crash"
_MONEY = {"amount": AMOUNT, "currency": "INR"}


class Wishes:
    """Makes wishes. `cash` and `float_` are two accounts of the platform, the second empty."""

    def __init__(self, cash: str, float_: str, payment_date: str) -> None:
        self._cash = cash
        self._float = float_
        self._payment_date = payment_date
        self._numbers = count(1)

    def transfer(self) -> Wish:
        return self._transfer("transfer", self._cash, self._float)

    def transfer_refused(self) -> Wish:
        """Takes more than there is."""
        return self._transfer("transfer_refused", self._float, self._cash, amount=10**12)

    def webhook(self) -> Wish:
        reference = f"REF-{next(self._numbers)}"
        body = {
            "reference_number": reference,
            "loan_account_number": "LA123456789",
            "cif": "CIF123456",
            "amount": 10.5,
            "payment_date": self._payment_date,
        }
        return Wish("webhook", reference, "/api/v1/payments/webhook", json.dumps(body))

    def intent(self) -> Wish:
        return self._wish("intent", "/api/v1/intents", {"amount": AMOUNT, "currency": "INR"})

    def confirm(self, intent_id: str) -> Wish:
        body = {"payment_method": "tok_visa"}
        return self._wish("confirm", f"/api/v1/intents/{intent_id}/confirm", body)

    def challenge(self, intent_id: str) -> Wish:
        """Its payer is sent to his bank."""
        body = {"payment_method": "tok_challenge"}
        return self._wish("challenge", f"/api/v1/intents/{intent_id}/confirm", body)

    def back(self, intent_id: str) -> Wish:
        """Its payer is back from there."""
        return self._wish("back", f"/api/v1/intents/{intent_id}/confirm", {})

    def pay(self, token: str = "tok_visa", *, amount: int = AMOUNT, capture: bool = True) -> Wish:
        body = {
            "amount": amount,
            "currency": "INR",
            "payment_method": token,
            "capture_method": "automatic" if capture else "manual",
        }
        return self._wish("pay", "/api/v1/payments", body)

    def capture(self, payment_id: str, amount: int = AMOUNT // 4) -> Wish:
        return self._wish("capture", f"/api/v1/payments/{payment_id}/capture", {"amount": amount})

    def cancel(self, payment_id: str) -> Wish:
        return self._wish("cancel", f"/api/v1/payments/{payment_id}/cancel", {})

    def refund(self, payment_id: str, amount: int = AMOUNT // 10) -> Wish:
        body = {"payment_id": payment_id, "amount": amount}
        return self._wish("refund", "/api/v1/refunds", body)

    def refund_cancel(self, refund_id: str) -> Wish:
        return self._wish("refund_cancel", f"/api/v1/refunds/{refund_id}/cancel", {})

    def reverse_held(self, payment_id: str) -> Wish:
        return self._wish("reverse_held", f"/api/v1/payments/{payment_id}/reverse", {})

    def reverse_captured(self, payment_id: str) -> Wish:
        return self._wish("reverse_captured", f"/api/v1/payments/{payment_id}/reverse", {})

    def resolve(self, case_id: str, outcome: str) -> Wish:
        """An operator has it in writing."""
        body = {"outcome": outcome, "note": "Their letter of 3 March."}
        body |= {"provider_reference": "letter-42"} if outcome == "approved" else {}
        return self._wish("resolve_case", f"/api/v1/cases/{case_id}/resolve", body)

    def _transfer(self, verb: str, debit: str, credit: str, amount: int = 7) -> Wish:
        body = {
            "debit_account_id": debit,
            "credit_account_id": credit,
            "amount": amount,
            "currency": "INR",
            "code": TRANSFER_CODE,
        }
        return self._wish(verb, "/api/v1/transfers", body)

    # Of wallets: their payer, their payee.

    def wallet_hold(self, payer: str, payee: str) -> Wish:
        body = {"wallet_id": payer, "to_wallet_id": payee, **_MONEY}
        return self._wish("wallet_hold", "/api/v1/holds", body)

    def wallet_capture(self, hold_id: str) -> Wish:
        body = {"amount": AMOUNT // 4, "final": True}
        return self._wish("wallet_capture", f"/api/v1/holds/{hold_id}/capture", body)

    def wallet_release(self, hold_id: str) -> Wish:
        return self._wish("wallet_release", f"/api/v1/holds/{hold_id}/release", {})

    def wallet_send(self, payer: str, payee: str) -> Wish:
        name = f"sent-{next(self._numbers)}"
        body = {"transfer_id": name, "from_wallet_id": payer, "to_wallet_id": payee, **_MONEY}
        return self._wish("wallet_send", "/api/v1/wallet-transfers", body)

    def wallet_escrow(self, payer: str, payee: str) -> Wish:
        body = {"buyer_wallet_id": payer, "recipients": [{"wallet_id": payee}], **_MONEY}
        return self._wish("wallet_escrow", "/api/v1/escrows", body)

    def wallet_fund(self, escrow_id: str) -> Wish:
        return self._wish("wallet_fund", f"/api/v1/escrows/{escrow_id}/fund", {})

    def wallet_pay_recipient(self, escrow_id: str) -> Wish:
        path = f"/api/v1/escrows/{escrow_id}/release"
        return self._wish("wallet_pay_recipient", path, {"amount": AMOUNT // 2})

    def wallet_payout(self, payer: str, payee_name: str) -> Wish:
        to = {"type": "upi", "upi_id": f"{payee_name}@sandbox", "name": "Asha Rao"}
        body = {"wallet_id": payer, "amount": AMOUNT, "destination": to}
        return self._wish("wallet_payout", "/api/v1/payouts", body)

    def top_up(self, wallet: str) -> Wish:
        """A payment for a wallet."""
        body = {"payment_method": "tok_visa", "wallet_id": wallet, **_MONEY}
        return self._wish("pay", "/api/v1/payments", body)

    def _wish(self, verb: str, path: str, body: Mapping[str, object]) -> Wish:
        return Wish(verb, f"{verb}-{next(self._numbers)}", path, json.dumps(body))
