"""From atoms to plots: pieces of one area that are divided by themselves, or become one cell as they are.

A plot never holds ground on both sides of a hard barrier, unless its households cannot be brought into the band on
one side alone; then it takes in the pieces that help most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gridgis.divide.atoms import Atoms
from gridgis.divide.bands import Bands
from gridgis.divide.faces import components

EMPTY_M2 = 10_000.0
"""Connected land without buildings of this size may be a cell of its own."""
GIVEN, EMPTY_LAND = "given", "empty land"

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Plot:
    """Atoms that are divided together.

    Attributes
    ----------
    atoms : array of int
        Ascending; they hang together.
    kind : str
        Empty where the plot is to be divided; ``given`` for a zone, ``empty land``.
    zone : int
        The zone, -1 where there is none.
    cut_off : bool
        A hard barrier or a zone lies between this and other ground to divide.
    crossing : bool
        The plot lies on both sides of a hard barrier.
    """

    atoms: Ints
    kind: str = ""
    zone: int = -1
    cut_off: bool = False
    crossing: bool = False


def lay_out_plots(atoms: Atoms, bands: Bands, *, own_empty: bool, one_piece: bool = False) -> list[Plot]:
    """Find the plots of all areas.

    Parameters
    ----------
    atoms : Atoms
    bands : Bands
    own_empty : bool
        Wide empty land becomes a plot of its own.
    one_piece : bool
        Hard barriers only pull: do not part ground along them.
    """
    n = len(atoms.parent)
    keep = atoms.zone[atoms.left] == atoms.zone[atoms.right]
    open_ = keep if one_piece else keep & ~atoms.parted
    own = _wide_empty(atoms, open_) if own_empty else np.zeros(n, bool)
    open_ = open_ & (own[atoms.left] == own[atoms.right])
    piece = components(atoms.left[open_], atoms.right[open_], n)
    group = _grow(atoms, bands, piece, own, keep)
    order = np.argsort(group, kind="stable")
    fenced = keep & atoms.parted & (group[atoms.left] == group[atoms.right])
    both_sides = np.bincount(group[atoms.left[fenced]], minlength=len(group)) > 0
    plots = []
    for here in np.split(order, np.cumsum(np.bincount(group))[:-1]):
        here = np.sort(here)
        zone, crossing = int(atoms.zone[here[0]]), bool(both_sides[group[here[0]]])
        kind = GIVEN if zone >= 0 else EMPTY_LAND if own[here].all() else ""
        plots.append(Plot(here, kind, zone, crossing=crossing and not own[here].any()))
    return _mark_cut_off(_give_to_zones(plots, atoms), atoms)


def _wide_empty(atoms: Atoms, open_: Bools) -> Bools:
    """Tell which atoms are part of wide empty land."""
    empty = (atoms.buildings == 0) & (atoms.zone < 0)
    among = open_ & empty[atoms.left] & empty[atoms.right]
    land = components(atoms.left[among], atoms.right[among], len(empty))
    return empty & (np.bincount(land, atoms.area_m2)[land] >= EMPTY_M2)


@dataclass
class _Pieces:
    """Pieces of ground, who borders on whom, and whether they can be divided."""

    load: Ints
    giants: Ints
    fine: Bools
    near: dict[int, dict[int, int]]
    bands: Bands

    def miss(self, members: list[int]) -> int:
        """How far pieces together are from being divisible; 0 where they are."""
        if len(members) == 1 and self.fine[members[0]]:
            return 0
        load, giants = self.load[members].sum(axis=0), int(self.giants[members].sum())
        if not load.any() and not giants:
            return 1 << 40
        cells = self.bands.count(load, giants)
        return int(self.bands.misses(load, np.array(giants), np.array(cells)))


def _grow(atoms: Atoms, bands: Bands, piece: Ints, own: Bools, keep: Bools) -> Ints:
    """Unite each piece that cannot be divided with those beside it that help, else leave it alone."""
    count = int(piece.max()) + 1
    giant = bands.giant(atoms.largest)
    load = np.zeros((count, atoms.load.shape[1]), np.int64)
    np.add.at(load, piece, np.where(giant[:, None], 0, atoms.load))
    given = np.zeros(count, bool)
    given[piece[atoms.zone >= 0]] = True
    given[piece[own]] = True
    one, two = piece[atoms.left[keep]], piece[atoms.right[keep]]
    near: dict[int, dict[int, int]] = {}
    apart = one != two
    for a, b, length in np.stack([one, two, atoms.length[keep]])[:, apart].T.tolist():
        for p, q in ((a, b), (b, a)):
            beside = near.setdefault(p, {})
            beside[q] = beside.get(q, 0) + length
    pieces = _Pieces(load, np.bincount(piece, giant, count).astype(np.int64), given, near, bands)
    group = {p: [p] for p in near}
    home = {p: p for p in near}
    for p in sorted(near, key=lambda p: (tuple(load[p].tolist()), p)):
        members = _helped(pieces, group, home, home[p])
        if len(members) > 1:
            united = sorted(q for root in members for q in group[root])
            for root in members:
                del group[root]
            group[united[0]] = united
            home.update(dict.fromkeys(united, united[0]))
    label = np.arange(count)
    for p, root in home.items():
        label[p] = root
    return np.unique(label[piece], return_inverse=True)[1].astype(np.int64)


def _helped(pieces: _Pieces, group: dict[int, list[int]], home: dict[int, int], start: int) -> list[int]:
    """The groups that must be united with one so that it can be divided; only itself if it can, or none help."""
    roots, members = [start], list(group[start])
    while pieces.miss(members):
        beside: dict[int, int] = {}
        for p in members:
            for q, length in pieces.near[p].items():
                if home[q] not in roots:
                    beside[home[q]] = beside.get(home[q], 0) + length
        if not beside:
            return [start]
        misses = {root: pieces.miss([*members, *group[root]]) for root in beside}
        best = min(beside, key=lambda root: (misses[root], -beside[root], root))
        roots.append(best)
        members += group[best]
    return roots


def _give_to_zones(plots: list[Plot], atoms: Atoms) -> list[Plot]:
    """Give small empty ground that zones have cut off from the rest to the zone along which it lies."""
    plot_of = np.empty(len(atoms.parent), np.int64)
    for number, plot in enumerate(plots):
        plot_of[plot.atoms] = number
    gifts: dict[int, list[int]] = {}
    for number, plot in enumerate(plots):
        if plot.kind or atoms.buildings[plot.atoms].any() or atoms.area_m2[plot.atoms].sum() >= EMPTY_M2:
            continue
        left, right = plot_of[atoms.left] == number, plot_of[atoms.right] == number
        edges = np.flatnonzero(left ^ right)
        beside = np.where(left, atoms.right, atoms.left)[edges]
        if not len(edges) or (atoms.zone[beside] < 0).any():
            continue
        targets = np.unique(plot_of[beside])
        shared = [int(atoms.length[edges[plot_of[beside] == target]].sum()) for target in targets]
        gifts.setdefault(int(targets[int(np.argmax(shared))]), []).append(number)
    given = {number for numbers in gifts.values() for number in numbers}
    return [
        replace(
            plot, atoms=np.sort(np.concatenate([plot.atoms, *(plots[gift].atoms for gift in gifts.get(number, []))]))
        )
        for number, plot in enumerate(plots)
        if number not in given
    ]


def _mark_cut_off(plots: list[Plot], atoms: Atoms) -> list[Plot]:
    """Say which plots would hang together with others, were there no barriers and zones."""
    whole = components(atoms.left, atoms.right, len(atoms.parent))
    bodies = [int(whole[plot.atoms[0]]) for plot in plots]
    free = np.bincount([body for body, plot in zip(bodies, plots, strict=True) if not plot.kind], minlength=len(whole))
    return [
        replace(plot, cut_off=not plot.kind and bool(free[body] > 1)) for body, plot in zip(bodies, plots, strict=True)
    ]
