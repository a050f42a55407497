"""The report as one page: figures, histogram, tables and map, readable without a script, offline, text as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from gridgis.maps.labels import HTML_LANG, measure_label
from gridgis.pages.page import asset, clean, content_hash
from gridgis.report.drawing import histogram_svg, map_svg, swatch, text
from gridgis.report.figures import STATES, Spread
from gridgis.report.words import band_text, cell_name, count, meaning, percent, reason_name, said, word

if TYPE_CHECKING:
    from gridgis.report import DivideReport
    from gridgis.report.figures import ExceptionGroup

_SPREAD = ("min", "p05", "p25", "median", "p75", "p95", "max", "mean")


def html_page(report: DivideReport, lang: str, title: str | None = None) -> str:
    """Write the page of a report.

    Parameters
    ----------
    report : DivideReport
    lang : {"en", "zh"}
    title : str, optional

    Returns
    -------
    str
        A whole document. Its policy allows its own style and script by their hashes, and nothing else.
    """
    heading = text(title or word("title", lang))
    style, script = clean(asset("report.css")), clean(asset("report.js"))
    policy = (
        f"default-src 'none'; script-src {content_hash(script)}; style-src {content_hash(style)}; base-uri 'none'; "
        "form-action 'none'"
    )
    body = [_header(report, heading, lang), *_body(report, lang)]
    return (
        f'<!DOCTYPE html>\n<html lang="{HTML_LANG[lang]}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + f"\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _body(report: DivideReport, lang: str) -> Iterator[str]:
    """The parts of the page below its head."""
    yield "<main>"
    yield _section("figures", word("figures", lang), _cards(report, lang))
    measure = measure_label(report.histogram.measure, lang)
    yield _section("loads", word("distribution", lang, measure=measure), _loads(report, lang))
    yield _section("place", word("map", lang), _map(report, lang))
    yield _section("areas", word("parents", lang), _parents(report, lang))
    yield _section("exceptions", word("exceptions", lang), _exceptions(report, lang))
    yield _section("notes", word("notes", lang), _notes(report, lang))
    yield "</main>"


def _section(name: str, heading: str, inside: str) -> str:
    title = f'<h2 id="h-{name}">{text(heading)}</h2>'
    return f'<section class="{name}" aria-labelledby="h-{name}">\n{title}\n{inside}\n</section>'


def _header(report: DivideReport, heading: str, lang: str) -> str:
    band = said(word("band", lang), band_text(report, lang), lang)
    return (
        f'<header>\n<p class="internal"><strong>{text(word("internal", lang))}</strong> '
        f"{text(word('internal_note', lang))}</p>\n<h1>{heading}</h1>\n<p>{text(band)}</p>\n</header>"
    )


def _cards(report: DivideReport, lang: str) -> str:
    """The key figures, each with its name and what it is out of."""
    areas = len(report.parents)
    of_cells = word("of_cells", lang, n=f"{report.in_band:,}", all=f"{report.cells:,}")
    of_feasible = word("of_feasible", lang, n=f"{report.feasible_in_band:,}", all=f"{report.feasible:,}")
    feasible = percent(report.feasible_in_band, report.feasible, lang) if report.feasible else "–"
    statuses = {name: f"{report.count(status):,}" for name, status in _STATUS_NAMES}
    exceptions = sum(len(group.cells) for group in report.exceptions)
    cards = [
        (word("cells", lang), f"{report.cells:,}", _in_areas(areas, lang)),
        (word("share_in_band", lang), percent(report.in_band, report.cells, lang), of_cells),
        (word("share_feasible", lang), feasible, of_feasible),
        (word("exceptions", lang), f"{exceptions:,}", word("exceptions_note", lang, **statuses)),
        *_shape_cards(report, lang),
    ]
    return f'<dl class="figures">{"".join(_card(*card) for card in cards)}</dl>'


_STATUS_NAMES = (("proven", "proven"), ("open", "not_proven"), ("asked", "asked"))


def _in_areas(areas: int, lang: str) -> str:
    return word("in_area", lang) if areas == 1 else word("in_areas", lang, n=f"{areas:,}")


def _shape_cards(report: DivideReport, lang: str) -> Iterator[tuple[str, str, str]]:
    """Loads, compactness and borders; those that are known."""
    load, polsby_popper, reock = report.load, report.polsby_popper, report.reock
    measure = measure_label(report.histogram.measure, lang)
    if load is not None and polsby_popper is not None and reock is not None:
        ends = {"low": count(load.p05), "high": count(load.p95)}
        yield word("median_load", lang, measure=measure), count(load.median), word("middle_load", lang, **ends)
        note = word("reock", lang, reock=f"{reock.median:.2f}")
        yield word("compactness", lang), f"{polsby_popper.median:.2f}", note
    if report.barrier_share is not None and report.barrier_shares is not None:
        note = word("along_note", lang, median=percent(report.barrier_shares.median, 1, lang))
        yield word("along", lang), percent(report.barrier_share, 1, lang), note
    if report.crossed_cells is not None:
        one = report.crossed_cells == 1
        note = word("crossed_note_one" if one else "crossed_note", lang, n=f"{report.crossed_cells:,}")
        yield word("crossed", lang), f"{report.crossed_m:,.0f} m", note


def _card(name: str, value: str, note: str) -> str:
    return f"<div><dt>{text(name)}</dt><dd><b>{text(value)}</b><span>{text(note)}</span></dd></div>"


def _loads(report: DivideReport, lang: str) -> str:
    """The histogram, and beside it the table of spreads."""
    measure = measure_label(report.histogram.measure, lang)
    columns = [
        (measure, report.load, count),
        (word("polsby_popper", lang), report.polsby_popper, _score),
        (word("reock_name", lang), report.reock, _score),
        (word("along_name", lang), report.barrier_shares, lambda share: percent(share, 1, lang)),
    ]
    known = [(name, spread, write) for name, spread, write in columns if isinstance(spread, Spread)]
    rows = [
        [_head(word(key, lang), "row"), *(_number(write(getattr(spread, key))) for _, spread, write in known)]
        for key in _SPREAD
    ]
    heads = [_head(word("statistic", lang)), *(_head(name, number=True) for name, _, _ in known)]
    note = word("regular_note", lang, n=f"{report.kinds['regular']:,}")
    figure = f"<figure>{histogram_svg(report, lang)}<figcaption>{text(word('bins_note', lang))}</figcaption></figure>"
    table = _table(heads, rows) if known else ""
    return f'<div class="beside">{figure}<div>{table}<p class="small">{text(note)}</p></div></div>'


def _score(value: float) -> str:
    return f"{value:.2f}"


def _map(report: DivideReport, lang: str) -> str:
    """The legend and the map; its buttons are for the script, which takes them out of hiding."""
    states = report.table.states
    legend = "".join(
        f"<li>{swatch(state)}{text(word(state, lang))} <b>{int((states == state).sum()):,}</b></li>"
        for state in STATES
        if (states == state).any()
    )
    keys = (("zoom_in", "+"), ("zoom_out", "−"), ("whole", "⤢"))
    buttons = "".join(
        f'<button type="button" data-zoom="{key}" title="{text(word(key, lang))}" '
        f'aria-label="{text(word(key, lang))}">{sign}</button>'
        for key, sign in keys
    )
    return (
        f'<ul class="legend">{legend}</ul>\n<div class="map"><div class="zoom" hidden>{buttons}</div>\n'
        f'<div class="view" tabindex="0">{map_svg(report, lang)}</div>\n<div class="tip" hidden></div></div>\n'
        f'<p class="small">{text(word("map_hint", lang))}</p>'
    )


def _exceptions(report: DivideReport, lang: str) -> str:
    """The table of exceptions: a group for each reason, with what it means and whether it is proven."""
    if not report.exceptions:
        return f"<p>{text(word('no_exceptions', lang))}</p>"
    heads = [
        _head(word("cell", lang)),
        _head(word("parent", lang), less=report.table.coded),
        *(_head(measure_label(name, lang), number=True) for name in report.bands),
        _head(word("place", lang), number=True),
    ]
    groups = "\n".join(_group(report, group, lang) for group in report.exceptions)
    note = "" if report.table.coded else f'<p class="small">{text(word("rows_note", lang))}</p>'
    return f'<div class="wide"><table><thead><tr>{"".join(heads)}</tr></thead>\n{groups}</table></div>{note}'


def _group(report: DivideReport, group: ExceptionGroup, lang: str) -> str:
    width = 3 + len(report.bands)
    head = (
        f'<tr class="reason"><th colspan="{width}" scope="rowgroup"><b>{text(reason_name(group.reason, lang))}</b> '
        f'<span class="count">{len(group.cells):,}</span> '
        f'<span class="status {group.status}">{text(word(f"status_{group.status}", lang))}</span>'
        f'<span class="meaning">{text(meaning(group, lang))}</span></th></tr>'
    )
    rows = [
        [
            f'<th scope="row"><a href="#c{cell.row}">{text(cell_name(report, cell.row, lang))}</a></th>',
            _cell(cell.parent_code, less=report.table.coded),
            *(_number(f"{load:,}") for load in cell.loads),
            f'<td class="n place">{cell.x:.1f}, {cell.y:.1f}</td>',
        ]
        for cell in group.cells
    ]
    return f"<tbody>{head}\n{_rows(rows)}</tbody>"


def _parents(report: DivideReport, lang: str) -> str:
    """The table by area, with a last line for all; on a narrow screen without its lesser columns."""
    heads = [
        _head(word("parent", lang)),
        _head(word("cells", lang), number=True),
        *(_head(measure_label(name, lang), number=True) for name in report.bands),
        _head(word("share_in_band", lang), number=True, less=True),
        _head(word("share_in_band", lang) + word("in_percent", lang), number=True),
        _head(word("exceptions", lang), number=True),
        *(_head(word(f"short_{status}", lang), number=True, less=True) for _, status in _STATUS_NAMES),
    ]
    rows = [
        _parent(
            f"{parent.code} {parent.name}".rstrip(),
            (parent.cells, *parent.loads, parent.in_band),
            (parent.proven, parent.not_proven, parent.asked),
            lang,
        )
        for parent in report.parents
    ]
    loads = [sum(parent.loads[i] for parent in report.parents) for i in range(len(report.bands))]
    statuses = [report.count(status) for _, status in _STATUS_NAMES]
    total = _parent(word("total", lang), (report.cells, *loads, report.in_band), statuses, lang)
    return f'<div class="wide">{_table(heads, rows, total)}</div>'


def _parent(name: str, numbers: Sequence[int], statuses: Sequence[int], lang: str) -> list[str]:
    """One line of the table by area: cells, loads and cells in the band; then exceptions."""
    *first, in_band = numbers
    return [
        _head(name, "row"),
        *(_number(f"{number:,}") for number in first),
        _number(f"{in_band:,}", less=True),
        _number(percent(in_band, first[0], lang)),
        _number(f"{sum(statuses):,}"),
        *(_number(f"{number:,}", less=True) for number in statuses),
    ]


def _notes(report: DivideReport, lang: str) -> str:
    lines = [word("feasible_note", lang), word("formula_note", lang), word("crs_note", lang, crs=report.crs)]
    return "".join(f'<p class="small">{text(line)}</p>' for line in [*lines, word("internal_note", lang)])


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], total: Sequence[str] = ()) -> str:
    foot = f"\n<tfoot>{_rows([total])}</tfoot>" if total else ""
    return f"<table><thead><tr>{''.join(heads)}</tr></thead>\n<tbody>{_rows(rows)}</tbody>{foot}</table>"


def _rows(rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"<tr>{''.join(row)}</tr>" for row in rows)


def _head(name: object, scope: str = "col", *, number: bool = False, less: bool = False) -> str:
    return f'<th scope="{scope}"{_class(number, less)}>{text(name)}</th>'


def _cell(value: object, *, less: bool = False) -> str:
    return f"<td{_class(False, less)}>{text(value)}</td>"


def _number(value: str, *, less: bool = False) -> str:
    return f"<td{_class(True, less)}>{text(value)}</td>"


def _class(number: bool, less: bool) -> str:
    """Numbers stand to the right; what is less needed goes from a narrow screen."""
    names = [name for name, holds in (("n", number), ("less", less)) if holds]
    return f' class="{" ".join(names)}"' if names else ""
