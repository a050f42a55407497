"""The settings of a run: one commented TOML file, checked whole before anything is done."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from gridgis.check import RULES
from gridgis.codes import CodeScheme
from gridgis.contract import GridError, listed
from gridgis.divide.profiles import EMPTY, MOST, PROFILES
from gridgis.locate.near import MOST_M
from gridgis.privacy import is_date

FILES = ("areas", "buildings", "barriers", "dedicated", "fixed", "previous", "grid", "events")
"""Keys of ``[inputs]`` that name files."""

KINDS: dict[str, dict[str, tuple[type, ...]]] = {
    "inputs": {
        **{name: (str,) for name in FILES},
        "areas_code": (str,),
        "areas_name": (str,),
        "buildings_id": (str,),
        "buildings_households": (str,),
        "barriers_kind": (str,),
        "events_x": (str,),
        "events_y": (str,),
        "events_crs": (str, int),
        "crs": (str, int),
        "source_crs": (str, int),
        **{f"{name}_layer": (str,) for name in FILES},
        **{f"{name}_encoding": (str,) for name in FILES},
        **{f"{name}_header": (int,) for name in FILES},
    },
    "divide": {
        "households": (list,),
        "persons": (list,),
        "profile": (str,),
        "cells": (int, list),
        "empty": (str,),
        "seed": (int,),
        "jobs": (int,),
    },
    "codes": {"scheme": (str, dict)},
    "check": {"allow": (list,)},
    "locate": {"keep_coordinates": (bool,), "keep": (list,), "near_m": (int, float)},
    "summarise": {"by": (str,)},
    "publish": {
        "hide_below": (int,),
        "zeros": (str,),
        "parts": (dict,),
        "singletons": (bool,),
        "secret_file": (str,),
        "measures": (list,),
        "levels": (list,),
        "round_to": (int,),
        "as_of": (str,),
        "ledger": (str,),
        "notes": (list,),
        "internal": (bool,),
    },
    "maps": {
        "lang": (str,),
        "coverage_title": (str,),
        "hotspot_title": (str,),
        "value": (str,),
        "atlas": (bool,),
        "site": (bool,),
        "scan": (bool,),
        "allow": (list,),
    },
    "output": {"folder": (str,)},
}
"""Every section and key that a file may have, with the kinds of value."""

DEFAULTS: dict[str, dict[str, Any]] = {
    "inputs": {"areas_code": "code"},
    "divide": {"seed": 0, "jobs": 1},
    "codes": {"scheme": "unit grid"},
    "check": {"allow": []},
    "locate": {"keep_coordinates": False},
    "summarise": {},
    "publish": {"hide_below": 10, "zeros": "shown", "levels": [], "notes": [], "internal": False},
    "maps": {"lang": "en"},
    "output": {"folder": "gridgis-out"},
}
"""What a key that is left out stands for; a key without a default may be left out. See also `with_band`."""

HOUSEHOLDS = "households"
"""The column of the households, where they are needed and no other is named."""


@dataclass(frozen=True)
class Settings:
    """The settings of one run, complete and checked.

    Attributes
    ----------
    sections : dict
        As in the file, defaults filled in.
    base : Path
        The folder from which file names count.
    """

    sections: Mapping[str, Mapping[str, Any]]
    base: Path

    def get(self, section: str, key: str) -> Any:
        """Give a setting, None where it is left out."""
        return self.sections[section].get(key)

    def file(self, name: str) -> Path | None:
        """Give the path of an input file, None where it is left out."""
        value = self.get("inputs", name)
        return None if value is None else self.base / value

    @property
    def folder(self) -> Path:
        """The folder for the outputs."""
        return self.base / str(self.get("output", "folder"))

    @property
    def scheme(self) -> CodeScheme:
        """The code scheme."""
        return scheme_of(self.get("codes", "scheme"))


def scheme_of(value: Any) -> CodeScheme:
    """Give a code scheme by its name or its layout.

    Raises
    ------
    GridError
        If there is no scheme of that name, or the layout is faulty.

    Examples
    --------
    >>> scheme_of("unit grid").width
    15
    """
    if isinstance(value, Mapping):
        return CodeScheme.from_dict(value)
    if value == "unit grid":
        return CodeScheme.unit_grid()
    raise GridError(f"codes: expected the scheme 'unit grid' or a table with name and fields, got {value!r}.")


def with_band(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what a division asks for where nothing else is said: 100 to 150 households.

    Examples
    --------
    >>> with_band({"seed": 1}), with_band({"cells": 68})
    ({'households': [100, 150], 'seed': 1}, {'cells': 68})
    """
    said = {"households", "persons", "profile", "cells"} & set(values)
    return dict(values) if said else {"households": [100, 150], **values}


