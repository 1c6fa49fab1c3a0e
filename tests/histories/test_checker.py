"""The checker finds what is planted, by its name, and nothing where all is well."""

import pytest

from tests.histories.graph import Graph, Why, name_of_circle
from tests.histories.history import Altered, Moved, Order, Promised
from tests.histories.storybook import CASH, Story, funded, post


@pytest.fixture
def story() -> Story:
    """Ann and Ben hold 100 each."""
    return funded("ann", "ben")


def test_a_history_in_which_all_is_well(story: Story) -> None:
    story.move(post("ann", "ben"))
    story.read("ann", "ben", "cay")
    story.move(post("ben", "cay"), post("cay", "ann", 5))
    story.alter("ann", limit_minor=70)
    story.move(post("ann", "ben", 130))
    story.read("ann", client=1)
    story.move(Order("reserve", "ben", "cay", 20))
    story.alter("ben", frozen="outflow")
    story.refuse("account_frozen", post("ben", "ann"))
    story.refuse("insufficient_funds", post("ann", "cay", 1_000))

    assert story.faults == []


def test_what_overlaps_may_be_answered_in_any_order(story: Story) -> None:
    write = story.move(post("ann", "ben"))
    old = story.read("ann", past={"ann": 1})
    new = story.read("ann", client=3)
    story.overlap(write, old, new)

    assert story.faults == []


def test_lost_update_p4(story: Story) -> None:
    story.move(post("ann", "ben"))
    lost = story.move(post("ann", "ben", 30))
    # The second one started from the balance before the first.
    story.respell("ann", 3, balance_after_minor=70)
    (moved,) = story.operations[lost].moved
    story.change(lost, moved=[Moved(moved.transfer, {"ann": 70, "ben": 140})])

    assert story.faults == ["lost-update"]


def test_a_write_that_was_answered_and_is_not_there(story: Story) -> None:
    story.move(post("ann", "cay"))
    story.lines["cay"].pop()

    assert story.faults == ["lost-write"]


def test_a_write_that_happened_twice(story: Story) -> None:
    story.move(post(CASH, "cay"))
    story.lines["cay"] *= 2
    story.respell("cay", 2, balance_after_minor=20)

    assert "duplicate-write" in story.faults


def test_a_write_of_which_nobody_was_told(story: Story) -> None:
    number = story.move(post("ann", "cay"))
    story.change(number, moved=[])

    assert "unclaimed-write" in story.faults


def test_dirty_read_g1a(story: Story) -> None:
    number = story.read("ann")
    (seen,) = story.operations[number].seen
    story.change(number, seen=[type(seen)("ann", 1, 90, 0, 0, 0, "no")])

    assert story.faults == ["G1a"]


def test_intermediate_read_g1b(story: Story) -> None:
    write = story.move(post("ann", "cay"), post("cay", "ben"))
    read = story.read("cay", past={"cay": 1})
    story.overlap(write, read)

    assert "G1b" in story.faults


def test_write_cycle_g0(story: Story) -> None:
    first = story.move(post("ann", "ben"))
    second = story.move(post("ben", "ann", 20))
    story.overlap(first, second)
    lines = story.lines["ben"]
    lines[1], lines[2] = lines[2], lines[1]
    for version, balance, number in ((2, 80, second), (3, 90, first)):
        story.respell("ben", version, balance_after_minor=balance)
        (moved,) = story.operations[number].moved
        told = {**moved.balance_of, "ben": balance}
        story.change(number, moved=[Moved(moved.transfer, told)])

    assert story.faults == ["G0"]


def test_circular_information_flow_g1c(story: Story) -> None:
    # Two transactions that write one account and read the other's write on the other account.
    first = story.move(post(CASH, "ann"))
    second = story.move(post(CASH, "ben"))
    read_ben, read_ann = story.read("ben"), story.read("ann")
    story.change(first, seen=story.operations[read_ben].seen)
    story.change(second, seen=story.operations[read_ann].seen)
    story.overlap(first, second)

    assert story.faults == ["G1c"]


def test_read_skew_g_single(story: Story) -> None:
    write = story.move(post("ann", "ben"))
    read = story.read("ann", "ben", past={"ann": 1})  # money that is in both accounts
    story.overlap(write, read)

    assert story.faults == ["G-single"]


def test_write_skew_g2(story: Story) -> None:
    both = story.read("ann", "ben")
    seen = story.operations[both].seen
    first = story.move(post("ann", "cay"))
    second = story.move(post("ben", CASH), client=5)
    for number in (first, second):
        story.change(number, seen=seen)  # each read both and wrote one
    story.overlap(first, second)

    assert story.faults == ["G2-item"]


