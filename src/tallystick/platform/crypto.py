"""Sealing and keyed hashing, with keys handed in; no key is kept here."""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12  # NIST SP 800-38D: 96 bits
_TAG_BYTES = 16


class SealBroken(Exception):
    """Not sealed with this key in this context, or changed since."""


def seal(key: bytes, clear: bytes, context: bytes) -> bytes:
    """AES-256-GCM under a fresh random nonce: nonce, ciphertext, tag.

    `context` (what it is and whose) is not stored, but must be the same to open the seal, so a
    sealed text cannot be moved elsewhere. A key serves at most 2**32 seals.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher(key).encrypt(nonce, clear, context)


def open_sealed(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """The clear text behind `seal`. Raises SealBroken."""
    if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise SealBroken("too short to be sealed")
    nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return _cipher(key).decrypt(nonce, ciphertext, context)
    except InvalidTag:
        raise SealBroken("sealed with another key or in another context, or changed") from None


def keyed_hash(pepper: bytes, content: bytes) -> bytes:
    """HMAC-SHA-256, 32 bytes: without the pepper nobody can test guesses against it."""
    return hmac.digest(pepper, content, hashlib.sha256)


def same(one: bytes, other: bytes) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one, other)


def _cipher(key: bytes) -> AESGCM:
    if len(key) != KEY_BYTES:
        raise ValueError("AES-256 needs a key of 32 bytes")
    return AESGCM(key)