def needs_households(values: Mapping[str, Any]) -> bool:
    """Tell whether a division balances households: always, unless persons are all that is asked for."""
    return "persons" not in values or "households" in values


def division_faults(values: Mapping[str, Any], *, previous: bool = False) -> dict[str, str]:
    """Say what is wrong with what is asked of a division.

    Parameters
    ----------
    values : mapping of str to object
        Keys of the section ``[divide]``, each value of a right kind.
    previous : bool
        Whether there is a grid in force.

    Returns
    -------
    dict of str to str
        The faults by key; empty where there is none.

    Examples
    --------
    >>> division_faults({"households": [150, 100], "seed": 0})
    {'households': 'expected two whole numbers, 0 < low <= high, got [150, 100]'}
    """
    least = 0 if "households" in values else 1
    rules: dict[str, tuple[Callable[[Any], bool], str]] = {
        "households": (_is_band, "two whole numbers, 0 < low <= high"),
        "persons": (lambda band: _is_band(band, least), f"two whole numbers, {'0 <' if least else '0 <='} low <= high"),
        "profile": (PROFILES.__contains__, f"one of {listed(PROFILES, 20)}"),
        "cells": (_are_counts, "a whole number of 1 or more, or one for each level, each more than the one before"),
        "empty": (EMPTY.__contains__, " or ".join(EMPTY)),
        "seed": (lambda seed: seed >= 0, "a whole number of 0 or more"),
        "jobs": (lambda jobs: 1 <= jobs <= 1024, "a whole number, 1 to 1024"),
    }
    faults = {
        key: f"expected {wanted}, got {values[key]!r}"
        for key, (fits, wanted) in rules.items()
        if key in values and not fits(values[key])
    }
    if "profile" in values and {"households", "persons"} & set(values):
        faults.setdefault("profile", "it holds the bands already; give either a profile, or households and persons")
    if "cells" in values and previous:
        faults.setdefault("cells", "with a previous grid their number follows from it; give only one of the two")
    return faults


def example_settings() -> str:
    """Give a commented settings file to start from."""
    return files("gridgis").joinpath("data", "gridgis.toml").read_text(encoding="utf-8")


def load_settings(path: str | Path) -> Settings:
    """Read a settings file.

    Parameters
    ----------
    path : path
        A TOML file; names of files in it count from its folder.

    Returns
    -------
    Settings

    Raises
    ------
    GridError
        If the file cannot be read, or a section, key or value is not one of those known; all faults are told at once.
    """
    file = Path(path)
    return make_settings(read_toml(file, "settings"), file.parent, what=file.name)


def read_toml(file: Path, what: str) -> dict[str, Any]:
    """Read a TOML file, also with the byte-order mark of a Windows editor.

    Raises
    ------
    GridError
        If it cannot be read.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text)
    except OSError as error:
        raise GridError(f"{file.name}: {what} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise GridError(
            f"{file.name}: expected {what} as text in UTF-8, got something else; save it as UTF-8."
        ) from None
    except tomllib.TOMLDecodeError as error:
        hint = "; write paths with /, or in single quotes" if "\\" in text else ""
        raise GridError(f"{file.name}: expected {what} in TOML; {str(error).lower()}{hint}.") from None


def make_settings(values: Mapping[str, Any], base: Path, *, what: str = "settings") -> Settings:
    """Check settings and fill in the defaults.

    Raises
    ------
    GridError
        If anything is unknown, of another kind, or missing.
    """
    faults = _faults(values)
    sections = {name: {**DEFAULTS[name], **(values.get(name) or {})} for name in DEFAULTS if name not in faults}
    if not faults:
        faults = {**_missing(sections), **_out_of_range(sections)}
    if faults:
        raise GridError(f"{what}: " + "; ".join(faults.values()) + ".")
    if needs_households(sections["divide"]):
        sections["inputs"].setdefault("buildings_households", HOUSEHOLDS)
    sections["divide"] = with_band(sections["divide"])
    return Settings(sections, base)


def _faults(values: Mapping[str, Any]) -> dict[str, str]:
    """Everything unknown or of another kind, by place."""
    faults = {}
    for section, keys in values.items():
        if section not in KINDS:
            faults[section] = f"unknown section [{section}] (there are: {listed(KINDS, 12)})"
            continue
        if not isinstance(keys, Mapping):
            faults[section] = f"{section} should be a section: [{section}]"
            continue
        for key, value in keys.items():
            kinds = KINDS[section].get(key)
            if kinds is None:
                faults[f"{section}.{key}"] = (
                    f"unknown key {key} in [{section}] (there are: {listed(KINDS[section], 40)})"
                )
            elif not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
                wanted = " or ".join(_KIND_NAMES[kind] for kind in kinds if kind is not int or float not in kinds)
                faults[f"{section}.{key}"] = f"{key} in [{section}]: expected {wanted}, got {value!r}"
    return faults


_KIND_NAMES = {
    **{str: "text", int: "a whole number", float: "a number"},
    **{list: "a list", bool: "true or false", dict: "a table"},
}


def _missing(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What the settings lack together."""
    inputs = sections["inputs"]
    faults = {}
    if "areas" not in inputs:
        faults["areas"] = "[inputs] needs areas, the file of the parents"
    if "buildings" not in inputs and "grid" not in inputs:
        faults["buildings"] = "[inputs] needs buildings to divide, or a grid that is there already"
    table_of_points = str(inputs.get("events", "")).lower().endswith((".csv", ".tsv", ".txt", ".xlsx", ".xlsm"))
    if table_of_points and not {"events_x", "events_y", "events_crs"} <= set(inputs):
        faults["events"] = "[inputs] needs events_x, events_y and events_crs for a table of events"
    unused = sorted({"dedicated", "fixed", "previous"} & set(inputs))
    if "grid" in inputs and unused:
        faults["grid"] = (
            f"[inputs] names a grid that is there already, so that nothing is divided; leave out {listed(unused)}, or "
            "name the grid in force as previous, not as grid"
        )
    unknown = sorted(set(map(str, sections["check"]["allow"])) - set(RULES))
    if unknown:
        faults["allow"] = f"allow in [check]: unknown rules {listed(unknown)} (there are: {listed(RULES, 20)})"
    return faults


