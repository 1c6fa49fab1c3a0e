"""What a bank allows, as lines: what was done before, what is asked, what it says."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from tallystick.sandbox import BANKS, Bank, standings
from tallystick.sandbox.model import Kind, Operation, Order, Status
from tallystick.sandbox.rules import fee_minor, fold, judge

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HDFC, ICICI = BANKS
KINDS = {"auth": Kind.AUTHORIZATION, "sale": Kind.AUTHORIZATION} | {
    kind.value: kind for kind in Kind
}

# done before                              asked          the bank's refusal
CASES = """
auth 100                                 | capture 100  |
auth 100                                 | capture 101  | capture_exceeds_authorization
auth 100, part 60                        | capture 40   |
auth 100, part 60                        | capture 41   | capture_exceeds_authorization
auth 100, capture 60                     | capture 40   | authorization_closed
auth 100, part 60, part? 40              | capture 1    | capture_exceeds_authorization
auth 100, part! 60                       | capture 100  |
auth 100, void                           | capture 100  | authorization_voided
auth! 100                                | capture 100  | authorization_declined
auth? 100                                | capture 100  | authorization_pending
sale 100                                 | capture 1    | authorization_closed
auth 100                                 | void         |
auth 100, part 1                         | void         |
auth 100, part? 1                        | void         |
auth 100, part 100                       | void         | already_captured
auth 100, part 60, part? 40              | void         | already_captured
auth 100, capture 1                      | void         | already_captured
auth 100, part 60, void                  | capture 40   | authorization_voided
auth 100, part 60, void                  | refund 60    |
auth 100, part! 1                        | void         |
auth 100, void                           | void         | authorization_voided
auth? 100                                | void         | authorization_pending
sale 100                                 | void         | already_captured
auth 100                                 | refund 1     | refund_exceeds_capture
auth 100, capture 60                     | refund 60    |
auth 100, capture 60                     | refund 61    | refund_exceeds_capture
auth 100, capture 60, refund 50          | refund 10    |
auth 100, capture 60, refund 50          | refund 11    | refund_exceeds_capture
auth 100, capture 60, refund? 50         | refund 11    | refund_exceeds_capture
auth 100, capture 60, refund! 50         | refund 60    |
auth 100, capture? 60                    | refund 1     | refund_exceeds_capture
sale 100                                 | refund 100   |
sale 100, refund 100                     | refund 1     | refund_exceeds_capture
""".strip().splitlines()


def operation(step: str) -> Operation:
    """`capture! 60` was declined, `capture? 60` is pending, `part 60` is not the final one."""
    word, _, amount = step.strip().partition(" ")
    name = word.rstrip("!?")
    return Operation(
        reference=step,
        kind=Kind.CAPTURE if name == "part" else KINDS[name],
        authorization_reference="a1",
        amount_minor=int(amount or 0),
        currency="INR",
        token="tok_visa",
        merchant="",
        capture=name == "sale",
        final=name != "part",
        id="hdfc_1",
        decision=Status.DECLINED if word.endswith("!") else Status.APPROVED,
        code="do_not_honour" if word.endswith("!") else None,
        fee_minor=0,
        created_at=NOW,
        decided_at=NOW + timedelta(seconds=word.endswith("?")),
    )


@pytest.mark.parametrize("case", CASES)
def test_the_bank_allows_what_still_adds_up(case: str) -> None:
    done, asked, refusal = (column.strip() for column in case.split("|"))
    word, _, amount = asked.partition(" ")
    order = Order(
        kind=KINDS[word],
        reference="next",
        authorization_reference="a1",
        amount_minor=int(amount or 0),
    )
    standing = fold(map(operation, done.split(",")), NOW)

    assert judge(HDFC, order, standing) == (refusal or None)


@pytest.mark.parametrize(
    ("bank", "currency", "amount", "refusal"),
    [
        (HDFC, "INR", 200_000_00, None),
        (HDFC, "INR", 200_000_01, "amount_over_bank_limit"),
        (ICICI, "INR", 100_000_00, None),
        (ICICI, "INR", 100_000_01, "amount_over_bank_limit"),
        (HDFC, "JPY", 200_000, None),
        (HDFC, "JPY", 200_001, "amount_over_bank_limit"),
        (HDFC, "KWD", 200_000_000, None),
        (HDFC, "XAU", 1, "currency_not_supported"),
    ],
)
def test_a_bank_has_limits_of_its_own(
    bank: Bank, currency: str, amount: int, refusal: str | None
) -> None:
    order = Order(
        kind=Kind.AUTHORIZATION,
        reference="a1",
        authorization_reference="a1",
        amount_minor=amount,
        currency=currency,
    )

    assert judge(bank, order, fold([], NOW)) == refusal


@pytest.mark.parametrize(("amount", "fee"), [(1, 0), (99, 0), (100, 1), (10_000, 50), (299, 1)])
def test_half_a_minor_unit_of_fee_is_rounded_up(amount: int, fee: int) -> None:
    order = Order(
        kind=Kind.CAPTURE, reference="c1", authorization_reference="a1", amount_minor=amount
    )

    assert fee_minor(HDFC, order) == fee


def test_standings_tell_each_authorization_apart() -> None:
    one = [operation(step) for step in ("auth 100", "part 60", "part 10", "refund 5", "refund! 9")]
    other = replace(operation("sale 70"), authorization_reference="a2")

    found = standings([*one, other], NOW)

    assert (found["a1"].captured_minor, found["a1"].refunded_minor) == (70, 5)
    assert (found["a2"].captured_minor, found["a2"].refunded_minor) == (70, 0)