def test_a_long_fork_is_g2(story: Story) -> None:
    writes = story.move(post(CASH, "ann")), story.move(post(CASH, "ben"))
    reads = (
        story.read("ann", "ben", past={"ann": 1}, client=2),
        story.read("ann", "ben", past={"ben": 1}, client=3),
    )
    story.overlap(*writes, *reads)

    assert story.faults == ["G2-item"]


def test_stale_read_in_real_time(story: Story) -> None:
    story.move(post("ann", "ben"))
    story.read("ann", past={"ann": 1})

    assert story.faults == ["G-single-realtime"]


def test_stale_terms_in_real_time(story: Story) -> None:
    before = story.read("ann")
    story.alter("ann", frozen="all")
    late = story.read("ann", client=5)
    story.change(late, seen=story.operations[before].seen)

    assert story.faults == ["G-single-realtime"]


def test_writes_against_real_time(story: Story) -> None:
    first = story.move(post("ann", "ben"))
    second = story.move(post("ann", "ben"))
    one, two = story.operations[first], story.operations[second]
    story.change(first, invoked_ns=two.invoked_ns, returned_ns=two.returned_ns)
    story.change(second, invoked_ns=one.invoked_ns, returned_ns=one.returned_ns)

    assert story.faults == ["G0-realtime"]


def test_a_client_that_does_not_read_its_own_write(story: Story) -> None:
    story.move(post("ann", "ben"), client=1)
    story.read("ann", client=1, past={"ann": 1})

    assert story.faults == ["G-single-realtime", "read-your-writes"]


def test_a_client_that_goes_back_in_time(story: Story) -> None:
    story.move(post("ann", "ben"))
    story.read("ann", client=2)
    story.read("ann", client=2, past={"ann": 1})

    assert "monotonic-reads" in story.faults


@pytest.mark.parametrize(
    ("code", "wish"),
    [
        ("insufficient_funds", post("ann", "ben", 100)),
        ("insufficient_funds", Altered("ann", limit_minor=0)),
        ("account_frozen", post("ann", "ben")),
        ("nothing_to_move", Order("post", "ann", "ben", 10, up_to=True)),
        ("reservation_not_open", Promised("void", "tra_2_0")),
        ("reservation_exceeded", Promised("settle", "tra_2_0", 20)),
        ("conflict", post("ann", "ben")),
    ],
)
def test_a_refusal_that_no_state_demands(story: Story, code: str, wish: Order) -> None:
    story.move(Order("reserve", "ben", "cay", 20))
    story.refuse(code, wish)

    assert story.faults == ["unjustified-refusal"]


def test_a_refusal_that_only_an_overlapping_write_demands(story: Story) -> None:
    write = story.move(post("ann", "ben", 60))
    story.move(post("ben", "ann", 60))
    refused = story.refuse("insufficient_funds", post("ann", "cay", 50))
    assert story.faults == ["unjustified-refusal"]

    story.overlap(write, refused)

    assert "unjustified-refusal" not in story.faults


def test_more_than_there_is(story: Story) -> None:
    story.move(post("ann", "ben", 101))

    assert story.faults == ["overdrawn"]


def test_a_balancing_transfer_that_moves_too_little(story: Story) -> None:
    number = story.move(post("ann", "ben", 99))
    story.change(number, wishes=[Order("post", "ann", "ben", 500, up_to=True)])

    assert story.faults == ["wrong-amount"]


def test_money_that_leaves_a_frozen_account(story: Story) -> None:
    story.alter("ann", frozen="outflow")
    story.move(post("ann", "ben"))

    assert story.faults == ["moved-while-frozen"]


def test_a_promise_kept_twice(story: Story) -> None:
    story.move(Order("reserve", "ben", "cay", 20))
    for _ in range(2):
        number = story.move(Order("settle", "ben", "cay", 20))
        story.change(number, wishes=[Promised("settle", "tra_2_0")])

    assert story.faults == ["double-settle", "negative-promise"]


def test_a_circle_of_a_hundred_thousand_is_found_without_recursion() -> None:
    size = 100_000
    graph = Graph(size)
    for node in range(size):
        graph.add(node, (node + 1) % size, Why.WW)

    (knot,) = graph.knots(Why.WW)
    name, circle = name_of_circle(graph, knot)

    assert name == "G0"
    assert len(circle) == size + 1


def test_real_time_is_told_in_few_edges() -> None:
    spans = [(start, start + 15) for start in range(0, 100_000, 10)]
    graph = Graph(len(spans))
    graph.add_real_time(spans)

    assert sum(map(len, graph.edges)) < 4 * len(spans)
    everything = set(range(len(graph.edges)))
    assert graph.path(0, 2, Why.RT, everything)
    assert not graph.path(0, 1, Why.RT, everything)
    assert not list(graph.knots(Why.RT))