def _out_of_range(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Values that are of the right kind and still cannot be."""
    rules: list[tuple[str, str, Callable[[Any], bool], str]] = [
        ("locate", "near_m", lambda metres: 0 < metres <= MOST_M, f"a number of metres above 0, up to {MOST_M:,.0f}"),
        ("publish", "hide_below", lambda limit: limit >= 2, "a whole number of 2 or more"),
        ("locate", "keep", _is_texts, "a list of names of columns"),
        ("maps", "allow", _is_texts, "a list of texts that may stand in the maps"),
        ("publish", "zeros", lambda zeros: zeros in ("shown", "protected"), "'shown' or 'protected'"),
        ("publish", "parts", _are_parts, "for each count a list of columns, such as {count = ['count_a']}"),
        ("publish", "secret_file", bool, "the name of a file"),
        ("publish", "measures", _is_texts, "a list of names of columns"),
        ("publish", "levels", _are_levels, "a list of names of columns, or of numbers of leading characters"),
        ("publish", "round_to", lambda base: base >= 3, "a whole number of 3 or more"),
        ("publish", "as_of", is_date, "a date in the form YYYY-MM-DD, such as 2026-06-30"),
        ("publish", "ledger", bool, "the name of a file"),
        ("publish", "notes", _is_texts, "a list of texts"),
        ("maps", "lang", lambda lang: lang in ("en", "zh"), "'en' or 'zh'"),
        ("output", "folder", bool, "the name of a folder"),
        *(("inputs", name, bool, "the name of a file") for name in FILES),
    ]
    faults = {}
    for section, key, fits, wanted in rules:
        value = sections[section].get(key)
        if value is not None and not fits(value):
            faults[f"{section}.{key}"] = f"{key} in [{section}]: expected {wanted}, got {value!r}"
    wrong = division_faults(sections["divide"], previous="previous" in sections["inputs"])
    faults |= {f"divide.{key}": f"{key} in [divide]: {fault}" for key, fault in wrong.items()}
    try:
        scheme_of(sections["codes"]["scheme"])
    except GridError as error:
        faults["codes.scheme"] = f"[codes]: {str(error).rstrip('.')}"
    return faults


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_band(value: Sequence[Any], least: int = 1) -> bool:
    whole = len(value) == 2 and all(map(_is_whole, value))
    return whole and least <= value[0] <= value[1] <= MOST and value[1] > 0


def _are_counts(value: Any) -> bool:
    """One number of cells, or more and more of them, level by level."""
    counts = value if isinstance(value, list) else [value]
    whole = bool(counts) and all(map(_is_whole, counts))
    return whole and counts[0] >= 1 and counts[-1] <= MOST and counts == sorted(set(counts))


def _are_levels(value: list[Any]) -> bool:
    return all(isinstance(level, str) or _is_whole(level) for level in value)


def _are_parts(value: dict[str, Any]) -> bool:
    return all(isinstance(names, list) and _is_texts(names) for names in value.values())


def _is_texts(value: list[Any]) -> bool:
    return all(isinstance(text, str) for text in value)
