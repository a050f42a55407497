"""What every test and every docstring example can use."""

import pytest

import gridgis
from gridgis.sample import small_example


@pytest.fixture(autouse=True)
def _names(doctest_namespace):
    doctest_namespace.update({name: getattr(gridgis, name) for name in gridgis.__all__})
    doctest_namespace["gg"] = gridgis
    doctest_namespace["example"] = small_example()
