"""Errands: what the load asks of the API, as ready-made bytes."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

import msgspec
from msgspec import Struct

from bench.accounts import CURRENCY
from bench.line import Errand, UnexpectedAnswer

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


_read_posted: Final = msgspec.json.Decoder(Posted).decode
_read_intent: Final = msgspec.json.Decoder(Confirmed).decode
_read_payment: Final = msgspec.json.Decoder(Captured).decode


class Errands:
    """Errands of callers with these API keys, between these accounts (`acc_...`, as text)."""

    def __init__(self, keys: Sequence[str], accounts: Sequence[bytes], seed: int) -> None:
        self._heads = [_head(key) for key in keys]
        self._accounts = accounts
        self._random = Random(seed)

    def of_kind(self, kind: str, bulk: int) -> Callable[[], Errand]:
        """What begins one errand of this kind; `bulk` is the number of transfers in one."""
        kinds: dict[str, Callable[[], Errand]] = {
            "transfer": self.transfer,
            "bulk": lambda: self.bulk(bulk),
            "payment": self.payment,
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


def _head(key: str) -> bytes:
    return (
        b"Host: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %b\r\n" % key.encode()
    )
