"""Writes small histories by hand, for the tests of the checker: all is well until a test spoils it.

Every operation takes one tick; `pause` lets the next one begin before the last has been answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from tests.histories.checker import anomalies
from tests.histories.history import (
    Altered,
    History,
    Line,
    Moved,
    Operation,
    Order,
    Seen,
    Terms,
    Wish,
)
from tests.histories.timelines import State

TICK_NS = 10
ACCOUNTS = ("ann", "ben", "cay")
CASH = "cash"  # nobody looks at it: where money comes from


@dataclass
class Story:
    """A history that is being told; each verb answers with the number of its operation."""

    operations: list[Operation] = field(default_factory=list)
    lines: dict[str, list[Line]] = field(default_factory=lambda: {name: [] for name in ACCOUNTS})
    terms: dict[str, Terms] = field(
        default_factory=lambda: {name: Terms(name, 1, 0, "no") for name in ACCOUNTS}
    )
    now_ns: int = 0

    def __post_init__(self) -> None:
        self._openings = dict(self.terms)

    def move(self, *orders: Order, client: int = 1) -> int:
        """One change of these orders."""
        change = f"chg_{len(self.operations)}"
        moved = []
        for number, order in enumerate(orders):
            transfer = f"tra_{len(self.operations)}_{number}"
            balances = {}
            for account, sign in ((order.debit, -1), (order.credit, 1)):
                if account != CASH:
                    line = Line(transfer, change, order.kind, sign * order.amount_minor, 0)
                    balance = self.state(account).after(line).balance_minor
                    self.lines[account].append(replace(line, balance_after_minor=balance))
                    balances[account] = balance
            moved.append(Moved(transfer, balances))
        return self.say(client, wishes=orders, moved=moved)

    def read(self, *accounts: str, client: int = 2, past: Mapping[str, int] | None = None) -> int:
        """One read of these accounts, as they stand or as they were at the versions in `past`."""
        seen = []
        for account in accounts:
            version = (past or {}).get(account, len(self.lines[account]))
            state, terms = self.state(account, version), self.terms[account]
            seen.append(
                Seen(
                    account,
                    version,
                    state.balance_minor,
                    state.pending_in_minor,
                    state.pending_out_minor,
                    terms.limit_minor,
                    terms.frozen,
                )
            )
        return self.say(client, seen=seen)

    def alter(self, account: str, *, client: int = 3, **changes: Any) -> int:
        """A new limit (`limit_minor`) or freeze (`frozen`)."""
        terms = self.terms[account]
        self.terms[account] = replace(terms, revision=terms.revision + 1, **changes)
        wish = Altered(account, **changes)
        return self.say(client, wishes=[wish], terms=self.terms[account])

    def refuse(self, code: str, *wishes: Wish, client: int = 4) -> int:
        return self.say(client, wishes=wishes, refusal=code)

    def state(self, account: str, version: int | None = None) -> State:
        state = State(0, 0, 0)
        for line in self.lines[account][:version]:
            state = state.after(line)
        return state

    def say(self, client: int, **what: Any) -> int:
        self.now_ns += TICK_NS
        self.operations.append(Operation(client, self.now_ns - TICK_NS + 1, self.now_ns, **what))
        return len(self.operations) - 1

    def overlap(self, *numbers: int) -> None:
        """These were under way at the same time."""
        spans = [self.operations[number] for number in numbers]
        begin, end = min(o.invoked_ns for o in spans), max(o.returned_ns for o in spans)
        for number in numbers:
            self.change(number, invoked_ns=begin, returned_ns=end)

    def change(self, number: int, **changes: Any) -> None:
        """Spoil an operation."""
        self.operations[number] = replace(self.operations[number], **changes)

    def respell(self, account: str, version: int, **changes: Any) -> None:
        """Spoil a line."""
        self.lines[account][version - 1] = replace(self.lines[account][version - 1], **changes)

    @property
    def faults(self) -> list[str]:
        """The names of what is wrong, each once."""
        history = History(self.operations, self.lines, self._openings)
        return sorted({anomaly.name for anomaly in anomalies(history)})


def post(debit: str, credit: str, amount_minor: int = 10) -> Order:
    return Order("post", debit, credit, amount_minor)


def funded(*accounts: str, amount_minor: int = 100) -> Story:
    """A story in which these accounts hold money."""
    story = Story()
    for account in accounts:
        story.move(post(CASH, account, amount_minor), client=0)
    return story


def versions(story: Story) -> Sequence[int]:
    return [len(story.lines[account]) for account in ACCOUNTS]
