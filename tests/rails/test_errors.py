"""What a bank's refusal means to us is data, and complete."""

import ast
import inspect
from typing import get_args, get_type_hints

import pytest

from tallystick.api.payments.late_failures import RecordLateFailure
from tallystick.payments.conclusions import PROVIDER_UNREACHABLE
from tallystick.rails import Rails
from tallystick.rails.errors import ADVICE, CODES, PAYOUT_CODES, REASONS, Category, declined
from tallystick.sandbox import rules
from tallystick.sandbox.magic import INVALID_CARD, MAGIC
from tallystick.sandbox.payout_magic import PAYOUT_MAGIC
from tallystick.wallets.rail.decisions import DECLINES, OTHERWISE


def codes_the_sandbox_may_say() -> set[str]:
    """The declines of its table, and every refusal its rules return."""
    told = {behaviour.decline for _, _, behaviour in MAGIC} | {INVALID_CARD.decline}
    for node in ast.walk(ast.parse(inspect.getsource(rules))):
        if isinstance(node, ast.Return) and node.value is not None:
            values = (part.value for part in ast.walk(node.value) if isinstance(part, ast.Constant))
            told |= {value for value in values if isinstance(value, str)}
    return {code for code in told if code}


@pytest.mark.parametrize("bank", ["hdfc_bank", "icici_bank"])
def test_every_refusal_of_the_sandbox_is_mapped(bank: str) -> None:
    said = codes_the_sandbox_may_say()

    assert len(said) > 12
    assert {code for code in said if (bank, code) not in CODES} == set()


def test_every_code_of_ours_is_explained() -> None:
    codes = {*CODES.values(), *PAYOUT_CODES.values()}
    late = set(get_args(get_type_hints(RecordLateFailure)["code"]))

    wallets = {*DECLINES.values(), OTHERWISE}

    assert codes | late | wallets | {"payout_refused", PROVIDER_UNREACHABLE} == set(REASONS)


def test_every_category_says_what_a_merchant_does() -> None:
    assert set(ADVICE) == set(Category)


@pytest.mark.parametrize("bank", ["hdfc_bank", "icici_bank"])
def test_every_refusal_and_return_of_a_payout_is_mapped(bank: str) -> None:
    told = {behaviour.refuse or behaviour.comes_back for _, _, behaviour in PAYOUT_MAGIC} - {None}

    assert len(told) == 4
    assert {code for code in told if (bank, code) not in PAYOUT_CODES} == set()


def test_a_code_nobody_mapped_is_a_plain_final_decline() -> None:
    outcome = declined("hdfc_bank", "moon_in_wrong_phase")

    assert (outcome.code, outcome.retryable) == ("card_declined", False)
    assert outcome.provider_code == "moon_in_wrong_phase"


def test_only_what_is_not_the_payers_or_the_cards_matter_may_be_tried_elsewhere() -> None:
    elsewhere = {code for code, reason in REASONS.items() if reason.retryable}

    assert {REASONS[code].category for code in elsewhere} == {Category.ROUTE, Category.ISSUER}
    assert "card_declined" not in elsewhere


def test_a_thief_does_not_learn_that_the_card_is_known_to_be_stolen() -> None:
    assert Rails.customer_text("stolen_card") == Rails.customer_text("card_declined")
    assert Rails.customer_text("made_up") == Rails.customer_text("card_declined")
