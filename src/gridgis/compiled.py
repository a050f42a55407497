"""The compiled kernels, where this installation has them.

Each kernel has a twin in NumPy with the same answers, so nothing needs a compiler. ``GRIDGIS_CORE=off`` in the
environment leaves the kernels aside.
"""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from typing import Any

core: Any = None
if os.environ.get("GRIDGIS_CORE") != "off":
    with suppress(ImportError):
        core = import_module("gridgis._core")
"""The module of the kernels, None where there is none. Users look it up here at each call: `compiled.core`."""
