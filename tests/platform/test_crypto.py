"""Sealing and keyed hashing."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.platform.crypto import SealBroken, keyed_hash, open_sealed, same, seal

KEY = bytes(range(32))


@given(st.binary(), st.binary())
def test_what_is_sealed_opens_again(clear: bytes, context: bytes) -> None:
    assert open_sealed(KEY, seal(KEY, clear, context), context) == clear


def test_sealing_twice_gives_two_texts_and_shows_nothing() -> None:
    sealed = {seal(KEY, b"Asha Rao", b"") for _ in range(100)}
    assert len(sealed) == 100
    assert not any(b"Asha" in text for text in sealed)


def test_a_seal_does_not_open_elsewhere_nor_with_another_key() -> None:
    sealed = seal(KEY, b"asha@example.com", b"customer 1")
    with pytest.raises(SealBroken):
        open_sealed(KEY, sealed, b"customer 2")
    with pytest.raises(SealBroken):
        open_sealed(bytes(32), sealed, b"customer 1")


def test_changing_any_byte_breaks_the_seal() -> None:
    sealed = seal(KEY, b"4", b"")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(SealBroken):
            open_sealed(KEY, bytes(changed), b"")
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            open_sealed(KEY, sealed[:length], b"")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        seal(b"short", b"", b"")


def test_the_keyed_hash_is_hmac_sha_256() -> None:
    # RFC 4231, test case 2
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert keyed_hash(b"Jefe", b"what do ya want for nothing?").hex() == expected
    assert keyed_hash(KEY, b"x") == hmac.new(KEY, b"x", hashlib.sha256).digest()


def test_same_compares() -> None:
    assert same(b"abc", b"abc")
    assert not same(b"abc", b"abd")
    assert not same(b"abc", b"abcd")
