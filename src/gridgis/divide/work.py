"""From atoms to a division: plots, how many cells each shall become, and their solution."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import shapely

from gridgis.contract import GridError
from gridgis.divide.atoms import Atoms
from gridgis.divide.bands import Band, Bands, about
from gridgis.divide.cells import Division, reasons
from gridgis.divide.faces import components
from gridgis.divide.ground import Ground
from gridgis.divide.plots import GIVEN, Plot, lay_out_plots
from gridgis.divide.previous import Previous, earlier_cells, start_of
from gridgis.divide.profiles import Profile
from gridgis.divide.solve import Job, Solution, apportion, make_graph, solve_all

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Attributes
    ----------
    codes : list of str
        Of the areas.
    profile : Profile
    counts : tuple of int, or dict of str to int
        The wanted numbers of cells: of each level, or of each area; empty where they follow from the bands.
    open_band : bool
        The bands follow from the numbers of cells.
    seed, jobs : int
    """

    codes: list[str]
    profile: Profile
    counts: tuple[int, ...] | dict[str, int]
    open_band: bool
    seed: int
    jobs: int


def divide_atoms(
    atoms: Atoms, ground: Ground, order: Order, before: Previous | None, kinds: Sequence[str]
) -> tuple[Division, list[Plot], list[str]]:
    """Divide the atoms of all areas.

    Returns
    -------
    Division
    list of Plot
    list of str
        Why each cell misses the bands; empty where it does not.
    """
    bands = order.profile.as_bands()
    levelled = not isinstance(order.counts, dict) and len(order.counts) > 1
    own_empty = order.profile.empty == "own_cell"
    plots = lay_out_plots(atoms, bands, own_empty=own_empty, one_piece=before is not None or levelled)
    counts = _counts(plots, atoms, order)
    own = [
        _bands_of(plot, atoms, bands, count) if order.open_band else bands
        for plot, count in zip(plots, counts, strict=True)
    ]
    unit = _together(atoms, ground, order.profile, bands)
    earlier = np.full(len(atoms.parent), -1, np.int64)
    if before is not None:
        earlier = earlier_cells(atoms, ground, before)
        moved = before.parents[earlier] != np.array(order.codes, object)[atoms.parent]
        earlier[moved] = -1
    jobs, places, serial = [], [], dict[int, int]()
    for number, plot in enumerate(plots):
        if not plot.kind:
            parent = int(atoms.parent[plot.atoms[0]])
            serial[parent] = serial.get(parent, -1) + 1
            seed = (order.seed, zlib.crc32(order.codes[parent].encode()), serial[parent])
            jobs.append(_job(atoms, plot, own[number], (counts[number], unit, seed), earlier if before else None))
            places.append(number)
    solved = dict(zip(places, solve_all(jobs, order.jobs), strict=True))
    made = dict(zip(places, jobs, strict=True))
    division = _number(atoms, plots, solved, made, earlier)
    return division, plots, reasons(atoms, division, plots, own, kinds)


def _job(
    atoms: Atoms, plot: Plot, bands: Bands, how: tuple[tuple[int, ...], Ints, tuple[int, ...]], earlier: Ints | None
) -> Job:
    """Make the job of one plot."""
    counts, unit, seed = how
    graph, node = make_graph(atoms, plot, bands, unit)
    job = Job(graph, node, bands, counts, seed, float(atoms.area_m2[plot.atoms].sum()))
    if earlier is None:
        return job
    n = len(graph.giants)
    first = np.full(n, -1, np.int64)
    weight = np.zeros(n, np.int64)
    rank = np.lexsort((atoms.area_m2[plot.atoms], atoms.buildings[plot.atoms]))
    first[node[rank]] = earlier[plot.atoms[rank]]
    np.add.at(weight, node, atoms.buildings[plot.atoms])
    names = np.unique(first[first >= 0])
    first = np.where(first >= 0, np.searchsorted(names, first), -1)
    start, stay = start_of(graph, first, weight, job.price(len(names)).unit_mm)
    return replace(job, counts=(), start=start, stay=stay, names=names)


def _counts(plots: Sequence[Plot], atoms: Atoms, order: Order) -> list[tuple[int, ...]]:
    """How many parts each plot shall have, of each level."""
    if not order.counts:
        return [()] * len(plots)
    regular = [number for number, plot in enumerate(plots) if not plot.kind]
    load = {number: float(atoms.load[plots[number].atoms, 0].sum()) for number in regular}
    parent = {number: int(atoms.parent[plots[number].atoms[0]]) for number in regular}
    found: list[tuple[int, ...]] = [()] * len(plots)
    if isinstance(order.counts, dict):
        for i, code in enumerate(order.codes):
            here = [number for number in regular if parent[number] == i]
            _share_out(found, here, load, [order.counts[code]], f"area {code}")
    else:
        _share_out(found, regular, load, order.counts, "all areas")
    return found


