"""A sealed text that somebody changed: told to whoever reads it, found by the proof, and no more.

The database's owner changes it in the log and in the table alike, so that only the seal can tell.
"""

from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

import pytest

from tallystick.platform.clock import HandClock
from tallystick.platform.ids import new_id, parse_typeid, random_bucket, typeid
from tallystick.platform.postgres.address import Address
from tallystick.platform.postgres.pools import Connection, connect
from tallystick.platform.settings import Settings
from tallystick.sandbox import Pace, Sandbox, serve_sandbox
from tests.servers.served import Platform, require_proven

pytestmark = pytest.mark.anyio

API = "/api/v1"
DAY_S = 86_400
BASE64 = ascii_uppercase + ascii_lowercase + digits + "+/"
WORDS = {"description": "for Asha", "metadata": {"who": "Asha"}}
INR = {"currency": "INR", "amount": 10_000}

# Where sealed texts stand, and who is told at which address.
PLACES = {
    "account_metadata.sealed": "/accounts/{account}",
    "api_keys.name_sealed": None,
    "customers.sealed": "/customers/{customer}",
    "dispute_documents.sealed": "/disputes/{dispute}/evidence/{document}",
    "disputes.sealed": "/disputes/{dispute}",
    "escrows.dispute_sealed": "/escrows/{escrow}",
    "escrows.sealed": "/escrows/{escrow}",
    "intents.sealed": "/intents/{intent}",
    "merchants.name_sealed": None,
    "payment_cases.notes": "/cases/{case}",
    "payment_methods.sealed": "/payment-methods/{method}",
    "payments.sealed": "/payments/{payment}",
    "payouts.sealed": "/payouts/{payout}",
    "refunds.sealed": "/refunds/{refund}",
}
LISTS = (
    *("customers", "disputes", "escrows", "intents", "cases", "payments", "payouts", "refunds"),
    "payment-methods?customer_id={customer}",
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"test_clock": "hand"})


@pytest.fixture
async def sandbox(tmp_path: Path, clock: HandClock) -> AsyncIterator[Sandbox]:
    """Banks that take three days over whatever is pending."""
    pace = Pace(calm=True, pending_ms=3 * DAY_S * 1_000)
    async with serve_sandbox(tmp_path / "banks", pace=pace, durable=False, now=clock.now) as banks:
        yield banks


@pytest.fixture
async def owner(owner_address: Address) -> AsyncIterator[Connection]:
    """The database's owner, whom no trigger stops."""
    connection = await connect(
        owner_address, server_settings={"search_path": f'"{owner_address.schema}"'}
    )
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.execute("SELECT pg_stat_force_next_flush()")
    await connection.execute(
        "SELECT pg_stat_reset_single_table_counters('journal_facts'::regclass)"
    )
    await connection.close()


async def made(platform: Platform, path: str, body: dict[str, Any], *, till: bool = True) -> str:
    caller = platform.till if till else platform.operator
    answer = await caller.post(f"{API}{path}", body)
    assert answer.status in (200, 201), (path, answer.raw)
    return str(answer.json["id"])


async def everything(platform: Platform) -> dict[str, str]:
    """One object of every sort that has a sealed text; their names."""
    found = {"account": await made(platform, "/accounts", ACCOUNT, till=False)}
    found["customer"] = await made(platform, "/customers", {"name": "Asha Rao"})
    card = {"customer_id": found["customer"], "token": "tok_visa"}
    found["method"] = await made(platform, "/payment-methods", card)
    found["intent"] = await made(platform, "/intents", INR | WORDS)
    visa = INR | WORDS | {"payment_method": "tok_visa"}
    found["payment"] = await made(platform, "/payments", visa)
    refund = {"payment_id": found["payment"], "amount": 100, "description": "for Asha"}
    found["refund"] = await made(platform, "/refunds", refund)
    payout = {"amount": 1_000, "currency": "INR", "destination": DESTINATION}
    found["payout"] = await made(platform, "/payouts", payout)
    await disputed(platform, found)
    await disputed_escrow(platform, found)
    await noted(platform, found)
    return found


