"""Draw docs/locate.png from a real index: python scripts/draw_index.py [OUT].

Left: a small town of six cells, the pixels of its index, and how crowded ones are divided. Right: one leaf, the way
from its corner to a point, and the edges that count.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

import gridgis as gg
from gridgis.locate import tree
from gridgis.locate.grow import BLOCK, KIND_BITS, LAST, SIDE_BITS
from gridgis.locate.index import CellIndex
from gridgis.locate.lookup import Index

COLOURS = ["#8dd3c7", "#ffffb3", "#bebada", "#fb8072", "#80b1d3", "#fdb462", "#b3de69", "#fccde5"]


def main() -> None:
    target = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "docs" / "locate.png")
    town = gg.generate_town(160, parents=2, seed=1)
    grid = gg.assign_codes(gg.divide(*town, households=(60, 100)), gg.CodeScheme.unit_grid())
    tree.FIRST_PIXELS = 60  # so few that the picture shows some divided
    index = CellIndex(grid)._index
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 6), dpi=90)
    grid.plot(
        ax=left, color=[COLOURS[row % len(COLOURS)] for row in range(len(grid))], edgecolor="#333333", linewidth=0.8
    )
    everything = list(pixels(index))
    for x, y, size, kind, _ in everything:
        if kind != "none":
            colour = {"cell": "#00000018", "leaf": "#c00000"}[kind]
            left.add_patch(Rectangle((x, y), size, size, fill=False, edgecolor=colour, linewidth=0.5))
    left.set_title("pixels: in one cell (grey), or a leaf of a few edges (red)")
    leaves = [pixel for pixel in everything if pixel[3] == "leaf" and len(cells_around(index, pixel[4])) == 3]
    draw_leaf(right, index, grid, max(leaves, key=lambda pixel: (pixel[2], pixel[0], pixel[1])))
    for axes in (left, right):
        axes.set_aspect("equal")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set(xlabel="", ylabel="")
    figure.tight_layout()
    figure.savefig(target, metadata={"Software": None})
    print(f"Wrote {target.name}")


def pixels(index: Index) -> Iterator[tuple[float, float, float, str, int]]:
    """Every pixel that is not divided: corner, width, what it is, and its leaf."""
    frame, table = index.frame, index.tree.table.astype(np.int64)
    waiting = [
        (row * frame.columns + column, column << frame.shift, row << frame.shift, frame.shift)
        for row in range(frame.rows)
        for column in range(frame.columns)
    ]
    while waiting:
        place, x, y, shift = waiting.pop()
        kind, value = table[place] >> KIND_BITS, table[place] & (BLOCK - 1)
        if kind == 1:
            bits, first = int(value >> SIDE_BITS), int(value & ((1 << SIDE_BITS) - 1)) << 2
            finer = shift - bits
            waiting += [
                (first + (row << bits) + column, x + (column << finer), y + (row << finer), finer)
                for row in range(1 << bits)
                for column in range(1 << bits)
            ]
            continue
        name = "leaf" if kind == 2 else "cell" if value else "none"
        yield frame.west + x * frame.unit, frame.south + y * frame.unit, (1 << shift) * frame.unit, name, int(value)


def edges(index: Index, leaf: int) -> list[int]:
    """The edges of a leaf."""
    words, many = index.tree.leaves, 1
    while not int(words[leaf + 2 * many]) >> 16 & LAST:
        many += 1
    first = int(words[leaf]) >> 32
    return index.tree.leaf_edges[first : first + many].tolist()


def cells_around(index: Index, leaf: int) -> set[int]:
    """The cells that the edges of a leaf part; nothing if the outside is among them."""
    arcs = np.searchsorted(index.arcs.start, edges(index, leaf), side="right") - 1
    cells = {*index.arcs.left[arcs].tolist(), *index.arcs.right[arcs].tolist()}
    return set() if 0 in cells else cells


def draw_leaf(axes: plt.Axes, index: Index, grid: gg.Grid, pixel: tuple[float, float, float, str, int]) -> None:
    x, y, size, _, leaf = pixel
    grid.plot(ax=axes, color=[COLOURS[row % len(COLOURS)] for row in range(len(grid))])
    axes.add_patch(Rectangle((x, y), size, size, fill=False, edgecolor="#c00000", linewidth=2))
    for edge in edges(index, leaf):
        ends = index.arcs.vertices[edge : edge + 2]
        axes.plot(ends[:, 0], ends[:, 1], "-o", color="#333333", linewidth=1.6, markersize=4)
    p = (x + 0.83 * size, y + 0.72 * size)
    axes.annotate("", (x, p[1]), (x, y), arrowprops={"arrowstyle": "->", "linewidth": 2, "color": "#003c8f"})
    axes.annotate("", p, (x, p[1]), arrowprops={"arrowstyle": "->", "linewidth": 2, "color": "#003c8f"})
    axes.plot(*p, "o", color="#003c8f", markersize=8)
    axes.text(p[0] + 0.02 * size, p[1] + 0.02 * size, "p", fontsize=14, color="#003c8f")
    axes.text(x - 0.03 * size, y - 0.06 * size, "corner: its cell is known", fontsize=11, color="#c00000")
    axes.set_xlim(x - 0.25 * size, x + 1.25 * size)
    axes.set_ylim(y - 0.25 * size, y + 1.25 * size)
    axes.set_title(
        "a leaf: the way from its corner to p; an edge that is crossed\nadds its far cell and takes off its near one"
    )


if __name__ == "__main__":
    main()
