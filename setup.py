"""The one compiled part: optional, so that a machine without a compiler still installs everything else."""

import os

from setuptools import Extension, setup

LIMITED_API = "0x030B0000"
FLAGS = ["/O2", "/fp:precise"] if os.name == "nt" else ["-O3", "-ffp-contract=off"]
"""Exact signs need every double rounded by itself: no multiplication and addition in one."""

setup(
    ext_modules=[
        Extension(
            "gridgis._core",
            ["src/gridgis/_core.c", "src/gridgis/_index.c", "src/gridgis/_pack.c", "src/gridgis/_flows.c"],
            depends=["src/gridgis/_core.h"],
            define_macros=[("Py_LIMITED_API", LIMITED_API)],
            extra_compile_args=FLAGS,
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