DESTINATION = {"type": "upi", "upi_id": "asha@sandbox", "name": "Asha Rao"}
ACCOUNT = {
    "code": "platform:till_asha:INR",
    "currency": "INR",
    "normal_side": "credit",
    "overdraft_limit": None,
    "metadata": {"who": "Asha"},
}


async def disputed(platform: Platform, found: dict[str, str]) -> None:
    found["dispute"] = await a_dispute(platform)
    found["document"] = await handed_in(platform, found["dispute"], b"Two cups")
    said = {"explanation": "Asha drank it."}
    await made(platform, f"/disputes/{found['dispute']}/submit", said)


async def a_dispute(platform: Platform) -> str:
    body = INR | {"payment_method": "tok_disputed"}
    payment = await made(platform, "/payments", body)
    await platform.app.disputes.feed.read_all()
    listed = await platform.till.get(f"{API}/disputes?payment_id={payment}")
    return str(listed.json["data"][0]["id"])


async def handed_in(platform: Platform, dispute: str, content: bytes) -> str:
    """The id of a document that is now the dispute's last."""
    letter = {
        "dispute_id": dispute,
        "kind": "receipt",
        "media_type": "text/plain",
        "name": "chai.txt",
        "content": b64encode(content).decode(),
    }
    answer = await platform.till.post(f"{API}/disputes/evidence", letter)
    return str(answer.json["evidence"][-1]["id"])


async def disputed_escrow(platform: Platform, found: dict[str, str]) -> None:
    somebody = typeid("usr", new_id(platform.clock.now(), random_bucket()))
    opened = {"owner_id": somebody, "currency": "INR"}
    wallet = await made(platform, "/wallets", opened, till=False)
    seller = typeid("mer", platform.merchant.id)
    terms = {
        "buyer_wallet_id": wallet,
        "recipients": [{"merchant_id": seller}],
        "amount": 600,
        "currency": "INR",
        "description": "A chair for Asha",
    }
    found["escrow"] = await made(platform, "/escrows", terms, till=False)
    shown = (await platform.operator.get(f"{API}/wallets/{wallet}")).json
    transfer = {
        "debit_account_id": found["account"],
        "credit_account_id": shown["account_id"],
        "amount": 600,
        "currency": "INR",
        "code": "fund",
    }
    await made(platform, "/transfers", transfer, till=False)
    for verb, body in (("fund", {}), ("dispute", {"reason": "Broken, says Asha"})):
        await made(platform, f"/escrows/{found['escrow']}/{verb}", body, till=False)


async def noted(platform: Platform, found: dict[str, str]) -> None:
    await made(platform, "/payments", INR | {"payment_method": "tok_pending"})
    await turn(platform, DAY_S)
    (case,) = (await platform.operator.get(f"{API}/cases")).json["data"]
    found["case"] = case["id"]
    await made(platform, f"/cases/{case['id']}/notes", {"text": "Asha called."}, till=False)
    for _ in range(2):  # the bank has decided, and the case has ended
        await turn(platform, 3 * DAY_S)


async def turn(platform: Platform, seconds: int) -> None:
    answer = await platform.operator.post(f"{API}/test/clock/advance", {"seconds": seconds})
    assert answer.status == 200, answer.raw


async def sealed_columns(owner: Connection) -> set[str]:
    """Every column that says that it holds sealed texts."""
    rows = await owner.fetch(
        "SELECT table_name || '.' || column_name FROM information_schema.columns"
        " JOIN information_schema.tables t USING (table_schema, table_name)"
        " WHERE t.table_schema = current_schema() AND table_type = 'BASE TABLE'"
        " AND column_name LIKE '%sealed%'"
    )
    return {row[0] for row in rows}


