"""Errands: what the load asks of the API, as ready-made bytes."""

import hmac
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from random import Random
from typing import Final

import msgspec
from msgspec import Struct

from bench.accounts import CURRENCY
from bench.line import Answer, Errand, UnexpectedAnswer

# Away from the sandbox's magic amounts (4000 to 4399), far below the routes' limits.
CARD_AMOUNT_MINOR: Final = (10_000, 99_999)
_TRANSFER: Final = (
    b'{"debit_account_id":"%b","credit_account_id":"%b","amount":%d,"currency":"'
    + CURRENCY.encode()
    + b'","code":"bench"}'
)
_INTENT: Final = (
    b'{"amount":%d,"currency":"'
    + CURRENCY.encode()
    + b'","payment_method":"tok_visa","capture_method":"manual"}'
)
_NOTHING_MORE: Final = b"{}"
KNOWN_REPORTS: Final = 5_000  # references that were reported before the load begins
READY_REPORTS: Final = 30_000  # signed before it begins: senders do that elsewhere
_REPORT: Final = (
    b'{"reference_number":"%b","loan_account_number":"LA%d","cif":"CIF%d","amount":%d.50,'
    b'"payment_date":"%b","payment_channel":"online_banking",'
    b'"metadata":{"transaction_id":"TXN-001","bank_code":"VCB"}}'
)


class Posted(Struct, frozen=True):
    """What is read of a bulk's answer."""

    posted: int


class Confirmed(Struct, frozen=True):
    """What is read of an intent's answer."""

    id: str
    status: str
    payment_id: str | None = None


class Captured(Struct, frozen=True):
    """What is read of a payment's answer."""

    status: str


class Reported(Struct, frozen=True):
    """What is read of the webhook's answer: its `data`."""

    data: Captured


class Found(Struct, frozen=True):
    """What is read of a list's answer: whether anything is in it."""

    data: list[msgspec.Raw]


_read_found: Final = msgspec.json.Decoder(Found).decode
_read_posted: Final = msgspec.json.Decoder(Posted).decode
_read_intent: Final = msgspec.json.Decoder(Confirmed).decode
_read_payment: Final = msgspec.json.Decoder(Captured).decode
_read_report: Final = msgspec.json.Decoder(Reported).decode


