"""Was this refusal right? Pure.

Nobody tells at which place in the order a refused request was heard. So a refusal is right when at
least one state that can have stood between request and answer demands it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from tests.histories.history import Altered, History, Operation, Order, Promised
from tests.histories.timelines import State, Timeline


class Step(Struct, frozen=True):
    """A part of a reservation that was settled or given back, and since when that can have been."""

    asked_ns: int
    amount_minor: int


class Refusals:
    """Judges the refusals of a history."""

    def __init__(self, history: History, timelines: Mapping[str, Timeline]) -> None:
        self._timelines = timelines
        self._amounts = {
            line.transfer: abs(line.amount_minor)
            for lines in history.lines.values()
            for line in lines
        }
        self._orders: dict[str, Order] = {}
        self._steps: dict[str, list[Step]] = defaultdict(list)
        for operation in history.operations:
            self._learn(operation)

    def is_right(self, operation: Operation) -> bool:
        """Whether the state can have demanded it; a code that nobody knows is never right."""
        rule = _RULES.get(operation.refusal or "")
        return rule is not None and rule(self, operation)

    def overspent(self) -> Iterator[str]:
        """Reservations of which more was settled or given back than was promised."""
        for reservation, steps in self._steps.items():
            taken = sum(step.amount_minor for step in steps)
            if taken > self._amounts.get(reservation, 0):
                yield f"{reservation}: {taken} of {self._amounts.get(reservation, 0)}"

    def _learn(self, operation: Operation) -> None:
        for wish, moved in zip(operation.wishes, operation.moved, strict=False):
            if isinstance(wish, Order) and wish.kind == "reserve":
                self._orders[moved.transfer] = wish
            if isinstance(wish, Promised):
                self._steps[wish.reservation] += [
                    Step(operation.invoked_ns, self._amounts.get(moved.transfer, 0))
                    for moved in operation.moved
                ]

    def _short(self, operation: Operation) -> bool:
        carried: Counter[str] = Counter()
        for wish in operation.wishes:
            if isinstance(wish, Altered) and wish.limit_minor is not None:
                limit = wish.limit_minor
                states = self._states(wish.account, operation)
                return any(state.available_minor < -limit for state in states)
            if not isinstance(wish, Order) or wish.up_to:
                continue
            needed = wish.amount_minor - carried[wish.debit]
            if self._lacks(wish.debit, needed, operation):
                return True
            carried[wish.debit] -= wish.amount_minor
            carried[wish.credit] += wish.amount_minor if wish.kind == "post" else 0
        return False

    def _lacks(self, account: str, needed_minor: int, operation: Operation) -> bool:
        timeline = self._timelines.get(account)
        if timeline is None:
            return False
        limits = [terms.limit_minor for terms in timeline.possible_terms(operation)]
        strictest = min((limit for limit in limits if limit is not None), default=None)
        return strictest is not None and any(
            state.available_minor - needed_minor < -strictest
            for state in timeline.possible_states(operation)
        )

    def _frozen(self, operation: Operation) -> bool:
        for wish in operation.wishes:
            if isinstance(wish, Promised):
                order = self._orders.get(wish.reservation)
                sides = {} if order is None else {order.debit: {"all"}, order.credit: {"all"}}
            elif isinstance(wish, Order):
                sides = {wish.debit: {"outflow", "all"}, wish.credit: {"all"}}
            else:
                continue
            for account, stops in sides.items():
                timeline = self._timelines.get(account)
                if timeline and stops & {t.frozen for t in timeline.possible_terms(operation)}:
                    return True
        return False

    def _empty(self, operation: Operation) -> bool:
        return any(
            state.available_minor <= 0
            for wish in operation.wishes
            if isinstance(wish, Order) and wish.up_to
            for state in self._states(wish.debit, operation)
        )

    def _left(self, operation: Operation) -> Iterator[tuple[Promised, int]]:
        """Each reservation it wanted something of, and the least that can have been left."""
        for wish in operation.wishes:
            if isinstance(wish, Promised):
                steps = self._steps.get(wish.reservation, ())
                taken = sum(s.amount_minor for s in steps if s.asked_ns < operation.returned_ns)
                yield wish, self._amounts.get(wish.reservation, 0) - taken

    def _ended(self, operation: Operation) -> bool:
        return any(left <= 0 for _, left in self._left(operation))

    def _exceeded(self, operation: Operation) -> bool:
        return any(left < (wish.amount_minor or 0) for wish, left in self._left(operation))

    def _states(self, account: str, operation: Operation) -> Iterable[State]:
        timeline = self._timelines.get(account)
        return timeline.possible_states(operation) if timeline else ()


_RULES: Final[Mapping[str, Callable[[Refusals, Operation], bool]]] = {
    "insufficient_funds": Refusals._short,
    "account_frozen": Refusals._frozen,
    "nothing_to_move": Refusals._empty,
    "reservation_not_open": Refusals._ended,
    "reservation_exceeded": Refusals._exceeded,
}
