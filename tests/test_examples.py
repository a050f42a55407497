"""Every example in a docstring is run, on the package as it is installed."""

import doctest
import importlib
import pkgutil

import pytest

import gridgis
from gridgis.sample import small_example

OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
NAMES = {name: getattr(gridgis, name) for name in gridgis.__all__} | {"gg": gridgis, "example": small_example()}


def _examples():
    for module in pkgutil.walk_packages(gridgis.__path__, "gridgis."):
        if module.name not in ("gridgis.__main__", "gridgis._core"):
            home = importlib.import_module(module.name)
            found = doctest.DocTestFinder().find(home, extraglobs=NAMES)
            yield from (pytest.param(test, id=test.name) for test in found if test.examples)


@pytest.mark.parametrize("example", list(_examples()))
def test_an_example_says_what_comes_out(example, capsys):
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    runner.run(example)
    assert runner.failures == 0, capsys.readouterr().out
