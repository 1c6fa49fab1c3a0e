"""Dependencies between transactions, and the circles in them. Pure.

Adya's direct serialization graph (Weak Consistency, 1999), with the order of real time added as
Elle does (Kingsbury and Alvaro, VLDB 2020). A history is serializable when the graph has no circle,
strictly so when it has none with real time in it. Both searches are linear and use no recursion.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from enum import IntFlag
from itertools import islice
from typing import Final

_TRIED: Final = 100  # a knot that large has many circles, and one of them will do


class Why(IntFlag):
    """Why one node comes before another."""

    WW = 1  # it wrote the version before
    WR = 2  # it wrote what the other read
    RW = 4  # it read what the other replaced: an anti-dependency
    RT = 8  # it had been answered before the other was asked


class Graph:
    """Nodes are numbers; parallel edges are kept, an edge to itself is none."""

    def __init__(self, nodes: int = 0) -> None:
        self.edges: list[list[tuple[int, Why]]] = [[] for _ in range(nodes)]

    def add_node(self) -> int:
        self.edges.append([])
        return len(self.edges) - 1

    def add(self, before: int, after: int, why: Why) -> None:
        if before != after:
            self.edges[before].append((after, why))

    def add_real_time(self, spans: Sequence[tuple[int, int]]) -> None:
        """`spans` are (invoked, returned) of the first nodes.

        Every pair that did not overlap would be millions of edges. Instead each answer leads into
        a chain of moments, and each request starts from the latest one: two edges an operation.
        Moments are nodes that only real time touches.
        """
        asked = sorted(range(len(spans)), key=lambda node: spans[node][0])
        answered = sorted(range(len(spans)), key=lambda node: spans[node][1])
        ended, moment, unread = 0, -1, False
        for node in asked:
            while spans[answered[ended]][1] < spans[node][0]:
                if moment < 0 or not unread:
                    earlier, moment, unread = moment, self.add_node(), True
                    if earlier >= 0:
                        self.add(earlier, moment, Why.RT)
                self.add(answered[ended], moment, Why.RT)
                ended += 1
            if moment >= 0:
                self.add(moment, node, Why.RT)
                unread = False

    def knots(self, allowed: Why, nodes: Iterable[int] | None = None) -> Iterator[list[int]]:
        """The strongly connected components of more than one node (Tarjan, without recursion)."""
        within = None if nodes is None else set(nodes)
        index: dict[int, int] = {}
        low: dict[int, int] = {}
        open_: list[int] = []
        is_open: set[int] = set()
        for root in range(len(self.edges)) if within is None else within:
            if root in index:
                continue
            path = [(root, self._next(root, allowed, within))]
            index[root] = low[root] = len(index)
            open_.append(root)
            is_open.add(root)
            while path:
                node, following = path[-1]
                for after in following:
                    if after not in index:
                        index[after] = low[after] = len(index)
                        open_.append(after)
                        is_open.add(after)
                        path.append((after, self._next(after, allowed, within)))
                        break
                    if after in is_open:
                        low[node] = min(low[node], index[after])
                else:
                    path.pop()
                    if path:
                        low[path[-1][0]] = min(low[path[-1][0]], low[node])
                    if low[node] == index[node]:
                        knot = _cut(open_, node)
                        is_open.difference_update(knot)
                        if len(knot) > 1:
                            yield knot

    def path(self, start: int, goal: int, allowed: Why, nodes: set[int]) -> list[int] | None:
        """A shortest way within `nodes`, both ends included."""
        came_from = {start: start}
        waiting = deque([start])
        while waiting:
            node = waiting.popleft()
            for after in self._next(node, allowed, nodes):
                if after in came_from:
                    continue
                came_from[after] = node
                if after == goal:
                    return _walked(came_from, start, goal)
                waiting.append(after)
        return None

    def _next(self, node: int, allowed: Why, within: set[int] | None) -> Iterator[int]:
        for after, why in self.edges[node]:
            if why & allowed and (within is None or after in within):
                yield after


def _cut(open_: list[int], root: int) -> list[int]:
    place = len(open_) - 1
    while open_[place] != root:
        place -= 1
    knot = open_[place:]
    del open_[place:]
    return knot


def _walked(came_from: dict[int, int], start: int, goal: int) -> list[int]:
    way = [goal]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]


def name_of_circle(graph: Graph, knot: Sequence[int]) -> tuple[str, list[int]]:
    """The strongest name that fits a circle of this knot, and the circle, its start at both ends.

    G0: writes alone. G1c: writes and reads of them. G-single: one anti-dependency. G2-item: more.
    With `-realtime` only the clock closes the circle: serializable, but not strictly.
    """
    nodes = set(knot)
    for suffix, clock in (("", Why(0)), ("-realtime", Why.RT)):
        for name, why in (("G0", Why.WW), ("G1c", Why.WW | Why.WR)):
            for inner in graph.knots(why | clock, nodes):
                return name + suffix, _some_circle(graph, inner, why | clock)
        for name, back in (("G-single", Why.WW | Why.WR), ("G2-item", Why.WW | Why.WR | Why.RW)):
            for node, after in islice(_anti_dependencies(graph, nodes), _TRIED):
                way = graph.path(after, node, back | clock, nodes)
                if way is not None:
                    return name + suffix, [node, *way]
    raise AssertionError("a knot without a circle")


def _anti_dependencies(graph: Graph, nodes: set[int]) -> Iterator[tuple[int, int]]:
    for node in nodes:
        for after, why in graph.edges[node]:
            if why is Why.RW and after in nodes:
                yield node, after


def _some_circle(graph: Graph, knot: Sequence[int], allowed: Why) -> list[int]:
    nodes, start = set(knot), knot[0]
    for after, why in graph.edges[start]:
        if why & allowed and after in nodes:
            way = graph.path(after, start, allowed, nodes)
            if way is not None:
                return [start, *way]
    raise AssertionError("a knot without a circle")
