"""Measured growth of the separable rules: exponents of operations and of processor time in n_ctx, d_vocab and d_model.

    python tests/benchmarks/separable_growth.py

Noisy hand-made networks, every block listed with 256 bins, all open rivals in one group. Each exponent is the slope of a least-squares line
through (log size, log cost); the operations of the path expansion, where d_model enters, are counted as a rule of their own.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

from rules.separable_cases import NO_GROUPS, applied, blocks, context, noisy
from soundness.small_models import Shape

BASE = Shape(6, 32, 32, 32)
SIZES = {"n_ctx": (4, 6, 8, 12, 16), "d_vocab": (24, 32, 48, 64, 96), "d_model": (16, 32, 64, 128)}
RULES = ("path-expansion", "separable-minimum", "separable-early-maximum", "separable-counting")


def measure(shape: Shape) -> dict[str, tuple[int, float]]:
    """rule -> (operations, seconds)."""
    rows = blocks(shape.d_vocab, 256)
    hints = {
        "path-expansion": {},
        "separable-minimum": {"refined": 10**6},
        "separable-early-maximum": {"blocks": rows, "additions": 10**12},
        "separable-counting": {"blocks": rows, "groups": NO_GROUPS, "additions": 10**12},
    }
    found = {}
    for rule in RULES:
        where = context(shape, noisy(shape, 0))
        if rule != "path-expansion":
            where.model.path_tables()
        start = process_time()
        _, operations, _ = applied(where, rule, hints[rule])
        found[rule] = (operations, process_time() - start)
    return found


def main() -> None:
    """Print one table."""
    print(f"{'rule':26}{'size':>9}{'operations':>12}{'seconds':>9}   largest: operations, seconds")
    for axis, sizes in SIZES.items():
        costs = [measure(Shape(**{**{name: getattr(BASE, name) for name in BASE.__dataclass_fields__}, axis: size})) for size in sizes]
        for rule in RULES:
            counts, seconds = zip(*(cost[rule] for cost in costs), strict=True)
            slopes = [np.polyfit(np.log(sizes), np.log(values), 1)[0] for values in (counts, seconds)]
            print(f"{rule:26}{axis:>9}{slopes[0]:12.2f}{slopes[1]:9.2f}   {counts[-1]:.3g}, {seconds[-1]:.3g} s")


if __name__ == "__main__":
    main()
