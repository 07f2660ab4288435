"""The mean loss of Max-of-K networks from random inputs in float64, and which largest tokens it comes from.

python tests/benchmarks/sampled_loss.py certificates/models/max-of-10-seed-123.safetensors --inputs 400000
python tests/benchmarks/sampled_loss.py certificates/models/max-of-4-seed-123.safetensors --all
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from strategies.losses import float_tables
from strategies.max_of_k.loss_plans import Array, FloatTables

AT_ONCE = 20_000


def losses(tables: FloatTables, x: Array) -> Array:
    """Of sequences [B, n]."""
    n, queries, largest = tables.n_ctx, x[:, -1], x.max(axis=1)
    positions = np.arange(n)[None]
    scores = tables.scores[queries[:, None], positions, x]
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    logits = np.einsum("bi,bio->bo", weights, tables.values[positions, x]) + tables.direct[queries]
    top = logits.max(axis=1)
    return np.asarray(top + np.log(np.exp(logits - top[:, None]).sum(axis=1)) - logits[np.arange(len(x)), largest])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="every input, not a sample")
    options = parser.parse_args()
    tables = float_tables(options.model)
    n, d = tables.n_ctx, tables.d_vocab
    number = d**n if options.all else options.inputs
    rng = np.random.default_rng(options.seed)
    total = squares = largest = 0.0
    by_max, counts = np.zeros(d), np.zeros(d)
    for start in range(0, number, AT_ONCE):
        many = min(AT_ONCE, number - start)
        x = np.stack(np.unravel_index(np.arange(start, start + many), (d,) * n), axis=1) if options.all else rng.integers(0, d, (many, n))
        found = losses(tables, x)
        total, squares, largest = total + found.sum(), squares + (found**2).sum(), max(largest, float(found.max()))
        by_max += np.bincount(x.max(axis=1), weights=found, minlength=d)
        counts += np.bincount(x.max(axis=1), minlength=d)
    mean = total / number
    print(f"mean loss {mean:.9f}, standard error {np.sqrt(max(squares / number - mean**2, 0) / number):.6f}, largest {largest:.6f}")
    for low in range(0, d, max(1, d // 8)):
        part = slice(low, low + max(1, d // 8))
        share, inputs = by_max[part].sum() / number, counts[part].sum() / number
        print(f"largest token {low:3} to {low + max(1, d // 8) - 1:3}: {inputs:.6f} of the inputs, {share:.7f} of the mean")


if __name__ == "__main__":
    main()
