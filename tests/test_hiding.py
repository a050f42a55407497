"""Hidden numbers stay hidden: flows, linear programs and a plain search agree on what a reader can work out."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from gridgis import compiled
from gridgis.contract import GridError
from gridgis.privacy import audit, protection
from gridgis.privacy.audit import attack, determined, interval
from gridgis.privacy.flows import Flows
from gridgis.privacy.hiding import Witness, hide
from gridgis.privacy.network import Network, Tree
from gridgis.privacy.protection import Terms, hiding_costs, known_of, known_to_one, protected, small_in
from gridgis.privacy.rounding import rounded
from gridgis.privacy.tables import REST, Block

WIDTH = 10.0


@st.composite
def blocks(draw, most_cells=9, most_categories=3):
    """Counts of cells in a tree of two to four levels, with and without categories."""
    cells = draw(st.integers(1, most_cells))
    sizes = [cells]
    for _ in range(draw(st.integers(0, 2))):
        sizes.append(draw(st.integers(1, sizes[-1])))
    sizes = [*sizes, 1]
    start = np.cumsum([0, *sizes])
    above = [
        start[i + 1] + draw(st.integers(0, sizes[i + 1] - 1)) if place >= sizes[i + 1] else start[i + 1] + place
        for i in range(len(sizes) - 1)
        for place in range(sizes[i])
    ]
    categories = draw(st.integers(0, most_categories))
    count = st.one_of(st.just(0), st.integers(0, 12), st.integers(0, 60))
    value = np.array(draw(st.lists(count, min_size=cells * max(categories, 1), max_size=cells * max(categories, 1))))
    value = value.reshape(cells, -1).astype(float)
    if categories:
        value = np.hstack([value, value.sum(axis=1, keepdims=True)])
    full = np.zeros((start[-1], value.shape[1]))
    full[:cells] = value
    for place, upper in enumerate(above):
        full[upper] += full[place]
    return Block(tuple(f"count_{i}" for i in range(value.shape[1])), Tree(np.array([*above, -1]), full))


def equations(block):
    """All sums that a reader knows, written down without the network."""
    above, value = block.tree.above, block.tree.value
    places, columns = value.shape
    rows = []
    for place in range(places):
        below = np.flatnonzero(above == place)
        for column in range(columns if len(below) else 0):
            row = np.zeros((places, columns))
            row[below, column], row[place, column] = 1, -1
            rows.append(row.ravel())
        if columns > 1:
            row = np.zeros((places, columns))
            row[place, :-1], row[place, -1] = 1, -1
            rows.append(row.ravel())
    return np.array(rows).reshape(-1, places * columns)


def ends(matrix, value, hidden, edge, least=0.0):
    """The smallest and largest value of a hidden number, by linear programming over everything."""
    unknown = np.flatnonzero(hidden)
    sides = []
    low = np.broadcast_to(least, value.shape)[unknown]
    bounds = np.column_stack([low, np.full(len(low), np.inf)])
    for sign in (1, -1):
        aim = sign * (unknown == edge).astype(float)
        truth = value[unknown]
        found = linprog(aim, A_eq=matrix[:, unknown], b_eq=matrix[:, unknown] @ truth, bounds=bounds, method="highs")
        sides.append(-sign * np.inf if found.status == 3 else sign * found.fun)
    return sides


@given(blocks())
def test_the_network_knows_all_sums_and_no_others(block):
    network, matrix = block.tree.network(), equations(block)
    flat = network.value
    assert np.abs(network.sums @ flat).max(initial=0) == 0
    ours = network.sums.toarray()
    both = np.vstack([ours, matrix])
    rank = np.linalg.matrix_rank
    assert rank(both) == rank(ours) == (rank(matrix) if len(matrix) else 0)


@settings(max_examples=80)
@given(blocks(), st.sampled_from([2, 3, 5, 10]), st.sampled_from(["shown", "protected"]))
def test_no_small_number_can_be_placed_within_the_width(block, hide_below, zeros):
    hidden = protected(block, Terms(hide_below, zeros)).ravel()
    value, matrix = block.tree.value.ravel(), equations(block)
    assert hidden[value == 0].all() if zeros == "protected" else not hidden[value == 0].any()
    least = float(zeros == "shown")
    for edge in np.flatnonzero((value >= least) & (value < hide_below)):
        assert hidden[edge]
        low, high = ends(matrix, value, hidden, edge, least)
        assert high - low >= hide_below - 1e-6
        assert high >= hide_below


@settings(max_examples=60)
@given(blocks(most_cells=6), st.sampled_from([2, 3, 10]), st.sampled_from(["shown", "protected"]))
def test_a_lone_contributor_learns_no_more_than_others(block, hide_below, zeros):
    terms = Terms(hide_below, zeros, singletons=True)
    hidden = protected(block, terms).ravel()
    value, matrix, least = block.tree.value.ravel(), equations(block), float(zeros == "shown")
    for known in known_to_one(block, terms):
        assert (value[known] <= 1).all()
        unknown = hidden.copy()
        unknown[known] = False
        for edge in np.flatnonzero(unknown & (value < hide_below)):
            low, high = ends(matrix, value, unknown, edge, least)
            assert high - low >= hide_below - 1e-6


@pytest.mark.skipif(compiled.core is None, reason="the compiled core is not installed here")
@settings(max_examples=60)
@given(blocks(), st.integers(0, 2**32 - 1))
def test_the_compiled_flows_and_their_twin_agree(block, seed):
    rng = np.random.default_rng(seed)
    network = known_of(block, Terms(10))
    price = rng.choice([0.0, 1.0, 1.25, np.inf], len(network.value), p=[0.4, 0.3, 0.2, 0.1])
    answers = []
    for core in (compiled.core, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(compiled, "core", core)
            flows = Flows(network, price)
            said = []
            for edge in range(0, len(network.value), 3):
                said += [flows.most(edge, 7.0, rises=rises) for rises in (True, False)]
                said += [flows.cheapest(edge, 4.0, 2.0), flows.cheapest(edge, 6.0, 0.0, 1.5)]
                flows.set_price(edge, 0.0)
            answers.append((said, flows.prices.tolist()))
            answers[-1] += (protected(block, Terms(10)).tolist(),)
    assert answers[0] == answers[1]


@pytest.mark.skipif(compiled.core is None, reason="the compiled core is not installed here")
def test_the_compiled_flows_refuse_arrays_that_do_not_fit():
    network = Tree(np.array([2, 2, -1]), np.array([[3.0], [40.0], [43.0]])).network()
    arrays = Flows(network, np.zeros(3))._arrays
    for place in (0, 1, 4, 7, 8, 11):
        wrong = [*arrays[:place], np.zeros(1, arrays[place].dtype), *arrays[place + 1 :]]
        with pytest.raises(ValueError, match="flows: the"):
            compiled.core.flow_most(*wrong, 0, 1.0, True)
    with pytest.raises(ValueError, match="do not fit together"):
        compiled.core.flow_cheapest(*arrays, 3, 1.0, 1.0, 9.0)


@settings(max_examples=60)
@given(blocks(), st.integers(0, 2**32 - 1))
def test_flows_programs_and_rank_agree_on_any_choice(block, seed):
    rng = np.random.default_rng(seed)
    network, value, matrix = block.tree.network(), block.tree.value.ravel(), equations(block)
    hidden = rng.random(len(value)) < rng.choice([0.3, 0.6, 0.9])
    free = matrix[:, hidden]
    rank = np.linalg.matrix_rank(free) if hidden.any() and len(matrix) else 0
    exact = [
        edge
        for place, edge in enumerate(np.flatnonzero(hidden))
        if len(matrix) and np.linalg.matrix_rank(np.vstack([free, np.eye(free.shape[1])[place]])) == rank
    ]
    assert list(determined(network, hidden)) == exact
    for edge in np.flatnonzero(hidden)[:3].tolist():
        low, high = ends(matrix, value, hidden, edge)
        assert interval(network.sums, value, hidden, edge) == pytest.approx((low, high), abs=1e-6)
        flows = Flows(network, np.where(hidden, 0.0, 1.0))
        rise = flows.most(edge, 500.0, rises=True).get(edge, 0.0)
        fall = flows.most(edge, 500.0, rises=False).get(edge, 0.0)
        assert rise == pytest.approx(min(high - value[edge], 500.0), abs=1e-6)
        assert -fall == pytest.approx(value[edge] - low, abs=1e-6)


@settings(max_examples=30)
@given(blocks(most_cells=5, most_categories=2))
def test_nothing_is_hidden_for_nothing(block):
    terms = Terms(10)
    network, small = known_of(block, terms), small_in(block, terms).ravel()
    value = block.tree.value.ravel()
    hiding = hide(network, small, WIDTH, hiding_costs(block, terms).ravel())
    matrix = equations(block)
    for other in hiding.extra:
        less = hiding.hidden.copy()
        less[other] = False
        widths = [np.subtract(*ends(matrix, value, less, edge, 1.0)[::-1]) for edge in np.flatnonzero(small)]
        assert min(widths) < WIDTH - 1e-6


def test_the_fewest_are_hidden_where_that_can_be_tried():
    rng, terms = np.random.default_rng(4), Terms(10)
    for _ in range(12):
        cells = rng.choice([3.0, 6.0, 12.0, 25.0, 40.0], (4, 1))
        value = np.vstack([cells, cells[:2].sum(0), cells[2:].sum(0), cells.sum(0)])
        block = Block(("count",), Tree(np.array([4, 4, 5, 5, 6, 6, -1]), value))
        network, small = known_of(block, terms), small_in(block, terms).ravel()
        ours = len(hide(network, small, WIDTH, hiding_costs(block, terms).ravel()).extra)
        others = np.flatnonzero(~small)
        for count in range(ours):
            for chosen in itertools.combinations(others, count):
                hidden = small.copy()
                hidden[list(chosen)] = True
                assert not attack(network, hidden, np.flatnonzero(small).tolist(), WIDTH, {}).passed


def one_column(*cells):
    """Cells of one parent, which is the whole."""
    return Block(
        ("count",),
        Tree(np.array([len(cells)] * len(cells) + [-1]), np.array([[n] for n in (*cells, sum(cells))], float)),
    )


@pytest.mark.parametrize(
    ("cells", "hide_below", "hidden"),
    [
        # what is hidden is 1 or more: of a sum s of n hidden numbers each lies in 1 .. s - n + 1
        ((9, 2, 30), 10, [True, True, False, False]),  # 11 = 9 + 2: from 1 to 10, 9 wide: too narrow, see below
        ((9, 3, 30), 10, [True, True, False, False]),  # 12 = 9 + 3: from 1 to 11, just 10 wide
        ((2, 2, 9), 3, [True, True, True, False]),  # 4 = 2 + 2: from 1 to 3, 2 wide
        ((1, 2, 2, 9), 3, [True, True, True, True, False]),  # 5 = 1 + 2 + 2: from 1 to 3
        ((2, 2, 2, 9), 3, [True, True, True, False, False]),  # 6 = 2 + 2 + 2: from 1 to 4, just 3 wide
        ((10, 20), 10, [False, False, False]),  # the limit itself is not small
        ((9, 20), 10, [True, True, False]),
        ((1, 0, 0), 2, [True, False, False, True]),  # a true zero is shown, and stays
    ],
)
def test_edges_of_the_width(cells, hide_below, hidden):
    block = one_column(*cells)
    found = protected(block, Terms(hide_below)).ravel().tolist()
    if cells == (9, 2, 30):
        hidden = [True, True, True, False]
    assert found == hidden


def test_an_attack_counts_from_one():
    block = one_column(9, 2, 30)
    network, hidden = known_of(block, Terms(10)), np.array([True, True, False, False])
    assert attack(network, hidden, [0, 1], 9.0, {}).passed
    assert attack(network, hidden, [0, 1], 10.0, {}).narrow == (0, 1)
    assert attack(network, hidden, [0, 1], 10.0, {}).narrowest == 9.0
    assert attack(known_of(block, Terms(10, "protected")), hidden, [0, 1], 10.0, {}).passed
    too_low = Witness({0: -8.0, 1: 8.0}, {0: 2.0, 1: -2.0})  # the second would be 0
    assert attack(network, hidden, [0], 10.0, {0: (too_low,)}).narrow == (0,)


def test_what_one_knows_is_used_in_the_attack():
    block = one_column(1, 3, 1, 9)
    network = known_of(block, Terms(2))
    hidden = np.array([True, False, True, True, False])
    assert attack(network, hidden, [0, 2], 2.0, {}).passed
    by_each_other = {0: (Witness({0: 2.0, 2: -2.0}, {}),)}
    assert attack(network, hidden, [0], 2.0, {**by_each_other}).passed
    alone = attack(network, np.array([True, False, True, False, True]), [0, 2], 2.0, {}, known=[[0], [2]])
    assert alone.passed  # the total can rise with either
    pair = attack(network, np.array([True, True, True, False, False]), [2], 4.0, {}, known=[[0], [2]])
    assert not pair.passed


def test_an_attack_has_teeth():
    network = Tree(np.array([3, 3, 3, -1]), np.array([[3.0], [40.0], [25.0], [68.0]])).network()
    alone = attack(network, np.array([True, False, False, False]), [0], WIDTH, {})
    assert (alone.passed, alone.exact, alone.narrow) == (False, (0,), (0,))
    pair = np.array([True, False, True, False])
    assert attack(network, pair, [0], WIDTH, {}).passed
    assert attack(network, pair, [0], 29.0, {}).narrow == (0,)
    good = Witness({0: 10.0, 2: -10.0}, {})
    assert attack(network, pair, [0], WIDTH, {0: (good,)}).narrowest == 10.0
    for wrong in (
        Witness({0: 10.0}, {}),  # the sums no longer hold
        Witness({0: 10.0, 1: -10.0}, {}),  # changes what is shown
        Witness({0: 26.0, 2: -26.0}, {}),  # less than nothing
    ):
        assert attack(network, pair, [0], WIDTH, {0: (wrong,)}).narrowest == 28.0


def test_a_release_that_fails_its_attack_does_not_go_out(monkeypatch):
    block = Block(("households",), Tree(np.array([2, 2, -1]), np.array([[3.0], [40.0], [43.0]])))
    monkeypatch.setattr(protection, "attack", lambda *_, **__: audit.Attack(1, (0,), (0,), 0.0))
    with pytest.raises(
        GridError, match=r"of 1 small numbers in households 1 could be worked out.*nothing is published"
    ):
        protected(block, Terms(10))


def test_what_is_in_no_category_is_protected_like_a_category():
    value = np.array([[30.0, 3.0, 33.0], [50.0, 0.0, 50.0], [60.0, 20.0, 80.0], [140.0, 23.0, 163.0]])
    block = Block(("count_a", REST, "count"), Tree(np.array([3, 3, 3, -1]), value))
    hidden = protected(block, Terms(10))
    assert hidden[0, [0, 2]].any()  # else 33 - 30 gives the 3 away
    assert hidden[:, 1].all()


@settings(max_examples=60)
@given(blocks(), st.sampled_from([3, 5, 10]))
def test_rounded_numbers_are_next_to_the_true_ones_and_add_up(block, base):
    value = block.tree.value
    try:
        result = rounded(block, base)
    except GridError as error:
        assert "could be told within less than" in str(error)
        return
    assert (result % base == 0).all()
    assert (np.abs(result - value) < base).all()
    assert np.abs(equations(block) @ result.ravel()).max(initial=0) == 0
    assert (result[value % base == 0] == value[value % base == 0]).all()


def test_rounding_changes_as_little_as_can_be():
    value = np.array([[1.0], [2.0], [4.0], [7.0]])
    block = Block(("households",), Tree(np.array([3, 3, 3, -1]), value))
    assert rounded(block, 5).ravel().tolist() == [0, 0, 5, 5]
    with pytest.raises(GridError, match="expected whole numbers in households"):
        rounded(Block(("households",), Tree(block.tree.above, value + 0.5)), 5)


def test_a_network_may_have_limits():
    tree = Tree(np.array([2, 2, -1]), np.array([[3.0], [40.0], [43.0]]))
    network = tree.network()
    bounded = Network(network.tail, network.head, network.value, np.full(3, 4.0), np.full(3, 2.0))
    flows = Flows(bounded, np.array([0.0, 0.0, 1.0]))
    assert flows.most(0, 10.0, rises=True)[0] == 2.0
    assert flows.most(0, 10.0, rises=False)[0] == -2.0
    flows.set_price(1, 1.0)
    assert flows.most(0, 10.0, rises=True) == {}