class Errands:
    """Errands of callers with these API keys, between these accounts (`acc_...`, as text)."""

    def __init__(self, keys: Sequence[str], accounts: Sequence[bytes], seed: int) -> None:
        self._heads = [_head(key) for key in keys]
        self._accounts = accounts
        self._random = Random(seed)
        self._seed = seed
        self._secret = keys[0].encode()
        self._numbers = count()
        self._today = f"{datetime.now(UTC):%Y-%m-%d}".encode()
        self._known: list[bytes] = []
        self._ready: Iterator[bytes] = iter(())

    def of_kind(self, kind: str, *, bulk: int = 1, loans: int = 1) -> Callable[[], Errand]:
        """What begins one errand of this kind.

        `bulk` is the number of transfers in one; look-ups are among so many `loans`.
        """
        if kind == "report":
            self._ready = iter([self._new_report() for _ in range(READY_REPORTS)])
        elif kind == "duplicate":
            self._known = [self._known_report(n) for n in range(KNOWN_REPORTS)]
        kinds: dict[str, Callable[[], Errand]] = {
            "transfer": self.transfer,
            "bulk": lambda: self.bulk(bulk),
            "payment": self.payment,
            "report": self.report,
            "duplicate": self.duplicate,
            "lookup": lambda: self.lookup(loans),
        }
        return kinds[kind]

    def transfer(self) -> Errand:
        """One transfer between two accounts at random."""
        status, body = yield self._request(b"/api/v1/transfers", self._one_transfer())
        if status != 201:
            raise UnexpectedAnswer(status, body)
        return 1

    def bulk(self, count: int) -> Errand:
        """Many transfers in one request; what counts is how many were posted."""
        transfers = b",".join([self._one_transfer() for _ in range(count)])
        wish = b'{"transfers":[%b]}' % transfers
        status, body = yield self._request(b"/api/v1/transfers/bulk", wish)
        if status != 200 or _read_posted(body).posted != count:
            raise UnexpectedAnswer(status, body)
        return count

    def payment(self) -> Errand:
        """A card payment: an intent, its confirmation, the capture."""
        head = self._random.choice(self._heads)
        intent = _INTENT % self._random.randint(*CARD_AMOUNT_MINOR)
        status, body = yield self._request(b"/api/v1/intents", intent, head)
        if status != 201:
            raise UnexpectedAnswer(status, body)
        path = b"/api/v1/intents/%b/confirm" % _read_intent(body).id.encode()
        status, body = yield self._request(path, _NOTHING_MORE, head)
        confirmed = _read_intent(body) if status == 200 else None
        if confirmed is None or confirmed.payment_id is None:
            raise UnexpectedAnswer(status, body)
        path = b"/api/v1/payments/%b/capture" % confirmed.payment_id.encode()
        status, body = yield self._request(path, _NOTHING_MORE, head)
        if status != 200 or _read_payment(body).status != "captured":
            raise UnexpectedAnswer(status, body)
        return 1

    def report(self) -> Errand:
        """A payment made elsewhere, reported for the first time."""
        request = next(self._ready, None) or self._new_report()
        yield from self._report(request, "created")
        return 1

    def duplicate(self) -> Errand:
        """A report of a reference that is known, sent once more as senders do: byte by byte."""
        number = int(self._random.random() * KNOWN_REPORTS)
        yield from self._report(self._known[number], "duplicate")
        return 1

    def lookup(self, loans: int) -> Errand:
        """An agent looks up a loan account or a customer, who has payments."""
        loan = int(self._random.random() * loans)
        by_loan = self._random.random() < 0.5
        whose = b"loan/LA%d" % loan if by_loan else b"cif/CIF%d" % (loan // 2)
        status, body = yield (
            b"GET /api/v1/monitoring/payments/%b HTTP/1.1\r\n%b\r\n" % (whose, self._heads[0])
        )
        if status != 200 or not _read_found(body).data:
            raise UnexpectedAnswer(status, body)
        return 1

    def _new_report(self) -> bytes:
        return self._signed(b"P6-%d-%d" % (self._seed, next(self._numbers)))

    def _known_report(self, number: int) -> bytes:
        return self._signed(known_reference(number).encode())

    def _signed(self, reference: bytes) -> bytes:
        random = self._random.random
        loan, cif = int(random() * 6_000_000), int(random() * 3_000_000)
        body = _REPORT % (reference, loan, cif, 1 + int(random() * 100_000), self._today)
        return (
            b"POST /api/v1/payments/webhook HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\nX-Signature: sha256=%b\r\n"
            b"Content-Length: %d\r\n\r\n%b"
            % (hmac.digest(self._secret, body, "sha256").hex().encode(), len(body), body)
        )

    def _report(self, request: bytes, expected: str) -> Generator[bytes, Answer, None]:
        status, answer = yield request
        if status != 200 or _read_report(answer).data.status != expected:
            raise UnexpectedAnswer(status, answer)

    def _one_transfer(self) -> bytes:
        random, accounts = self._random.random, self._accounts
        count = len(accounts)
        debit, credit = int(random() * count), int(random() * count)
        if debit == credit:
            credit = (debit + 1) % count
        return _TRANSFER % (accounts[debit], accounts[credit], 1 + int(random() * 100_000))

    def _request(self, path: bytes, body: bytes, head: bytes | None = None) -> bytes:
        key = self._random.getrandbits(128)  # random, as clients' keys are
        return b"POST %b HTTP/1.1\r\n%bIdempotency-Key: %032x\r\nContent-Length: %d\r\n\r\n%b" % (
            path,
            head or self._heads[0],
            key,
            len(body),
            body,
        )


def known_reference(number: int) -> str:
    """The reference of one of the `KNOWN_REPORTS`."""
    return f"P6-KNOWN-{number}"


def _head(key: str) -> bytes:
    return (
        b"Host: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %b\r\n" % key.encode()
    )
