"""A document is what its first bytes say."""

import pytest

from tallystick.payments import PaymentsError
from tallystick.payments.disputes.evidence import (
    EVIDENCE_BYTES_MAX,
    require_document,
    require_kind,
    sniffed_type,
)
from tests.payments.disputes.dispute_desk import JPEG, PDF, PNG


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (PDF, "application/pdf"),
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        ("Zwei Tassen Tee, bar bezahlt:\t€ 3\r\n".encode(), "text/plain"),
        (b"plain", "text/plain"),
        (b"\x89PNG\r\n", None),
        (b"GIF89a\x01\x00", None),
        (b"PK\x03\x04", None),
        (b"MZ\x90\x00", None),
        (b"text\x00with a zero", None),
        (b"\xff\xfe\x00t", None),
        (b"a\x1b[2Jterminal", None),
        ("left\u202eright".encode(), None),
    ],
)
def test_its_first_bytes_say_what_it_is(content: bytes, media_type: str | None) -> None:
    assert sniffed_type(content) == media_type


@pytest.mark.parametrize(
    ("media_type", "content", "code"),
    [
        ("application/pdf", b"", "evidence_empty"),
        ("application/pdf", PDF.ljust(EVIDENCE_BYTES_MAX + 1), "evidence_too_large"),
        ("text/html", b"<html>", "evidence_type_not_allowed"),
        ("image/png", JPEG, "evidence_type_mismatch"),
        ("text/plain", PDF, "evidence_type_mismatch"),
    ],
)
def test_what_is_refused_says_why(media_type: str, content: bytes, code: str) -> None:
    with pytest.raises(PaymentsError) as refused:
        require_document(media_type, content)

    assert refused.value.code == code


def test_its_kind_is_one_of_ours() -> None:
    with pytest.raises(PaymentsError) as refused:
        require_kind("gossip")

    assert refused.value.code == "invalid_evidence_kind"
