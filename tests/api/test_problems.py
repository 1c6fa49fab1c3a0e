"""One table of codes and statuses, and nothing a room may say is missing from it."""

import ast
import importlib
import json
import pkgutil
from collections.abc import Iterator

import pytest

import tallystick
from tallystick.api.problem_kinds import KINDS
from tallystick.api.problems import problem_of, render_problem
from tallystick.journal import Refused
from tests.house_rules.sources import product_sources

FAMILIES = {
    "journal_error", "identity_error", "payments_error", "intake_error", "books_error",
    "wallets_error", "payout_error", "delivery_error",
}  # fmt: skip
NEVER_AT_THE_DOOR = {
    "repeated",  # answered by the verb itself
    "illegal_transition",  # a mistake of ours: 500
    "unreadable_file", "unwritable_file",  # the terminal's, as the next two
    "import_interrupted", "api_key_not_found",
    "account_differs", "unknown_provider", "route_name_taken",  # said at start
    "already_captured", "authorization_not_open", "refund_exceeds_capture",  # a wallet's declines
    "bus_down", "lease_lost", "staging_failed",  # the worker's: it tries again
    "no_brokers",  # said at start
    "registry_down", "schema_refused",  # said by `migrate`
    "letter_not_found",  # the terminal's
    "invalid_status",  # of lists that have no address yet
    "malformed_amount",  # the door reads no major units ...
    "unsplittable_weights",  # ... and splits nothing
    "invalid_wallet_terms", "invalid_escrow_terms", "invalid_destination",  # told as wrong fields
    "hold_not_expired", "escrow_not_timed_out",  # only the job asks for it
    "invalid_payment",  # the webhook answers in document 000's own words
}  # fmt: skip
RAISED_WITH_A_CODE = {
    "Invalid": 1,
    "NotPossible": 1,
    "EscrowNotPossible": 1,
    "ProviderDeclined": 1,
    "Refusal": 0,
}


def codes_of_classes() -> Iterator[str]:
    for found in pkgutil.walk_packages(tallystick.__path__, "tallystick."):
        if found.name.split(".")[1] in ("cli", "sandbox") or found.name.endswith("__main__"):
            continue
        for thing in vars(importlib.import_module(found.name)).values():
            if isinstance(thing, type) and issubclass(thing, Exception):
                code = thing.__dict__.get("code")
                if thing.__module__.startswith("tallystick.") and isinstance(code, str):
                    yield code


def codes_of_calls() -> Iterator[str]:
    for source in product_sources():
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                place = RAISED_WITH_A_CODE.get(node.func.id)
                if place is not None and len(node.args) > place:
                    code = node.args[place]
                    # Wallets say the field and a sentence: their class has the code.
                    if isinstance(code, ast.Constant) and str(code.value).isidentifier():
                        yield str(code.value)


def test_every_code_a_room_may_raise_has_a_status() -> None:
    raised = set(codes_of_classes()) | set(codes_of_calls())

    assert {"insufficient_funds", "payment_busy", "invalid_api_key"} <= raised
    assert raised - FAMILIES - NEVER_AT_THE_DOOR - KINDS.keys() == set()


def test_a_code_is_a_word_and_its_status_an_error() -> None:
    for code, kind in KINDS.items():
        assert code.isidentifier()
        assert code == code.lower()
        assert 400 <= kind.status < 600
        assert kind.title
        assert (kind.retry_after_s is not None) >= (kind.status in (503, 504))


def test_a_refusal_nobody_listed_is_still_a_refusal() -> None:
    found = problem_of(Refused("quite_new", "a rule of tomorrow"))

    assert (found.status, found.code, found.detail) == (422, "quite_new", "a rule of tomorrow")


@pytest.mark.parametrize(
    "error", [RuntimeError("password=hunter2"), KeyError("secret"), SystemError(), OSError(5, "x")]
)
def test_what_is_our_fault_says_nothing(error: Exception) -> None:
    answer = render_problem(problem_of(error), "req_1")

    assert answer.status_code == 500
    assert json.loads(bytes(answer.body)) == {
        "type": "urn:tallystick:problem:internal_error",
        "title": "Something went wrong on our side",
        "status": 500,
        "code": "internal_error",
        "detail": "quote the request id when you ask us about it",
        "customer_message": "This could not be done just now. Please try again in a moment.",
        "request_id": "req_1",
    }


def test_an_error_with_a_foreign_code_is_not_taken_for_ours() -> None:
    class Foreign(Exception):
        code = "no_such_code"

    assert problem_of(Foreign("x")).status == 500
    assert problem_of(SystemError(404)).status == 500
