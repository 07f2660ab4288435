"""How much of what is not proved in stages can be broken: docs/findings.md. It proves nothing.

    python tests/benchmarks/float_attack.py MODEL FORMAT … [--sequences 80]

Random sequences (seed 0) that are right over the reals and not proved in a format; for each, and its three nearest rivals, an evaluation
that conforms to docs/semantics-float.md whose roundings are set against the derivative of the margin, again and again
(tests/soundness/stage_cases.py). Printed: how many of them an evaluation answers wrongly.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from soundness.stage_cases import SHORT, StagesRun, worst_margins  # noqa: E402

from strategies.max_of_k.separable_terms import FloatTerms  # noqa: E402
from strategies.max_of_k.strategy import Problem  # noqa: E402
from tests.benchmarks.float_runs import logits_of, margins, proved, run_of  # noqa: E402

RIVALS, STEPS, BATCH = 3, 7, 40


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("formats", nargs="+", choices=SHORT)
    parser.add_argument("--sequences", type=int, default=80)
    options = parser.parse_args()
    torch.set_num_threads(1)
    problem, tensors, rng = Problem(options.model), load_file(options.model), np.random.default_rng(0)
    terms, sizes = FloatTerms(problem.model), problem.dimensions
    for name in options.formats:
        run = run_of(problem, name)
        widened, kept = replace(problem, run=run).float_terms(), []
        while sum(map(len, kept)) < options.sequences:
            drawn = rng.integers(0, sizes.d_vocab, (1 << 15, sizes.n_ctx))
            kept.append(drawn[(margins(terms, drawn) > 0) & ~proved(widened, drawn)[0]])
        x = np.concatenate(kept)[: options.sequences]
        logits = logits_of(terms, x)
        logits[np.arange(len(x)), x.max(axis=1)] = -np.inf
        rivals, least = np.argsort(-logits, axis=1), np.full(len(x), np.inf)
        for column in rivals.T[:RIVALS]:
            for start in range(0, len(x), BATCH):
                part = slice(start, start + BATCH)
                found = worst_margins(tensors, StagesRun(name, run.roundings), x[part], column[part], STEPS)
                least[part] = np.minimum(least[part], found.numpy())
        print(
            f"{name}: {int((least <= 0).sum())} of {len(x)} sequences that are right and not proved are answered wrongly by some evaluation"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
