"""The compiled kernels, where this installation has them.

Each kernel has a twin in NumPy with the same answers, so nothing needs a compiler. ``GRIDGIS_CORE=off`` in the
environment leaves the kernels aside.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from importlib import import_module
from typing import Any

core: Any = None
if os.environ.get("GRIDGIS_CORE") != "off":
    with suppress(ImportError):
        core = import_module("gridgis._core")
"""The module of the kernels, None where there is none. Users look it up here at each call: `compiled.core`."""

_told = False


def state() -> str:
    """Say in a few words whether the core is at work.

    Examples
    --------
    >>> state() in ("built", "not built: slower, the same answers", "switched off by GRIDGIS_CORE=off")
    True
    """
    if core is not None:
        return "built"
    if os.environ.get("GRIDGIS_CORE") == "off":
        return "switched off by GRIDGIS_CORE=off"
    return "not built: slower, the same answers"


def note_absence(work: int, large: int) -> None:
    """Log, once in a process, that the core is missing, where the work is large enough to feel it."""
    global _told
    if core is None and work >= large and not _told and os.environ.get("GRIDGIS_CORE") != "off":
        _told = True
        logging.getLogger("gridgis").warning(
            "gridgis: the compiled core is missing, so this takes longer; the answers are the same. To have it, "
            "install a C compiler, then gridgis again."
        )
