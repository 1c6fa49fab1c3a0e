"""Every magic token and amount does what the reference page says, on every verb."""

import asyncio
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from tallystick.platform.clock import HandClock
from tallystick.sandbox.magic import APPROVING_TOKENS, MAGIC, MAGIC_AMOUNTS
from tallystick.sandbox.model import Kind
from tests.sandbox.teller import DROPPED, Said, Teller

pytestmark = pytest.mark.anyio

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "sandbox.md"
JUNK = "junk"


class Promise(NamedTuple):
    """The first answer, what a look-up tells right after it, and what a repeat is answered."""

    first: str
    found: str
    again: str


# last two digits of the amount
PROMISES = {
    0: Promise("approved", "approved", "approved"),
    1: Promise("do_not_honour", "do_not_honour", "do_not_honour"),
    2: Promise("insufficient_funds", "insufficient_funds", "insufficient_funds"),
    3: Promise("expired_card", "expired_card", "expired_card"),
    4: Promise("stolen_card", "stolen_card", "stolen_card"),
    5: Promise("limit_exceeded", "limit_exceeded", "limit_exceeded"),
    6: Promise("issuer_unavailable", "issuer_unavailable", "issuer_unavailable"),
    7: Promise("issuer_unavailable", "issuer_unavailable", "issuer_unavailable"),
    50: Promise("approved", "approved", "approved"),
    51: Promise("dropped", "approved", "approved"),
    52: Promise("dropped", "unknown_reference", "approved"),
    53: Promise("internal_error", "unknown_reference", "approved"),
    54: Promise("rate_limited", "unknown_reference", "approved"),
    55: Promise(JUNK, "unknown_reference", "approved"),
    56: Promise(JUNK, "approved", "approved"),
    57: Promise("pending", "pending", "pending"),
    58: Promise("internal_error", "approved", "approved"),
    59: Promise("approved", "approved", "approved"),
    60: Promise("pending", "pending", "pending"),
}
STATUS_CODES = {"approved": 200, "pending": 202, "internal_error": 500, "rate_limited": 429}


def word(said: Said) -> str:
    """An answer in one word: its status, or the code of its decline or error."""
    if said.status == DROPPED:
        return "dropped"
    if isinstance(said.body, dict) and "error" in said.body:
        return str(said.body["error"]["code"])
    if isinstance(said.body, dict) and "status" in said.body:
        return str(said.body["code"] or said.body["status"])
    return JUNK


async def ask(bank: Teller, kind: Kind, authorization: str, reference: str, amount: int) -> Said:
    match kind:
        case Kind.AUTHORIZATION:
            return await bank.authorize(reference, amount=amount)
        case Kind.CAPTURE:
            return await bank.capture(authorization, reference, amount)
        case Kind.REFUND:
            return await bank.refund(authorization, reference, amount)
        case Kind.VOID:
            return await bank.void(authorization, reference)


async def prepared(bank: Teller, kind: Kind, amount: int) -> str:
    """An authorization on which this verb is possible."""
    reference = bank.fresh("a")
    if kind is not Kind.AUTHORIZATION:
        held = amount if kind is Kind.VOID else 10_000
        said = await bank.authorize(reference, amount=held, capture=kind is Kind.REFUND)
        assert said.status == 200
    return reference


@pytest.mark.parametrize("digits", PROMISES)
@pytest.mark.parametrize("kind", Kind)
async def test_a_magic_amount_works_on_every_verb(kind: Kind, digits: int, hdfc: Teller) -> None:
    amount = MAGIC_AMOUNTS[kind] + digits
    authorization = await prepared(hdfc, kind, amount)
    reference = authorization if kind is Kind.AUTHORIZATION else hdfc.fresh("op")

    first = await ask(hdfc, kind, authorization, reference, amount)
    found = await hdfc.find(reference)
    again = await ask(hdfc, kind, authorization, reference, amount)

    assert Promise(word(first), word(found), word(again)) == PROMISES[digits]
    assert again.status == STATUS_CODES.get(word(again), 402)


