"""The geometry of a cover: what is a fault, and what is rounding."""

import numpy as np
import pytest
import shapely

from gridgis import cover

ROW = np.array([shapely.box(x, 0, x + 10, 10) for x in (0, 10, 20)], object)


def rules(faults):
    return [fault[0] for fault in faults]


def test_a_sound_row_has_no_fault():
    assert not list(cover.polygon_faults(ROW))
    assert not list(cover.cover_faults(ROW))
    assert not list(cover.parent_faults(shapely.box(0, 0, 30, 10), ROW))
    assert not list(cover.cut_buildings(ROW, np.array([shapely.box(1, 1, 9, 9), shapely.box(10, 0, 20, 10)], object)))


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        (None, "not_polygon"),
        (shapely.Polygon(), "not_polygon"),
        (shapely.Point(0, 0), "not_polygon"),
        (shapely.force_3d(ROW[0]), "not_polygon"),
        (shapely.MultiPolygon([ROW[0], ROW[2]]), "cell_in_pieces"),
        (shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)]), "invalid_geometry"),
    ],
)
def test_cells_that_are_no_polygon(cell, rule):
    assert rules(cover.polygon_faults(np.array([cell], object))) == [rule]


@pytest.mark.parametrize(("width", "found"), [(0.0005, False), (0.0015, False), (0.01, True), (3, True)])
def test_overlap_beyond_rounding(width, found):
    cells = np.array([ROW[0], shapely.box(10 - width, 0, 20, 10)], object)
    assert ("overlap" in rules(cover.cover_faults(cells))) == found


def test_borders_matched_vertex_by_vertex():
    split = shapely.Polygon([(10, 0), (20, 0), (20, 10), (10, 10), (10, 4)])
    assert rules(cover.cover_faults(np.array([ROW[0], split], object))) == ["edge_unmatched"] * 2


@pytest.mark.parametrize(("width", "found"), [(0.001, []), (0.01, ["gap"]), (-0.001, []), (-0.01, ["outside_parent"])])
def test_parents_are_filled_but_for_rounding(width, found):
    assert rules(cover.parent_faults(shapely.box(0, 0, 30 + width, 10), ROW)) == found


@pytest.mark.parametrize(("width", "found"), [(0.0, 0), (0.001, 0), (0.01, 1), (5, 1)])
def test_cut_buildings(width, found):
    cut = list(cover.cut_buildings(ROW, np.array([shapely.box(2, 2, 10 + width, 8)], object)))
    assert len(cut) == found
    assert [fault[:2] for fault in cut] == [(0, [0, 1])] * found


def test_precision_left_on_a_shape_changes_nothing():
    coarse = shapely.set_precision(ROW, 5)
    assert not list(cover.cover_faults(coarse))
    assert cover.union(coarse).equals(shapely.box(0, 0, 30, 10))


def test_union_of_cells_that_overlap():
    pair = np.array([ROW[0], shapely.box(5, 0, 15, 10)], object)
    assert cover.union(pair).area == 150
    assert cover.union(ROW).equals(shapely.box(0, 0, 30, 10))
    assert cover.union(ROW[:0]).is_empty
