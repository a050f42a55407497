"""The report in a dozen lines of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gridgis.contract import listed
from gridgis.maps.labels import measure_label
from gridgis.report.words import band_text, cell_name, count, percent, reason_name

if TYPE_CHECKING:
    from gridgis.report import DivideReport

_STATUS = {"proven": "proven", "not_proven": "not proven", "asked": "asked for"}


def _percent(part: float, whole: float) -> str:
    return percent(part, whole, "en")


def lines(report: DivideReport) -> Iterator[str]:
    r"""Write the report line by line.

    Examples
    --------
    >>> print(*lines(divide_report(example.grid, households=(20, 30))), sep="\n")
    Report of a division, internal: it states exact counts
    Cells: 4 in 2 areas (4 regular, 0 dedicated, 0 fixed, 0 empty)
    Band: Households 20 to 30
    In the band: 4 of 4 cells (100 %); of feasible cells 4 of 4 (100 %)
    Households: 24 to 24, median 24, quartiles 24 and 24, 5 % and 95 % 24 and 24, mean 24
    Compactness: Polsby-Popper median 0.70 (5 %: 0.70), Reock median 0.51 (5 %: 0.51)
    Borders along barriers: not known
    Hard barriers crossed: not known
    Exceptions: none
    """
    areas = len(report.parents)
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in report.kinds.items())
    yield "Report of a division, internal: it states exact counts"
    yield f"Cells: {report.cells:,} in {areas:,} area{'' if areas == 1 else 's'} ({kinds})"
    yield f"Band: {band_text(report, 'en')}"
    inside = f"{report.in_band:,} of {report.cells:,} cells ({_percent(report.in_band, report.cells)})"
    feasible = f"{report.feasible_in_band:,} of {report.feasible:,}"
    if report.feasible:
        feasible += f" ({_percent(report.feasible_in_band, report.feasible)})"
    yield f"In the band: {inside}; of feasible cells {feasible}"
    yield from _spreads(report)
    yield from _borders(report)
    yield from _exceptions(report)


def _spreads(report: DivideReport) -> Iterator[str]:
    load, polsby_popper, reock = report.load, report.polsby_popper, report.reock
    if load is None or polsby_popper is None or reock is None:
        yield "Loads and compactness: there is no regular cell"
        return
    pairs = [(load.min, load.max), (load.p25, load.p75), (load.p05, load.p95)]
    ends, quartiles, tails = ((count(low), count(high)) for low, high in pairs)
    yield (
        f"{measure_label(report.histogram.measure, 'en')}: {ends[0]} to {ends[1]}, median {count(load.median)}, "
        f"quartiles {' and '.join(quartiles)}, 5 % and 95 % {' and '.join(tails)}, mean {count(load.mean)}"
    )
    yield (
        f"Compactness: Polsby-Popper median {polsby_popper.median:.2f} (5 %: {polsby_popper.p05:.2f}), "
        f"Reock median {reock.median:.2f} (5 %: {reock.p05:.2f})"
    )


def _borders(report: DivideReport) -> Iterator[str]:
    if report.barrier_share is None or report.barrier_shares is None:
        yield "Borders along barriers: not known"
    else:
        median = _percent(report.barrier_shares.median, 1)
        whole = _percent(report.barrier_share, 1)
        yield f"Borders along barriers: {whole} of all outlines, median of cells {median}"
    if report.crossed_cells is None:
        yield "Hard barriers crossed: not known"
    else:
        cells = f"{report.crossed_cells:,} cell{'' if report.crossed_cells == 1 else 's'}"
        yield f"Hard barriers crossed: {cells}, {report.crossed_m:,.0f} m"


def _exceptions(report: DivideReport) -> Iterator[str]:
    if not report.exceptions:
        yield "Exceptions: none"
        return
    numbers = ", ".join(f"{report.count(status):,} {text}" for status, text in _STATUS.items())
    yield f"Exceptions: {numbers}"
    for group in report.exceptions:
        cells = listed((cell_name(report, cell.row, "en") for cell in group.cells), 4)
        reason = reason_name(group.reason, "en")
        yield f"  {len(group.cells):,} {reason} ({_STATUS[group.status]}): {cells}"
