"""Chains: the edges of an outline that follow each other in one cell, and how they join along the rim of the cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridgis.lattice.borders import Bools, Ints
from gridgis.lattice.mesh import Mesh, Pieces, Rim


@dataclass(frozen=True)
class Chains:
    """Edges from the rim of a cell to its rim, through the cell.

    Attributes
    ----------
    order : array of int
        Corners, the chains one after the other; the last corner of a chain is not among them.
    first, edges : array of int
        Place of the first corner in ``order``, and how many edges there are.
    end : array of int
        The last corner.
    cell : array of int
        Number of the cell.
    """

    order: Ints
    first: Ints
    edges: Ints
    end: Ints
    cell: Ints

    def only(self, kept: Bools | Ints) -> Chains:
        """Give some of the chains."""
        return Chains(self.order, self.first[kept], self.edges[kept], self.end[kept], self.cell[kept])


@dataclass(frozen=True)
class Joints:
    """How chains join to rings: along the rim, from the end of each to the beginning of the next.

    Attributes
    ----------
    chains : Chains
    next : array of int
        The chain that each one joins; itself, where it closes the ring alone.
    side : array of int
        The side of the rim on which it ends.
    corners : array of int
        How many corners of the cell lie on the way.
    """

    chains: Chains
    next: Ints
    side: Ints
    corners: Ints


def cells_of(mesh: Mesh, owner: Ints, row: Ints, col: Ints) -> Ints:
    """Number the cells, owner by owner, row by row."""
    return (owner * mesh.shape[0] + row) * mesh.shape[1] + col


def places_of(mesh: Mesh, cell: Ints) -> tuple[Ints, Ints, Ints]:
    """Owner, row and column of a cell; the inverse of `cells_of`."""
    rows, col = np.divmod(cell, mesh.shape[1])
    owner, row = np.divmod(rows, mesh.shape[0])
    return owner, row, col


def rim_nodes(mesh: Mesh, pieces: Pieces) -> tuple[Ints, Ints]:
    """Corners of the outlines on the rim of cells, but for those where cells meet: number of the cell, and corner."""
    loops = pieces.loops
    node = np.flatnonzero(pieces.node)
    node = node[~mesh.is_corner(loops.p[node], loops.q[node])]
    row, col = mesh.beside(loops.p[node], loops.q[node])
    owner = loops.owner[loops.ring[node]]
    return cells_of(mesh, owner[:, None], row, col).ravel(), np.repeat(node, 2)


def chains_of(pieces: Pieces, cell: Ints) -> tuple[Chains, Ints]:
    """Find the chains.

    Parameters
    ----------
    pieces : Pieces
    cell : array of int
        Number of the cell of each edge.

    Returns
    -------
    Chains
        Without the edges along a border.
    array of int
        The cells in which some edges are no chain: a ring does not come to the rim.
    """
    order, following = _order(pieces), pieces.loops.after()
    begins = pieces.node[order] | (np.diff(pieces.loops.ring[order], prepend=-1) != 0)
    first = np.flatnonzero(begins)
    edges = np.diff(first, append=len(order))
    chain = np.repeat(np.arange(len(first)), edges)
    torn = cell[order] != cell[order][first][chain]
    odd = [cell[order][torn], cell[order][first][chain[torn]], cell[order][first][~pieces.node[order][first]]]
    chains = Chains(order, first, edges, following[order[first + edges - 1]], cell[order][first])
    return chains.only(~pieces.along[order][first]), np.unique(np.concatenate(odd))


def _order(pieces: Pieces) -> Ints:
    """The corners ring by ring, each ring from the first corner that stands on the rim of a cell, if one does."""
    ring = pieces.loops.ring
    first = np.flatnonzero(np.diff(ring, prepend=-1))
    sizes = np.diff(first, append=len(ring))
    node = np.flatnonzero(pieces.node)
    met, at = np.unique(ring[node], return_index=True)
    begin = first.copy()
    begin[np.searchsorted(ring[first], met)] = node[at]
    first, begin, sizes = (np.repeat(values, sizes) for values in (first, begin, sizes))
    return first + (np.arange(len(ring)) - first + begin - first) % sizes


def joints_of(mesh: Mesh, pieces: Pieces, chains: Chains, nodes: Ints, reach: float) -> tuple[Joints, Ints]:
    """Join chains along the rim of their cell, against the clock.

    Parameters
    ----------
    mesh, pieces
    chains : Chains
    nodes : array of int
        For each corner of the outlines on the rim of a cell, the number of the cell, as `rim_nodes` gives them.
    reach : float
        Ends of chains nearer to each other than this may stand in the wrong order through rounding.

    Returns
    -------
    Joints
        Of the chains that could be joined.
    array of int
        The cells of the others: chains meet on the rim, or other corners of the outline stand there.
    """
    start, end = (_rim(mesh, pieces, chains.cell, c) for c in (chains.order[chains.first], chains.end))
    follower, odd = _followers(chains.cell, start, end, reach)
    odd = np.union1d(odd, _with_more_nodes(chains.cell, start, end, nodes))
    good = np.flatnonzero(~np.isin(chains.cell, odd))
    compact = np.zeros(len(chains.cell), np.int64)
    compact[good] = np.arange(len(good))
    to = follower[good]
    corners = (start.side[to] - end.side[good]) % mesh.sides
    corners[(corners == 0) & (start.way[to] < end.way[good])] = mesh.sides
    corners -= start.at_corner[to]
    return Joints(chains.only(good), compact[to], end.side[good], corners), odd


def _rim(mesh: Mesh, pieces: Pieces, cell: Ints, corner: Ints) -> Rim:
    _, row, col = places_of(mesh, cell)
    return mesh.rim(row, col, pieces.loops.p[corner], pieces.loops.q[corner])


def _followers(cell: Ints, start: Rim, end: Rim, reach: float) -> tuple[Ints, Ints]:
    """The chain that begins next after the end of each; and the cells where ends and beginnings do not alternate."""
    count = len(cell)
    cells, sides, ways = np.tile(cell, 2), np.append(start.side, end.side), np.append(start.way, end.way)
    around = np.lexsort((ways, sides, cells))
    group = np.flatnonzero(np.diff(cells[around], prepend=-1))
    following = np.arange(1, 2 * count + 1)
    following[np.append(group[1:], 2 * count)[: len(group)] - 1] = group
    after = around[following]
    faulty = (around < count) == (after < count)
    faulty |= (sides[around] == sides[after]) & (np.abs(ways[around] - ways[after]) <= reach)
    faulty |= sides[around] < 0
    leaving = around >= count
    follower = np.empty(count, np.int64)
    follower[around[leaving] - count] = after[leaving] % max(count, 1)
    return follower, np.unique(cells[around[faulty]])


def _with_more_nodes(cell: Ints, start: Rim, end: Rim, nodes: Ints) -> Ints:
    """The cells on whose rim other corners stand than the ends of chains."""
    ends = np.concatenate([cell[~start.at_corner], cell[~end.at_corner]])
    cells, which = np.unique(np.concatenate([nodes, ends]), return_inverse=True)
    on_rim = np.bincount(which[: len(nodes)], minlength=len(cells))
    return cells[on_rim != np.bincount(which[len(nodes) :], minlength=len(cells))]
