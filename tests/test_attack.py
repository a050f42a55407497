"""An attacker that shares no code with the package, and reads only what `publish` lets out, finds nothing.

The whole of it is ``scripts/bench/attack.py``; here are small parts of it with fixed seeds.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts" / "bench"))

from attacker import reader, tables


def every_table(piece, most):
    """All tables of whole numbers that agree with the sums, by trying all of them."""
    ranges = [range(int(low), most + 1) for low in piece.low]
    tried = np.array(list(itertools.product(*ranges)), float)
    return tried[(np.abs(tried @ piece.equations.toarray().T - piece.right) < 0.5).all(axis=1)]


@pytest.mark.parametrize("seed", range(60))
def test_the_attacker_finds_what_trying_every_table_finds(seed):
    rng = np.random.default_rng(seed)
    unknown, sums, most, width = int(rng.integers(2, 6)), int(rng.integers(1, 5)), 7, int(rng.integers(2, 5))
    truth = rng.integers(1, 4, unknown).astype(float)
    matrix = rng.choice([0, 0, 1, 1, -1, 2], (sums, unknown)).astype(float)
    matrix = np.vstack([matrix, np.ones(unknown)])  # so that every number has an upper end
    low = rng.integers(0, 2, unknown).astype(float)
    piece = reader.Problem(csr_array(matrix), matrix @ truth, low, np.full(unknown, float(width)), truth)
    found = reader.attack(piece)
    agree = every_table(piece, int(truth.sum()))
    broken = (np.ptp(agree, axis=0) < width) | (agree.max(axis=0) < width)
    assert found.broken.tolist() == broken.tolist(), most
    assert (found.low[broken] == agree.min(axis=0)[broken]).all()
    assert (found.high[broken] == agree.max(axis=0)[broken]).all()
