"""What may be handed in as evidence, and how a document is told by its first bytes. Pure."""

from typing import Final

from tallystick.payments.errors import Invalid

EVIDENCE_BYTES_MAX: Final = 1_048_576
EVIDENCE_COUNT_MAX: Final = 10
EXPLANATION_LENGTH_MAX: Final = 5_000
EVIDENCE_KINDS: Final = (
    "receipt",
    "customer_communication",
    "shipping_documentation",
    "refund_policy",
    "other",
)
MEDIA_TYPES: Final = ("application/pdf", "image/png", "image/jpeg", "text/plain")

# The whole signatures: PNG's (ISO/IEC 15948, 5.2), JPEG's start of image and next marker
# (ISO/IEC 10918-1, B.1), PDF's header (ISO 32000-1, 7.5.2).
_SIGNATURES: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_TEXT_CONTROLS: Final = frozenset("\t\n\r\f")


def sniffed_type(content: bytes) -> str | None:
    """What the bytes are, whatever they were called; None for nothing we take."""
    for signature, media_type in _SIGNATURES:
        if content.startswith(signature):
            return media_type
    return "text/plain" if _is_text(content) else None


def require_document(media_type: str, content: bytes) -> None:
    """Raises Invalid: evidence_empty, evidence_too_large, evidence_type_not_allowed,
    evidence_type_mismatch.
    """
    if not content:
        raise Invalid("the document is empty", "evidence_empty")
    if len(content) > EVIDENCE_BYTES_MAX:
        raise Invalid(
            f"a document has at most {EVIDENCE_BYTES_MAX} bytes, not {len(content)}",
            "evidence_too_large",
        )
    if media_type not in MEDIA_TYPES:
        raise Invalid(f"a document is one of {', '.join(MEDIA_TYPES)}", "evidence_type_not_allowed")
    found = sniffed_type(content)
    if found != media_type:
        raise Invalid(
            f"the document says it is {media_type} and looks like {found or 'none we take'}",
            "evidence_type_mismatch",
        )


def require_kind(kind: str) -> None:
    """Raises Invalid (invalid_evidence_kind)."""
    if kind not in EVIDENCE_KINDS:
        raise Invalid(f"evidence is one of {', '.join(EVIDENCE_KINDS)}", "invalid_evidence_kind")


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in _TEXT_CONTROLS for letter in text)
