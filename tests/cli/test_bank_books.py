"""The banks' own books held against ours: what moved there must have moved here, by reference."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from tallystick.cli.showing.bank_books import Difference, compare
from tallystick.payments import PaymentRow

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
BANKS = {"hdfc_bank": "hdfc_bank", "icici_bank": "icici_bank"}


class Standing(Struct):
    """As much of a bank's standing as is compared."""

    captured_minor: int = 0
    refunded_minor: int = 0


def payment(*attempts: tuple[str, str], **changes: Any) -> PaymentRow:
    """A payment of 1000 that was tried at these banks under these references."""
    tried = [
        {"number": number, "route": bank, "reference": reference}
        for number, (bank, reference) in enumerate(attempts, 1)
    ]
    fields: dict[str, Any] = dict.fromkeys(PaymentRow.__struct_fields__)
    fields |= {"id": UUID(int=1), "status": "captured", "amount_minor": 1000}
    fields |= {"captured_minor": 1000, "refunded_minor": 0, "refund_pending_minor": 0}
    fields |= {"attempts": msgspec.json.encode(tried).decode(), "created_at": NOW}
    return PaymentRow(**(fields | changes))


def test_equal_books_are_equal() -> None:
    ours = [payment(("hdfc_bank", "p-a1"), refunded_minor=300)]
    theirs = {"hdfc_bank": {"p-a1": Standing(1000, 300)}, "icici_bank": {}}

    found = compare(ours, BANKS, theirs)
    assert (found.references, found.equal) == (1, True)


def test_an_attempt_that_was_declined_moved_nothing_anywhere() -> None:
    ours = [payment(("hdfc_bank", "p-a1"), ("icici_bank", "p-a2"))]
    theirs = {"hdfc_bank": {"p-a1": Standing()}, "icici_bank": {"p-a2": Standing(1000)}}

    assert compare(ours, BANKS, theirs).equal


def test_money_that_only_one_side_knows_is_found() -> None:
    ours = [payment(("hdfc_bank", "p-a1"))]
    theirs = {"hdfc_bank": {"x-a1": Standing(50)}, "icici_bank": {}}

    assert set(compare(ours, BANKS, theirs).differences) == {
        Difference("hdfc_bank", "p-a1", "captured_minor", 1000, 0),
        Difference("hdfc_bank", "x-a1", "captured_minor", 0, 50),
    }


def test_another_amount_is_found() -> None:
    ours = [payment(("hdfc_bank", "p-a1"), refunded_minor=100)]
    theirs = {"hdfc_bank": {"p-a1": Standing(1000, 90)}, "icici_bank": {}}

    (found,) = compare(ours, BANKS, theirs).differences
    assert (found.what, found.ours, found.theirs) == ("refunded_minor", 100, 90)


def test_what_the_bank_still_owes_us_an_answer_about_is_not_compared() -> None:
    ours = [payment(("hdfc_bank", "p-a1"), captured_minor=0, operation="{}")]
    theirs = {"hdfc_bank": {"p-a1": Standing(1000)}, "icici_bank": {}}

    found = compare(ours, BANKS, theirs)
    assert (found.references, found.equal) == (0, True)


def test_a_route_that_leads_out_of_the_sandbox_is_nobodys_business_here() -> None:
    ours = [payment(("real_bank", "p-a1"))]

    assert compare(ours, BANKS, {"hdfc_bank": {}, "icici_bank": {}}).equal