def _share_out(
    found: list[tuple[int, ...]], here: Sequence[int], load: dict[int, float], counts: Sequence[int], what: str
) -> None:
    """Share out the wanted numbers of cells among plots, level by level; no level has fewer than the one above."""
    if not here:
        return
    if counts[0] < len(here):
        raise GridError(
            f"cells: {what}: {counts[0]} asked for, but the ground is in {len(here)} parts that do not hang together; "
            "ask for more, or give bands instead."
        )
    weights = [load[number] for number in here]
    levels = [apportion(counts[-1], weights)]
    for count in reversed(counts[:-1]):
        levels.insert(0, _within(apportion(count, weights), levels[0], weights))
    for i, number in enumerate(here):
        found[number] = tuple(level[i] for level in levels)


def _within(shares: list[int], most: Sequence[int], weights: Sequence[float]) -> list[int]:
    """Move what is more than the finer level has to those with the most load for each part."""
    held = [min(share, cap) for share, cap in zip(shares, most, strict=True)]
    for _ in range(sum(shares) - sum(held)):
        open_ = [i for i, cap in enumerate(most) if held[i] < cap]
        held[max(open_, key=lambda i: (weights[i] / (held[i] + 1), -i))] += 1
    return held


def _bands_of(plot: Plot, atoms: Atoms, bands: Bands, counts: tuple[int, ...]) -> Bands:
    """A band around the mean of the cells of a plot."""
    if plot.kind or not counts:
        return bands
    mean = atoms.load[plot.atoms].sum(axis=0)[0] / counts[-1]
    return Bands(bands.names, (Band.aimed(*about(mean), max(round(mean), 1)),))


def _together(atoms: Atoms, ground: Ground, profile: Profile, bands: Bands) -> Ints:
    """Number the units that are not divided: atoms, or groups of them whose buildings stand close together."""
    n = len(atoms.parent)
    if not profile.together_m:
        return np.arange(n)
    tree = shapely.STRtree(ground.buildings)
    one, two = tree.query(ground.buildings, predicate="dwithin", distance=profile.together_m)
    a, b = atoms.home[one], atoms.home[two]
    close = (a >= 0) & (b >= 0) & (atoms.buildings[a] > 0) & (atoms.buildings[b] > 0)
    group = components(a[close], b[close], n)
    same = (
        (group[atoms.left] == group[atoms.right]) & ~atoms.parted & (atoms.zone[atoms.left] == atoms.zone[atoms.right])
    )
    unit = components(atoms.left[same], atoms.right[same], n)
    load = np.zeros((n, atoms.load.shape[1]), np.int64)
    np.add.at(load, unit, atoms.load)
    loose = bands.giant(load)[unit]
    return np.unique(np.where(loose, n + np.arange(n), unit), return_inverse=True)[1].astype(np.int64)


def _number(
    atoms: Atoms, plots: Sequence[Plot], solved: dict[int, Solution], jobs: dict[int, Job], earlier: Ints
) -> Division:
    """Number the cells of all plots."""
    label = np.full(len(atoms.parent), -1, np.int64)
    upper = max((len(found.labels) for found in solved.values()), default=1) - 1
    levels: list[list[int]] = [[] for _ in range(upper)]
    plot_of: list[int] = []
    goes_on: list[int] = []
    proven: list[bool] = []
    whole = Solution(np.zeros((1, 1), np.int64), np.zeros(1, bool))
    for number, plot in enumerate(plots):
        solution = solved.get(number, whole)
        found = solution.labels
        node = jobs[number].unit_of_atom if number in jobs else np.zeros(len(plot.atoms), np.int64)
        cells, first, dense = np.unique(found[-1], return_index=True, return_inverse=True)
        label[plot.atoms] = dense[node] + len(plot_of)
        for i, of in enumerate(levels):
            part = found[i][first] if len(found) > 1 else np.zeros(len(cells), np.int64)
            of += (part + max(of, default=-1) + 1).tolist()
        plot_of += [number] * len(cells)
        proven += solution.proven.tolist()
        if plot.kind:
            goes_on.append(_most_of(atoms, plot, earlier) if plot.kind == GIVEN else -1)
        else:
            names = jobs[number].names.tolist()
            goes_on += [names[cell] if cell < len(names) else -1 for cell in cells.tolist()]
    shape = np.array(levels, np.int64).reshape(upper, len(plot_of))
    known = _one_each(atoms, label, np.array(goes_on, np.int64), earlier)
    return Division(label, shape, np.array(plot_of), known, np.array(proven, bool))


def _most_of(atoms: Atoms, plot: Plot, earlier: Ints) -> int:
    """Give the earlier cell from which a given cell has most of its ground, -1 if most is from none."""
    ground = np.bincount(earlier[plot.atoms] + 1, atoms.area_m2[plot.atoms])
    return int(np.argmax(ground)) - 1


def _one_each(atoms: Atoms, label: Ints, goes_on: Ints, earlier: Ints) -> Ints:
    """Let one cell go on from each earlier cell: of several, the one with most of its ground."""
    own = (earlier >= 0) & (goes_on[label] == earlier)
    ground = np.bincount(label[own], atoms.area_m2[own], len(goes_on))
    order = np.lexsort((np.arange(len(goes_on)), -ground, goes_on))
    again = np.r_[False, np.diff(goes_on[order]) == 0]
    known = goes_on.copy()
    known[order[again]] = -1
    return known
