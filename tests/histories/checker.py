"""Judges a history: does a serial order, in real time, explain all that clients saw? Pure.

The order of an account's lines is the ledger's own; so every version is known, and with it who
wrote it, who read it and who replaced it. Named as in the literature: Adya's G0, G1a, G1b, G1c,
G-single and G2-item, Elle's `-realtime`, the session guarantees of Terry et al. (1994), and plain
words for what belongs to money.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tests.histories.graph import Graph, Why, name_of_circle
from tests.histories.history import Anomaly, History, Operation, Order, Seen
from tests.histories.refusals import Refusals
from tests.histories.timelines import Chain, Timeline, timelines

_NO_LIMIT = 10**30


def anomalies(history: History) -> list[Anomaly]:
    """Everything that no serial order in real time explains; nothing, when all is well."""
    found = timelines(history)
    return [
        *_writes(history, found),
        *_balances(found),
        *_terms(history, found),
        *_reads(history, found),
        *_sessions(history, found),
        *_refusals(history, found),
        *_circles(history, found),
    ]


def _writes(history: History, found: Mapping[str, Timeline]) -> Iterator[Anomaly]:
    """Each transfer that was answered stands in the ledger once, as answered, and no other does."""
    told = {
        (account, moved.transfer): balance
        for operation in history.operations
        for moved in operation.moved
        for account, balance in moved.balance_of.items()
        if account in found
    }
    stands: Counter[tuple[str, str]] = Counter()
    for account, timeline in found.items():
        revisions = [terms.revision for terms in timeline.terms]
        if revisions != list(range(revisions[0], revisions[0] + len(revisions))):
            yield Anomaly("lost-write", f"{account}: revisions {revisions}")
        for version, line in enumerate(timeline.lines, 1):
            stands[account, line.transfer] += 1
            if timeline.chain.writers[version] is None:
                yield Anomaly("unclaimed-write", f"{account} v{version}: {line.transfer}")
            answered = told.get((account, line.transfer), line.balance_after_minor)
            if answered != line.balance_after_minor:
                yield Anomaly(
                    "incompatible-order",
                    f"{account} v{version}: {line.balance_after_minor}, answered {answered}",
                )
    yield from (Anomaly("duplicate-write", f"{key}") for key, times in stands.items() if times > 1)
    yield from (Anomaly("lost-write", f"{key}") for key in told if key not in stands)
    everywhere = {transfer for _, transfer in stands}
    for operation in history.operations:
        for moved in operation.moved:
            if moved.transfer not in everywhere:
                yield Anomaly("lost-write", f"{moved.transfer} stands nowhere")


def _balances(found: Mapping[str, Timeline]) -> Iterator[Anomaly]:
    """Each line starts from the line before it: P4, lost update, when it does not."""
    for account, timeline in found.items():
        for version, line in enumerate(timeline.lines, 1):
            # What this line really started from, if it is not the state before it.
            state = timeline.states[version]
            if state.balance_minor != line.balance_after_minor:
                yield Anomaly(
                    "lost-update",
                    f"{account} v{version}: {line.balance_after_minor}, not {state.balance_minor}",
                )
                break
            if min(state.pending_in_minor, state.pending_out_minor) < 0:
                yield Anomaly("negative-promise", f"{account} v{version}: {state}")


def _terms(history: History, found: Mapping[str, Timeline]) -> Iterator[Anomaly]:
    """No line leaves an account further than its limit, or while it was frozen throughout."""
    for operation in history.operations:
        for order, moved in zip(operation.wishes, operation.moved, strict=False):
            timeline = found.get(order.debit) if isinstance(order, Order) else None
            if timeline is None or not isinstance(order, Order):
                continue
            version = timeline.version_of(moved.transfer)
            if version is None:
                continue  # a lost write, told elsewhere
            for account, stops in ((order.debit, ("outflow", "all")), (order.credit, ("all",))):
                terms = found[account].possible_terms(operation) if account in found else ()
                if terms and all(one.frozen in stops for one in terms):
                    yield Anomaly("moved-while-frozen", f"{account}: {order}, {terms}")
            before, after = timeline.states[version - 1], timeline.states[version]
            limits = [_limit(terms.limit_minor) for terms in timeline.possible_terms(operation)]
            widest = max(limits, default=_NO_LIMIT)
            if after.available_minor < -widest:
                yield Anomaly("overdrawn", f"{order.debit} v{version}: {after}, limit {widest}")
            moved_minor = before.available_minor - after.available_minor
            if moved_minor != _expected(order, before.available_minor):
                yield Anomaly("wrong-amount", f"{order.debit} v{version}: {moved_minor} of {order}")


def _limit(limit_minor: int | None) -> int:
    return _NO_LIMIT if limit_minor is None else limit_minor


def _expected(order: Order, available_minor: int) -> int:
    return min(order.amount_minor, available_minor) if order.up_to else order.amount_minor


def _reads(history: History, found: Mapping[str, Timeline]) -> Iterator[Anomaly]:
    """G1a: a read of what nobody wrote. G1b: a read amid one operation."""
    for number, operation in enumerate(history.operations):
        for seen in operation.seen:
            timeline = found[seen.account]
            if not _stood(timeline, seen):
                yield Anomaly("G1a", f"operation {number}: {seen}")
            elif timeline.chain.is_intermediate(seen.version):
                yield Anomaly("G1b", f"operation {number}: {seen}")


def _stood(timeline: Timeline, seen: Seen) -> bool:
    if seen.version >= len(timeline.states):
        return False
    state = timeline.states[seen.version]
    stood = (state.balance_minor, state.pending_in_minor, state.pending_out_minor)
    told = (seen.balance_minor, seen.pending_in_minor, seen.pending_out_minor)
    return stood == told and timeline.terms_version(seen.limit_minor, seen.frozen) is not None


def _sessions(history: History, found: Mapping[str, Timeline]) -> Iterator[Anomaly]:
    """A client reads its own writes, and never goes back behind what it has read."""
    wrote: Counter[tuple[int, str]] = Counter()
    read: Counter[tuple[int, str]] = Counter()
    for number, operation in enumerate(history.operations):
        for seen in operation.seen:
            place = (operation.client, seen.account)
            if seen.version < wrote[place]:
                yield Anomaly("read-your-writes", f"operation {number}: {seen}")
            if seen.version < read[place]:
                yield Anomaly("monotonic-reads", f"operation {number}: {seen}")
            read[place] = max(read[place], seen.version)
        for moved in operation.moved:
            for account in moved.balance_of:
                version = found[account].version_of(moved.transfer) if account in found else None
                place = (operation.client, account)
                wrote[place] = max(wrote[place], version or 0)


def _refusals(history: History, found: Mapping[str, Timeline]) -> Iterator[Anomaly]:
    """Each refusal was demanded by a state that can have stood; no promise is kept twice."""
    refusals = Refusals(history, found)
    for number, operation in enumerate(history.operations):
        if operation.refusal is not None and not refusals.is_right(operation):
            yield Anomaly("unjustified-refusal", f"operation {number}: {operation}")
    yield from (Anomaly("double-settle", detail) for detail in refusals.overspent())


def _circles(history: History, found: Mapping[str, Timeline]) -> Iterator[Anomaly]:
    """G0, G1c, G-single, G2-item, and the same in real time."""
    graph = dependencies(history, found)
    for knot in graph.knots(Why.WW | Why.WR | Why.RW | Why.RT):
        name, circle = name_of_circle(graph, knot)
        yield Anomaly(name, _told(circle, history.operations))


def dependencies(history: History, found: Mapping[str, Timeline]) -> Graph:
    """The graph of all operations; nodes after the last one are moments of real time."""
    graph = Graph(len(history.operations))
    for timeline in found.values():
        for chain in (timeline.chain, timeline.terms_chain):
            for before, after in zip(chain.writers, chain.writers[1:], strict=False):
                if before is not None and after is not None:
                    graph.add(before, after, Why.WW)
    for number, operation in enumerate(history.operations):
        for seen in operation.seen:
            timeline = found[seen.account]
            _observe(graph, number, timeline.chain, seen.version)
            version = timeline.terms_version(seen.limit_minor, seen.frozen)
            if version is not None:
                _observe(graph, number, timeline.terms_chain, version)
    graph.add_real_time([(one.invoked_ns, one.returned_ns) for one in history.operations])
    return graph


def _observe(graph: Graph, reader: int, chain: Chain, version: int) -> None:
    if version >= len(chain.writers):
        return
    writer, replacer = chain.writers[version], chain.next_writer(version)
    if writer is not None:
        graph.add(writer, reader, Why.WR)
    if replacer is not None:
        graph.add(reader, replacer, Why.RW)


def _told(circle: Sequence[int], operations: Sequence[Operation]) -> str:
    steps = [str(node) for node in circle if node < len(operations)]
    first = circle[0]
    example = operations[first] if first < len(operations) else ""
    return f"{' -> '.join(steps)}; the first is {example}"
