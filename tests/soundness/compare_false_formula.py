"""What the false formula claims and what its repair proves, with the same gap tables. Prints the numbers of docs/findings.md.

python tests/soundness/compare_false_formula.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from tests.shipped import one

sys.path.extend(str(Path(__file__).parents[k]) for k in (1, 2))

from soundness import published_formulas as published
from soundness.subcubic_attacks import COUNTEREXAMPLES, MODELS
from soundness.subcubic_steps import DIRECT_PATHS, EXACT

import proofcheck

ACCEPT = MODELS.parent / "accept"
FORMULAS = ("OFF", "published", "chord")


def counterexamples() -> None:
    """Published count of every direct path, all gaps 1, exact QK circuit."""
    gaps = np.ones((8, 8, 2), dtype=np.int64)
    print("counterexamples, 12 of 64 right; published count (m - g)^p and tight count (m - g + 1)^p of each formula, all gaps 1")
    for name in COUNTEREXAMPLES:
        t = published.tables(load_file(MODELS / f"{name}.safetensors"))
        for rule in DIRECT_PATHS:
            direct = rule.removeprefix("direct-path-")
            found = [published.margins(t, direct, EXACT.removeprefix("qk-error-"), gaps, kind, t.E_q.mean(axis=0)) for kind in FORMULAS]
            counts = [
                f"{kind} {published.count(x, gaps, 2)}/{published.count(x, gaps, 2, 1)}" for kind, x in zip(FORMULAS, found, strict=True)
            ]
            print(f"  {name:40} {direct:24} {'  '.join(counts)}")


def reference_model() -> None:
    """Counts of the formulas on the gap tables of the certificates for the reference model, exact QK circuit."""
    t = published.tables(load_file(MODELS / "max-of-4-seed-123.safetensors"))
    print("max-of-4-seed-123, exact QK circuit, gap tables of the certificates: published counts")
    for direct in ("max-diff-exact", "global-max-diff-exact", "mean-query+max-diff", "max-diff"):
        decoded = proofcheck.load(one("accept", f"max-of-4-seed-123--subcubic--{direct}--mean-query+diff--exact-EQKE+max-diff-exact"))
        gaps = next(step.hints["gaps"] for step in decoded.steps if step.rule == "attention-bounds")
        assert isinstance(gaps, np.ndarray)
        off, false, chord = (published.margins(t, direct, "exact-EQKE+max-diff-exact", gaps, kind) for kind in FORMULAS)
        counts = [published.count(found, gaps, 4) for found in (off, false, chord)]
        only = sum(false[cell] < 0 <= chord[cell] for cell in false)
        print(f"  {direct:22} OFF {counts[0]:8}  published {counts[1]:8}  chord {counts[2]:8}  only the false one {only} of {len(false)}")


if __name__ == "__main__":
    counterexamples()
    reference_model()
