"""Reads a case: a small table of ledger verbs, heard by the judge line by line.

    fund      customer:1                       100.00
    reserve   h1   customer:1 → merchant:42     60.00   ok
    reserve   h2   customer:1 → merchant:42     60.00   insufficient_funds
    settle    h1                                45.00   ok            the rest goes home
    balance   customer:1                        55.00

A line is a verb, its words, what is expected (`ok` or the refusal's code), and perhaps a remark
after `#`. Accounts open by themselves, on the credit side, in INR, without overdraft, when they
are first named (all but `nobody`); `open` says otherwise. Lines indented below `together` are one
change. After every line all debits equal all credits.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from tallystick.ledger import (
    Close,
    Expire,
    Freeze,
    Limit,
    Open,
    Post,
    Require,
    Reserve,
    Settle,
    Void,
)
from tallystick.ledger.judge import Bench
from tallystick.ledger.model import Account, AccountVerb, Reservation, Transfer, Verdict
from tallystick.ledger.moves import COUNTER_MAX
from tallystick.platform.ids import derived_id, numbered_id

_WORLD = UUID("00000000-0000-7000-8000-000000000001")
_START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
_OUTSIDE = "outside"  # where funds come from: on the debit side, without limit
_NOBODY = "nobody"  # never opens by itself
_CURRENCIES = {"INR", "USD", "EUR"}


@dataclass(frozen=True)
class Line:
    """One line of a case, with the lines indented below it."""

    number: int
    words: tuple[str, ...]
    expected: str
    below: tuple["Line", ...] = ()


def read_case(path: Path) -> list[Line]:
    lines: list[Line] = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = text.partition("#")[0].split()
        if not words:
            continue
        line = _line(number, words)
        if text[0].isspace():
            above = lines.pop()
            line = Line(above.number, above.words, above.expected, (*above.below, line))
        lines.append(line)
    return lines


def _line(number: int, words: list[str]) -> Line:
    is_verdict = words[0] in _ORDERS or words[0] in _VERBS or words[0] == "together"
    if is_verdict and (words[-1] == "ok" or "_" in words[-1]):
        return Line(number, tuple(words[:-1]), words[-1])
    return Line(number, tuple(words), "ok")


@dataclass
class Story:
    """A case as it goes: the bench, the clock, and the names of its reservations.

    `opening` holds the accounts that must not open by themselves just now.
    """

    bench: Bench = field(default_factory=lambda: Bench({}, {}))
    at: datetime = _START
    names: dict[str, UUID] = field(default_factory=dict)
    changes: int = 0
    opening: set[str] = field(default_factory=set)

    def tell(self, line: Line) -> None:
        """Hear one line and hold it against what it expects."""
        verb, *words = line.words
        if verb in _LOOKS:
            _LOOKS[verb](self, words)
        elif verb == "together":
            self._hear([below.words for below in line.below], line.expected)
        else:
            self._hear([line.words], line.expected)
        self._debits_equal_credits()

    def account(self, name: str) -> Account:
        return self.bench.accounts[self.account_id(name)]

    def account_id(self, name: str) -> UUID:
        return derived_id(_WORLD, name)

    def reservation(self, name: str) -> Reservation:
        return self.bench.reservations[self.names[name]]

    def _hear(self, lines: list[tuple[str, ...]], expected: str) -> None:
        change_id = derived_id(_WORLD, f"change {self.changes}")
        self.changes += 1
        verbs: list[AccountVerb] = []
        transfers: list[Transfer] = []
        self.opening = {words[1] for words in lines if words[0] == "open"} | {_NOBODY}
        for verb, *words in lines:
            if verb in _VERBS:
                verbs.append(_VERBS[verb](self, words))
            else:
                if verb == "reserve":
                    self.names[words[0]] = numbered_id(change_id, len(transfers))
                transfers.append(_ORDERS[verb](self, words))
        before = self._snapshot()
        verdict = self.bench.judge(change_id, transfers, verbs, at=self.at)
        self._hold(verdict, expected)
        if verdict.refusal:
            assert self._snapshot() == before, "a refused change left a trace"

    def _hold(self, verdict: Verdict, expected: str) -> None:
        told = verdict.refusal[0] if verdict.refusal else "ok"
        assert told == expected, verdict.refusal

    def open_unless_there(self, name: str, currency: str = "INR") -> UUID:
        account_id = self.account_id(name)
        if account_id not in self.bench.accounts and name not in self.opening:
            side, limit = ("debit", None) if name.startswith(_OUTSIDE) else ("credit", 0)
            opened = Open(account_id, name, currency, side, limit)
            assert self.bench.judge(_WORLD, (), (opened,), at=self.at).refusal is None
        return account_id

    def _snapshot(self) -> str:
        return repr((self.bench.accounts, self.bench.reservations))

    def _debits_equal_credits(self) -> None:
        accounts = self.bench.accounts.values()
        assert sum(a.debits_posted - a.credits_posted for a in accounts) == 0
        assert sum(a.debits_pending - a.credits_pending for a in accounts) == 0


# Words ----------------------------------------------------------------------------------------


def minor(text: str) -> int:
    """`1,234.50` as 123450."""
    major, _, cents = text.replace(",", "").partition(".")
    return int(major + cents.ljust(2, "0"))


def _between(story: Story, words: list[str]) -> tuple[UUID, UUID, int, str]:
    """`customer:1 → merchant:42  60.00 [INR]`."""
    debit, arrow, credit, amount, *rest = words
    assert arrow == "→"
    currency = rest.pop(0) if rest and rest[0] in _CURRENCIES else "INR"
    assert not rest, rest
    debit_id, credit_id = story.open_unless_there(debit), story.open_unless_there(credit)
    return debit_id, credit_id, minor(amount), currency


def _fund(story: Story, words: list[str]) -> Post:
    name, amount, *currency = words
    outside = f"{_OUTSIDE}:{currency[0]}" if currency else _OUTSIDE
    code = currency[0] if currency else "INR"
    debit = story.open_unless_there(outside, code)
    return Post(debit, story.open_unless_there(name, code), minor(amount), code, "fund")


def _post(story: Story, words: list[str]) -> Post:
    """`customer:1 → merchant:42  [up-to] 60.00 [since -3d]`."""
    words, effective_at = _instant(story, words, "since")
    words, up_to = _without(words, "up-to")
    return Post(*_between(story, words), "sale", effective_at, up_to)


def _reserve(story: Story, words: list[str]) -> Reserve:
    """`h1  customer:1 → merchant:42  [up-to] 60.00 [until +10m]`."""
    words, expires_at = _instant(story, words, "until")
    words, up_to = _without(words, "up-to")
    return Reserve(*_between(story, words[1:]), "hold", expires_at, up_to)


def _instant(story: Story, words: list[str], word: str) -> tuple[list[str], datetime | None]:
    """The words before `word`, and the instant that the one behind it means."""
    if word not in words:
        return words, None
    place = words.index(word)
    return words[:place], story.at + _span(words[place + 1])


def _without(words: list[str], word: str) -> tuple[list[str], bool]:
    return [other for other in words if other != word], word in words


def _settle(story: Story, words: list[str]) -> Settle:
    """`h1 [45.00] [more]`: `more` keeps the rest reserved."""
    final = words[-1] != "more"
    amount = next((minor(word) for word in words[1:] if word != "more"), None)
    return Settle(_named(story, words[0]), "sale", amount, final)


def _named(story: Story, name: str) -> UUID:
    return story.names.get(name) or derived_id(_WORLD, name)


def _span(text: str) -> timedelta:
    """`+10m`, `-1s`, `+0s`."""
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[text[-1]]
    return timedelta(**{unit: int(text[:-1])})


def _open(story: Story, words: list[str]) -> Open:
    """`customer:1 [debit|credit] [USD] [overdraft 50.00|unlimited]`."""
    name, *rest = words
    side = next((word for word in rest if word in {"debit", "credit"}), "credit")
    currency = next((word for word in rest if word in _CURRENCIES), "INR")
    return Open(story.account_id(name), name, currency, side, _overdraft(rest))


def _overdraft(words: list[str]) -> int | None:
    if "unlimited" in words:
        return None
    return minor(words[words.index("overdraft") + 1]) if "overdraft" in words else 0


_ORDERS: dict[str, Callable[[Story, list[str]], Transfer]] = {
    "fund": _fund,
    "post": _post,
    "reserve": _reserve,
    "settle": _settle,
    "void": lambda story, words: Void(_named(story, words[0]), "void"),
    "expire": lambda story, words: Expire(_named(story, words[0])),
}
_VERBS: dict[str, Callable[[Story, list[str]], AccountVerb]] = {
    "open": _open,
    "freeze": lambda story, words: Freeze(story.account_id(words[0]), words[1]),
    "limit": lambda story, words: Limit(story.account_id(words[0]), _overdraft(words)),
    "close": lambda story, words: Close(story.account_id(words[0])),
    "require": lambda story, words: Require(story.account_id(words[0]), int(words[1])),
}


# Looks ----------------------------------------------------------------------------------------


def _clock(story: Story, words: list[str]) -> None:
    story.at += _span(words[0])


def _turnover(story: Story, words: list[str]) -> None:
    """`a & b  10.00`: so little is left until the counters of both accounts overflow."""
    for account in (story.account(words[0]), story.account(words[2])):
        room = COUNTER_MAX - minor(words[3])
        account.debits_posted = account.credits_posted = room


def _promises(story: Story, words: list[str]) -> None:
    """`a & b  10.00`: the same for what is promised from one to the other."""
    room = COUNTER_MAX - minor(words[3])
    story.account(words[0]).debits_pending = room
    story.account(words[2]).credits_pending = room


def _is(actual: object, expected: object) -> None:
    assert actual == expected


_LOOKS: dict[str, Callable[[Story, list[str]], None]] = {
    "clock": _clock,
    "turnover": _turnover,
    "promises": _promises,
    "balance": lambda s, w: _is(s.account(w[0]).posted_minor, minor(w[1])),
    "available": lambda s, w: _is(s.account(w[0]).available_minor, minor(w[1])),
    "outgoing": lambda s, w: _is(s.account(w[0]).pending_out_minor, minor(w[1])),
    "incoming": lambda s, w: _is(s.account(w[0]).pending_in_minor, minor(w[1])),
    "remaining": lambda s, w: _is(s.reservation(w[0]).remaining, minor(w[1])),
    "state": lambda s, w: _is(s.reservation(w[0]).state, w[1]),
    "lines": lambda s, w: _is(s.account(w[0]).version, int(w[1])),
    "revision": lambda s, w: _is(s.account(w[0]).revision, int(w[1])),
}


def case_files() -> list[Path]:
    return sorted((Path(__file__).parent / "cases").glob("*.txt"))
