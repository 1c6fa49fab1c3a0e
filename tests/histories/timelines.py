"""What each account went through, line by line, and which of it a request can have met. Pure."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from msgspec import Struct

from tests.histories.history import History, Line, Operation, Terms


class State(Struct, frozen=True):
    """An account after one of its lines."""

    balance_minor: int
    pending_in_minor: int
    pending_out_minor: int

    @property
    def available_minor(self) -> int:
        return self.balance_minor - self.pending_out_minor

    def after(self, line: Line) -> "State":
        """What the next line makes of it, whatever that line says of itself."""
        amount = line.amount_minor
        moved = amount if line.kind in ("post", "settle") else 0
        sign = {"post": 0, "reserve": 1}.get(line.kind, -1)
        return State(
            self.balance_minor + moved,
            self.pending_in_minor + sign * max(amount, 0),
            self.pending_out_minor + sign * max(-amount, 0),
        )


class Chain:
    """The versions of one thing, who wrote each, and which of them can have stood at a time.

    Version 0 stood before everything and nobody wrote it.
    """

    def __init__(self, writers: Sequence[int | None], operations: Sequence[Operation]) -> None:
        self.writers = writers
        spans = [
            (operations[writer].invoked_ns, operations[writer].returned_ns)
            for writer in writers
            if writer is not None
        ]
        versions = [version for version, writer in enumerate(writers) if writer is not None]
        answered = sorted(zip((end for _, end in spans), versions, strict=True))
        asked = sorted(zip((start for start, _ in spans), versions, strict=True))
        self._answers = [at for at, _ in answered]
        self._least = list(accumulate((v for _, v in answered), max))
        self._asked = [at for at, _ in asked]
        self._most = list(accumulate((v for _, v in reversed(asked)), min))[::-1]

    def possible(self, operation: Operation) -> range:
        """The versions this operation can have met: not replaced before it was asked.

        Nor written by what was asked after its answer.
        """
        before = bisect_left(self._answers, operation.invoked_ns)
        after = bisect_left(self._asked, operation.returned_ns)
        least = self._least[before - 1] if before else 0
        most = self._most[after] - 1 if after < len(self._most) else len(self.writers) - 1
        return range(least, most + 1)

    def next_writer(self, version: int) -> int | None:
        """Who replaced this version."""
        return self.writers[version + 1] if version + 1 < len(self.writers) else None

    def is_intermediate(self, version: int) -> bool:
        """Whether one operation wrote both this version and the next."""
        return version > 0 and self.writers[version] == self.next_writer(version) is not None


class Timeline:
    """One account: its states and its terms, each by version, and their chains."""

    def __init__(self, account: str, history: History, writer_of: Mapping[str, int]) -> None:
        self.account = account
        self.lines = history.lines[account]
        self.states = list(
            accumulate(self.lines, lambda state, line: state.after(line), initial=State(0, 0, 0))
        )
        self._versions = {line.transfer: number for number, line in enumerate(self.lines, 1)}
        operations = history.operations
        self.chain = Chain(
            [None, *(writer_of.get(line.transfer) for line in self.lines)], operations
        )
        altered = sorted(_alterations(account, operations), key=lambda found: found[0].revision)
        self.terms: list[Terms] = [history.openings[account], *(terms for terms, _ in altered)]
        self.terms_chain = Chain([None, *(writer for _, writer in altered)], operations)
        self._terms_version = {
            (terms.limit_minor, terms.frozen): version for version, terms in enumerate(self.terms)
        }

    def version_of(self, transfer: str) -> int | None:
        """The line that this transfer wrote here."""
        return self._versions.get(transfer)

    def terms_version(self, limit_minor: int | None, frozen: str) -> int | None:
        """Which version of the terms says so: the clients see to it that only one does."""
        return self._terms_version.get((limit_minor, frozen))

    def possible_states(self, operation: Operation) -> Iterator[State]:
        return (self.states[version] for version in self.chain.possible(operation))

    def possible_terms(self, operation: Operation) -> list[Terms]:
        return [self.terms[version] for version in self.terms_chain.possible(operation)]


def _alterations(account: str, operations: Sequence[Operation]) -> Iterator[tuple[Terms, int]]:
    for number, operation in enumerate(operations):
        if operation.terms is not None and operation.terms.account == account:
            yield operation.terms, number


def writers(operations: Sequence[Operation]) -> dict[str, int]:
    """Which operation claims each transfer; the first one, if several do."""
    found: dict[str, int] = {}
    for number, operation in enumerate(operations):
        for moved in operation.moved:
            found.setdefault(moved.transfer, number)
    return found


def timelines(history: History) -> dict[str, Timeline]:
    """Every account of the history."""
    writer_of = writers(history.operations)
    return {account: Timeline(account, history, writer_of) for account in history.lines}