async def texts_at(owner: Connection, place: str) -> list[str]:
    table, column = place.split(".")
    if column == "notes":
        rows = await owner.fetch("SELECT json_array_elements(notes)->>'sealed' FROM payment_cases")
    elif table == "dispute_documents":
        rows = await owner.fetch("SELECT convert_from(sealed, 'UTF8') FROM dispute_documents")
    else:
        rows = await owner.fetch(f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL")
    return [row[0] for row in rows]


async def put(owner: Connection, place: str, old: str, new: str) -> None:
    """Change the text in the table, and in the fact it comes from."""
    table, column = place.split(".")
    kind = await owner.fetchval(
        "SELECT format_type(atttypid, NULL) FROM pg_attribute"
        " WHERE attrelid = to_regclass($1) AND attname = $2",
        table,
        column,
    )
    if kind == "bytea":
        await owner.execute(
            f"UPDATE {table} SET {column} = $2 WHERE {column} = $1", old.encode(), new.encode()
        )
        return
    for named, of, type_ in ((table, column, kind), ("journal_facts", "data", "json")):
        done = await owner.execute(
            f"UPDATE {named} SET {of} = replace({of}::text, $1, $2)::{type_}"
            f" WHERE {of}::text LIKE '%' || $1 || '%'",
            old,
            new,
        )
        assert done != "UPDATE 0", (named, place)


async def tampered_tables(platform: Platform) -> set[str]:
    """What `journal verify` finds, and with it the check `projections` of `books prove`."""
    async with platform.app.database.reading() as connection:
        compared = await platform.app.journal.verify_projections(connection)
    assert all(one.sound != bool(one.tampered) for one in compared)
    return {one.table for one in compared if one.tampered}


async def is_proven(platform: Platform) -> bool:
    """Whether `books prove` calls the tables kept from facts green."""
    proof = await platform.app.prove()
    return {check.name: check.green for check in proof.checks}["projections"]


async def counted(platform: Platform) -> float:
    raw = (await platform.anybody.get("/metrics")).raw.decode()
    lines = [
        line for line in raw.splitlines() if line.startswith("tallystick_tampered_texts_total")
    ]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


async def test_every_sealed_text_that_was_changed_is_told_and_found(
    platform: Platform, owner: Connection
) -> None:
    assert await sealed_columns(owner) == set(PLACES) - {"payment_cases.notes"}
    names = await everything(platform)
    await require_proven(platform.app)

    for place, path in PLACES.items():
        for text in await texts_at(owner, place):
            await put(owner, place, text, flipped(text))
        table = place.partition(".")[0]
        owning = "disputes" if table == "dispute_documents" else table

        assert await tampered_tables(platform) == {owning}, place
        assert place != "dispute_documents.sealed" or not await is_proven(platform)
        if path:
            await read_by_whoever_asks(platform, path.format(**names))
        for listed in LISTS:
            answer = await platform.operator.get(f"{API}/{listed.format(**names)}")
            assert answer.status == 200, (place, listed, answer.raw)

        for text in await texts_at(owner, place):
            await put(owner, place, text, flipped(text))
    assert await tampered_tables(platform) == set()


def flipped(text: str) -> str:
    """The text with another letter near its end; of that, the text."""
    return text[:-6] + BASE64[BASE64.index(text[-6]) ^ 1] + text[-5:]


async def read_by_whoever_asks(platform: Platform, path: str) -> None:
    before = await counted(platform)

    answer = await platform.operator.get(f"{API}{path}")

    assert (answer.status, answer.json["code"]) == (500, "seal_tampered"), (path, answer.raw)
    assert "was changed since it was sealed" in answer.json["detail"]
    assert await counted(platform) > before


async def test_documents_that_changed_places_are_told_and_named(
    platform: Platform, owner: Connection
) -> None:
    await made(platform, "/payments", INR | {"payment_method": "tok_visa"})
    dispute = await a_dispute(platform)
    texts = (b"Two cups of chai", b"No cup of coffee")
    documents = [await handed_in(platform, dispute, text) for text in texts]
    other = await handed_in(platform, dispute, b"Chai & Sons")
    paths = [f"/disputes/{dispute}/evidence/{document}" for document in documents]

    await swap(owner, documents)

    for path in paths:
        await read_by_whoever_asks(platform, path)
    assert await tampered_documents(platform) == set(documents)
    for fine in (f"/disputes/{dispute}", "/disputes", f"/disputes/{dispute}/evidence/{other}"):
        assert (await platform.till.get(f"{API}{fine}")).status == 200
    # Evidence goes to the bank by the digests that were recorded.
    await made(platform, f"/disputes/{dispute}/submit", {"explanation": "Asha drank it."})

    await swap(owner, documents)

    assert [(await platform.till.get(f"{API}{path}")).status for path in paths] == [200, 200]
    await require_proven(platform.app)


async def test_another_text_of_its_payment_is_no_document(
    platform: Platform, owner: Connection
) -> None:
    await made(platform, "/payments", INR | {"payment_method": "tok_visa"})
    dispute = await a_dispute(platform)
    document = await handed_in(platform, dispute, b"Two cups")
    await made(platform, f"/disputes/{dispute}/submit", {"explanation": "Asha drank it."})
    (words,) = await texts_at(owner, "disputes.sealed")
    (text,) = await texts_at(owner, "dispute_documents.sealed")

    await put(owner, "dispute_documents.sealed", text, words)

    await read_by_whoever_asks(platform, f"/disputes/{dispute}/evidence/{document}")
    assert await tampered_documents(platform) == {document}
    await put(owner, "dispute_documents.sealed", words, text)


async def swap(owner: Connection, documents: list[str]) -> None:
    """Each gets the other's text, which opens: one key seals both."""
    done = await owner.execute(
        "UPDATE dispute_documents d SET sealed = o.sealed FROM dispute_documents o"
        " WHERE d.id <> o.id AND d.id = ANY($1) AND o.id = ANY($1)",
        [parse_typeid("evd", document) for document in documents],
    )
    assert done == "UPDATE 2"


async def tampered_documents(platform: Platform) -> set[str]:
    """Those that the proof names."""
    proof = await platform.app.prove()
    broken = {check.name: check.findings for check in proof.checks if not check.green}
    assert set(broken) <= {"projections"}, broken
    named = [one for table in broken.get("projections", ()) for one in table["tampered"]]
    assert len(named) == len(set(named))
    return {typeid("evd", one) for one in named}


async def test_what_was_erased_everywhere_leaves_the_proof_green(
    platform: Platform, owner: Connection
) -> None:
    names = await everything(platform)
    subjects = await owner.fetch("SELECT subject_id FROM journal_subject_keys")
    await platform.app.journal.erase(*[row[0] for row in subjects])

    await require_proven(platform.app)

    for path in filter(None, PLACES.values()):
        answer = await platform.operator.get(f"{API}{path.format(**names)}")
        gone = path.endswith("{document}")
        assert answer.status == (404 if gone else 200), (path, answer.raw)
        assert b"Asha" not in answer.raw


async def test_what_a_verb_did_to_the_money_is_told_all_the_same(
    platform: Platform, owner: Connection
) -> None:
    held = INR | WORDS | {"payment_method": "tok_visa", "capture_method": "manual"}
    payment = await made(platform, "/payments", held)
    customer = await made(platform, "/customers", {"name": "Asha Rao"})
    for place in ("payments.sealed", "customers.sealed"):
        (text,) = await texts_at(owner, place)
        await put(owner, place, text, flipped(text))
    path = f"{API}/payments/{payment}"

    first = await platform.till.post(f"{path}/capture", key="once")
    again = await platform.till.post(f"{path}/capture", key="once")
    refused = await platform.till.post(f"{API}/customers/{customer}", {"email": "a@b.example"})

    assert (first.status, first.json["amount_captured"]) == (200, 10_000), first.raw
    assert (again.status, again.json["amount_captured"]) == (200, 10_000), again.raw
    assert (again.json["description"], again.json["metadata"]) == (None, {})
    # What he would merge his words with cannot be read: it stays as it is.
    assert (refused.status, refused.json["code"]) == (500, "seal_tampered")
    for place in ("payments.sealed", "customers.sealed"):
        (text,) = await texts_at(owner, place)
        await put(owner, place, text, flipped(text))
