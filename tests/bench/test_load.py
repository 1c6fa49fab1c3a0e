"""The load's own client: it reads answers however they arrive, and never repeats a key."""

import re
from uuid import uuid4

import pytest

from bench.errands import Errands
from bench.line import Framing, UnexpectedAnswer
from bench.load import LoadReport
from bench.rounds import measured
from bench.served import Watch
from tallystick.platform.ids import typeid

CREATED = b'HTTP/1.1 201 Created\r\nContent-Length: 12\r\nx-request-id: r\r\n\r\n{"id":"tra"}'
EMPTY = b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"
KEY = re.compile(rb"Idempotency-Key: ([0-9a-f]{32})\r\n")


@pytest.fixture
def errands() -> Errands:
    accounts = [typeid("acc", uuid4()).encode() for _ in range(5)]
    return Errands(["sk_test_a", "sk_test_b"], accounts, seed=1)


@pytest.mark.parametrize("size", [1, 7, 25, len(CREATED)])
def test_an_answer_is_whole_however_it_is_cut(size: int) -> None:
    framing = Framing()
    parts = [CREATED[at : at + size] for at in range(0, len(CREATED), size)]

    answers = [framing.feed(part) for part in parts]

    assert answers == [None] * (len(parts) - 1) + [(201, b'{"id":"tra"}')]


def test_answers_follow_each_other_on_one_connection() -> None:
    framing = Framing()

    assert [framing.feed(one) for one in (CREATED, EMPTY, CREATED)] == [
        (201, b'{"id":"tra"}'),
        (204, b""),
        (201, b'{"id":"tra"}'),
    ]


def test_an_answer_without_a_length_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="content-length"):
        Framing().feed(b"HTTP/1.1 200 OK\r\n\r\n")


def test_every_request_has_a_key_of_its_own_and_says_its_length(errands: Errands) -> None:
    requests = [next(errands.transfer()) for _ in range(100)]

    assert len({KEY.findall(request)[0] for request in requests}) == 100
    for request in requests:
        head, _, body = request.partition(b"\r\n\r\n")
        assert b"Content-Length: %d" % len(body) in head


def test_a_payment_is_an_intent_its_confirmation_and_its_capture(errands: Errands) -> None:
    payment = errands.payment()
    asked = [next(payment)]
    asked.append(payment.send((201, b'{"id":"int_1","status":"requires_confirmation"}')))
    confirmed = b'{"id":"int_1","status":"requires_capture","payment_id":"pay_1"}'
    asked.append(payment.send((200, confirmed)))

    with pytest.raises(StopIteration) as done:
        payment.send((200, b'{"status":"captured"}'))

    assert done.value.value == 1
    paths = [request.split(b" ")[1].decode() for request in asked]
    assert paths == [
        "/api/v1/intents",
        "/api/v1/intents/int_1/confirm",
        "/api/v1/payments/pay_1/capture",
    ]
    assert len({re.findall(rb"Bearer (\S+)", request)[0] for request in asked}) == 1


def test_an_answer_that_should_not_be_ends_the_errand(errands: Errands) -> None:
    bulk = errands.bulk(3)
    next(bulk)

    with pytest.raises(UnexpectedAnswer, match="200"):
        bulk.send((200, b'{"posted":2,"refused":1,"unknown":0,"data":[]}'))


def a_report(done: int, **failures: int) -> LoadReport:
    return LoadReport(measured(done, 1.0, []), [], done, statuses={}, failures=failures)


def test_what_was_acknowledged_and_is_not_on_record_is_a_fault() -> None:
    watch = Watch()
    watch.seen(a_report(2))
    watch.seen(a_report(3))

    assert watch.faults(on_record=6) == []  # one more happened unseen
    assert watch.faults(on_record=4) == ["5 acknowledged, only 4 on record"]


def test_failures_of_all_rounds_are_told_together() -> None:
    watch = Watch()
    watch.seen(a_report(0, refused=2))
    watch.seen(a_report(0, refused=1, lost=1))

    assert watch.faults(on_record=0) == ["3 times refused", "1 times lost"]
