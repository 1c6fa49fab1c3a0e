"""Identifiers: UUIDv7 with a 12-bit bucket, shown outside as TypeIDs (`pay_01h4...`).

Layout (RFC 9562, version 7): 48 bits of Unix milliseconds, version, 12 bits `rand_a`, variant,
62 bits `rand_b`. We put the owner's bucket in `rand_a`: it places the object in a cell for ever.
The TypeID text form is a prefix, an underscore and 26 characters of Crockford base32.
"""

import hashlib
import os
import re
import uuid
from datetime import datetime

from asyncpg.pgproto.pgproto import UUID as FastUUID

BUCKETS = 4096
_LOW_62_BITS = (1 << 62) - 1
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_TRIPLES = [pair + third for pair in _PAIRS for third in _ALPHABET]  # 15 bits at a time
_LOW_75_BITS = (1 << 75) - 1
# Python reads base 32 with the digits 0-9a-v.
_TO_PYTHON = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
_TYPEID = re.compile(r"([a-z]{2,16})_([0-7][0-9a-hjkmnp-tv-z]{25})", re.ASCII)
_PLAIN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


class MalformedId(ValueError):
    """The text is neither a TypeID of the expected prefix nor a plain UUID."""


def new_id(now: datetime, bucket: int) -> uuid.UUID:
    """A fresh UUIDv7 of the instant `now` in `bucket` (0 to 4095).

    The top bit of `rand_b` stays clear, so that `numbered_id` never overflows.
    """
    return _assemble(
        int(now.timestamp() * 1000), bucket, int.from_bytes(os.urandom(8)) & (_LOW_62_BITS >> 1)
    )


def random_bucket() -> int:
    """The bucket of an object that has no owner: a merchant, a user."""
    return int.from_bytes(os.urandom(2)) % BUCKETS


def bucket_of(identifier: uuid.UUID) -> int:
    """The 12-bit bucket an id carries."""
    return (identifier.int >> 64) & 0xFFF


def derived_id(owner: uuid.UUID, name: str) -> uuid.UUID:
    """The id of the one thing called `name` that belongs to `owner`; same time, same bucket.

    Whoever knows the owner and the name knows the id, so no look-up table is needed.
    """
    digest = hashlib.blake2b(name.encode(), digest_size=8, key=owner.bytes).digest()
    low = int.from_bytes(digest) & _LOW_62_BITS
    return _from_int((owner.int & ~_LOW_62_BITS) | low)


def derived_range(identifier: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID]:
    """The lowest and the highest id that the owner of a derived id can have."""
    lowest = identifier.int & ~_LOW_62_BITS
    return _from_int(lowest), _from_int(lowest | _LOW_62_BITS)


def earliest_id(at: datetime) -> uuid.UUID:
    """The lowest id an object of this instant can have: ids below it are older."""
    return _from_int(int(at.timestamp() * 1000) << 80)


def numbered_id(first: uuid.UUID, index: int) -> uuid.UUID:
    """The id `index` places after `first`: members of one group lie side by side in an index."""
    return _from_int(first.int + index) if index else first


def typeid(prefix: str, identifier: uuid.UUID) -> str:
    """`prefix_` and the id as 26 characters of Crockford base32, most significant first."""
    number = identifier.int
    # Eleven and fifteen characters: Python shifts small numbers faster than one large one.
    high, low, triples = number >> 75, number & _LOW_75_BITS, _TRIPLES
    return (
        f"{prefix}_{_PAIRS[high >> 45]}"
        f"{triples[high >> 30 & 32767]}{triples[high >> 15 & 32767]}{triples[high & 32767]}"
        f"{triples[low >> 60]}{triples[low >> 45 & 32767]}{triples[low >> 30 & 32767]}"
        f"{triples[low >> 15 & 32767]}{triples[low & 32767]}"
    )


def parse_typeid(prefix: str, text: str) -> uuid.UUID:
    """The id behind a TypeID of this prefix, or behind a plain UUID.

    Raises MalformedId.
    """
    if _PLAIN.fullmatch(text):
        return _from_int(uuid.UUID(text).int)
    match = _TYPEID.fullmatch(text)
    if match is None or match[1] != prefix:
        raise MalformedId(f"expected an id such as {prefix}_... or a UUID")
    return _from_int(int(match[2].translate(_TO_PYTHON), 32))


def _assemble(unix_ms: int, bucket: int, rand_b: int) -> uuid.UUID:
    if not 0 <= bucket < BUCKETS:
        raise ValueError(f"bucket {bucket} is not within 0..{BUCKETS - 1}")
    return _from_int(unix_ms << 80 | 7 << 76 | bucket << 64 | 0b10 << 62 | rand_b)


def _from_int(number: int) -> uuid.UUID:
    # asyncpg's UUID is a uuid.UUID that is made six times faster.
    return FastUUID(number.to_bytes(16))
