"""Random spanning trees of a graph, many at once, and what lies below each of their nodes."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Forest:
    """Spanning trees of one graph, each rooted in node 0.

    Attributes
    ----------
    first, last : arrays of int, trees x nodes
        The nodes below v in tree t, v included, are those with ``first[t, v] <= first[t] < last[t, v]``.
    up : array of int, trees x nodes
        The node above each node, itself for the root.
    """

    first: Ints
    last: Ints
    up: Ints

    def below(self, values: Ints) -> Ints:
        """Add up a value of the nodes below each node of each tree."""
        ranked = np.empty_like(self.first)
        np.put_along_axis(ranked, self.first, np.broadcast_to(values, self.first.shape), axis=1)
        sums = np.zeros((len(ranked), ranked.shape[1] + 1), np.int64)
        np.cumsum(ranked, axis=1, out=sums[:, 1:])
        return np.take_along_axis(sums, self.last, axis=1) - np.take_along_axis(sums, self.first, axis=1)

    def below_edges(self, left: Ints, right: Ints, cost: Ints) -> Ints:
        """Add up, for each node of each tree, the cost of the edges that lead out of what lies below it."""
        trees, n = self.first.shape
        tree = np.repeat(np.arange(trees), len(left))
        a, edge = np.tile(left, trees), np.tile(np.arange(len(left)), trees)
        while len(a):
            end = right[edge]
            climbing = (self.first[tree, end] < self.first[tree, a]) | (self.first[tree, end] >= self.last[tree, a])
            if not climbing.any():
                break
            a = np.where(climbing, self.up[tree, a], a)
        value = np.zeros((trees, n), np.int64)
        ends = np.bincount(np.r_[left, right], np.r_[cost, cost], n)
        value += np.rint(ends).astype(np.int64)
        np.add.at(value, (tree, a), -2 * cost[edge])
        ranked = np.empty_like(value)
        np.put_along_axis(ranked, self.first, value, axis=1)
        sums = np.zeros((trees, n + 1), np.int64)
        np.cumsum(ranked, axis=1, out=sums[:, 1:])
        return np.take_along_axis(sums, self.last, axis=1) - np.take_along_axis(sums, self.first, axis=1)

    def side(self, tree: int, node: int) -> npt.NDArray[np.bool_]:
        """Tell which nodes lie below a node of a tree."""
        first = self.first[tree]
        return (first >= first[node]) & (first < self.last[tree, node])


def random_forest(n: int, left: Ints, right: Ints, weights: npt.NDArray[np.float64]) -> Forest | None:
    """Make the lightest spanning tree for each row of weights; None where the nodes do not hang together.

    Parameters
    ----------
    n : int
        Number of nodes.
    left, right : arrays of int
        Edges, each once.
    weights : array of float, trees x edges
        Above 0; no two of a row should be equal.
    """
    trees, whole = len(weights), len(weights) * n
    shift = (np.arange(trees) * n)[:, None]
    low, high = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((high, low))
    low, high = low[order], high[order]
    starts = np.searchsorted(low, np.arange(n)) + (np.arange(trees) * len(low))[:, None]
    starts = np.append(starts.ravel(), trees * len(low))
    data, columns = weights[:, order].ravel(), (high + shift).ravel()
    graph = csr_array((data, columns.astype(np.intc), starts.astype(np.intc)), shape=(whole, whole))
    kept = minimum_spanning_tree(graph, overwrite=False).tocoo()
    if kept.nnz != trees * (n - 1):
        return None
    a, b = np.concatenate([kept.row, shift.ravel()]), np.concatenate([kept.col, np.full(trees, whole)])
    ends = np.r_[a, b].astype(np.intc), np.r_[b, a].astype(np.intc)
    links = coo_array((np.ones(2 * len(a)), ends), shape=(whole + 1, whole + 1)).tocsr()
    links.sort_indices()
    visited, above = breadth_first_order(links, whole, directed=True, return_predecessors=True)
    first, size = _preorder(visited.astype(np.int64), above.astype(np.int64))
    first = first[:-1].reshape(trees, n) - first[:-1].reshape(trees, n)[:, :1]
    up = np.where(above[:-1] == whole, np.arange(whole), above[:-1]).astype(np.int64).reshape(trees, n) - shift
    return Forest(first, first + size[:-1].reshape(trees, n), up)


def _preorder(visited: Ints, above: Ints) -> tuple[Ints, Ints]:
    """Rank of each node with everything below it in one run, and how many these are, from a breadth-first visit."""
    n = len(visited)
    when = np.empty(n, np.int64)
    when[visited] = np.arange(n)
    up = np.r_[-1, when[above[visited[1:]]]]
    ups, levels = up.tolist(), [0, 1]
    while levels[-1] < n:
        levels.append(bisect_left(ups, levels[-1], levels[-1]))
    size = np.ones(n, np.int64)
    for start, end in zip(levels[-2:0:-1], levels[:1:-1], strict=True):
        np.add.at(size, up[start:end], size[start:end])
    before = np.cumsum(size) - size
    eldest = np.searchsorted(up, up, side="left")
    rank = 1 + before - before[eldest]
    rank[0] = 0
    for start, end in pairwise(levels[1:]):
        rank[start:end] += rank[up[start:end]]
    first, below = np.empty(n, np.int64), np.empty(n, np.int64)
    first[visited], below[visited] = rank, size
    return first, below
