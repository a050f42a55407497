"""The one compiled part: optional, so that a machine without a compiler still installs everything else."""

from setuptools import Extension, setup

LIMITED_API = "0x030B0000"

setup(
    ext_modules=[
        Extension(
            "gridgis._core",
            ["src/gridgis/_core.c"],
            define_macros=[("Py_LIMITED_API", LIMITED_API)],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