@pytest.mark.parametrize(("digits", "token"), [(row[0], row[1]) for row in MAGIC])
async def test_a_test_token_does_the_same_as_its_amount(
    digits: int, token: str, hdfc: Teller
) -> None:
    reference = hdfc.fresh("a")

    first = await hdfc.authorize(reference, token=token)
    found = await hdfc.find(reference)
    again = await hdfc.authorize(reference, token=token)

    assert Promise(word(first), word(found), word(again)) == PROMISES[digits]


@pytest.mark.parametrize("token", APPROVING_TOKENS)
async def test_a_good_card_is_approved(token: str, hdfc: Teller) -> None:
    said = await hdfc.authorize(hdfc.fresh("a"), token=token)

    assert (said.status, word(said)) == (200, "approved")


async def test_a_token_nobody_issued_is_no_card(hdfc: Teller) -> None:
    said = await hdfc.authorize(hdfc.fresh("a"), token="tok_made_up")

    assert (said.status, word(said)) == (402, "invalid_card")


async def test_the_issuer_hdfc_does_not_reach_answers_icici(hdfc: Teller, icici: Teller) -> None:
    at_hdfc = await hdfc.authorize(hdfc.fresh("a"), token="tok_issuer_down")
    at_icici = await icici.authorize(icici.fresh("a"), token="tok_issuer_down")
    nowhere = await icici.authorize(icici.fresh("a"), token="tok_issuer_down_everywhere")

    assert word(at_hdfc) == word(nowhere) == "issuer_unavailable"
    assert word(at_icici) == "approved"


@pytest.mark.parametrize(
    ("token", "decided"),
    [("tok_pending", "approved"), ("tok_pending_then_declined", "do_not_honour")],
)
async def test_what_is_pending_is_decided_a_moment_later(
    token: str, decided: str, hdfc: Teller, bank_clock: HandClock
) -> None:
    reference = hdfc.fresh("a")
    await hdfc.authorize(reference, token=token)
    too_soon = await hdfc.capture(reference, hdfc.fresh("c"), 1_000)
    bank_clock.advance(timedelta(milliseconds=500))

    assert word(too_soon) == "authorization_pending"
    assert word(await hdfc.find(reference)) == decided
    # The first answer stands for ever, whatever happened since.
    assert word(await hdfc.authorize(reference, token=token)) == "pending"


async def test_a_slow_answer_comes_at_twice_the_callers_limit_but_its_effect_at_once(
    hdfc: Teller,
) -> None:
    patient = Teller(hdfc.session, hdfc.url, timeout_ms=150)
    reference = patient.fresh("a")
    started = time.monotonic()
    asking = asyncio.create_task(patient.authorize(reference, token="tok_slow"))
    await asyncio.sleep(0.05)

    assert word(await patient.find(reference)) == "approved"
    assert not asking.done()
    assert word(await asking) == "approved"
    assert time.monotonic() - started >= 0.3


async def test_a_late_charge_happens_when_the_caller_has_long_gone(hdfc: Teller) -> None:
    hasty = Teller(hdfc.session, hdfc.url, timeout_ms=150)
    reference = hasty.fresh("a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await hasty.authorize(reference, token="tok_late_charge")

    assert word(await hasty.find(reference)) == "unknown_reference"
    for _ in range(200):
        await asyncio.sleep(0.02)
        if (await hasty.find(reference)).status != 404:
            break

    assert word(await hasty.find(reference)) == "approved"


def test_the_reference_page_lists_every_token_and_amount() -> None:
    rows = re.findall(r"^\| (\d\d) \| `(tok_\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)

    assert [(int(digits), token) for digits, token in rows] == [row[:2] for row in MAGIC]
    assert {digits for digits, _, _ in MAGIC} | {0} == set(PROMISES)
