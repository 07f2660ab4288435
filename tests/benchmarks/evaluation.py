"""Rigorous evaluation beside torch's forward pass of the same inputs: CPU time, one thread, paired, medians of ratios.

    python tests/benchmarks/evaluation.py [--inputs N] [--rounds R] [NAME …]

rigorous: inputs listed, evaluated by Theorem E, decided, as rule `evaluation` does; its preparation of the weights included.
torch: `strategies.networks.network.logits` in chunks of 4,096 inputs, and the largest logit, without listing.
For each network both run R times in turn on its first N inputs.
"""

# ruff: noqa: E402

from __future__ import annotations

import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before numpy and torch

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parents[2]))

from proofcheck.arithmetic import Arithmetic, exclusive_precision
from proofcheck.limits import Limits
from proofcheck.memo import Memo
from proofcheck.models import decode_weights
from proofcheck.models.transformer import TRANSFORMER
from proofcheck.rules.counting.evaluation import MOST_AT_ONCE, batches, decide
from proofcheck.rules.rule import Context
from strategies.networks.network import logits
from strategies.networks.recipes import RECIPES

MODELS = Path(__file__).parents[2] / "certificates" / "models" / "networks"
CHUNK = 4_096


def seconds(work: Callable[[], object]) -> float:
    start = process_time()
    work()
    return process_time() - start


def compare(name: str, most: int, rounds: int) -> str:
    """One row of the table."""
    recipe, path = RECIPES[name], MODELS / f"{name}-seed-0.safetensors"
    task, dimensions, options = recipe.task(), recipe.network.dimensions, recipe.network.read_options()
    weights = decode_weights(path.read_bytes(), TRANSFORMER.tensors(dimensions, options), Limits())
    network = TRANSFORMER.build(dimensions, options, weights)
    context = Context(network, task, Arithmetic("fast", 128), Limits(), Memo())
    undecided = counted = 0

    def rigorous() -> None:
        nonlocal undecided, counted
        undecided = counted = 0
        evaluate = network.evaluator(Arithmetic("fast", 128))
        for piece in task.pieces(MOST_AT_ONCE, 1 << 30):
            for tokens, answers in batches(context, piece):
                if counted >= most:
                    return
                right, wrong = decide(evaluate(tokens), answers)
                undecided += int((~(right | wrong)).sum())
                counted += len(answers)

    with exclusive_precision():
        rigorous()
        inputs = []
        for tokens, _ in task.batches(MOST_AT_ONCE):
            if sum(map(len, inputs)) >= counted:
                break
            inputs.append(tokens)
        words = torch.from_numpy(np.concatenate(inputs)[:counted])
        tensors = load_file(str(path))
        forms = {dtype: {key: tensor.to(dtype) for key, tensor in tensors.items()} for dtype in (torch.float64, torch.float32)}

        def forward(dtype: torch.dtype) -> None:
            with torch.no_grad():
                for chunk in words.split(CHUNK):
                    logits(recipe.network, forms[dtype], chunk).max(dim=1)

        times = [(seconds(rigorous), *(seconds(lambda d=dtype: forward(d)) for dtype in forms)) for _ in range(rounds)]  # type: ignore[misc]
    each = [1e6 * median(column) / counted for column in zip(*times, strict=True)]
    double, single = (median(row[0] / row[k] for row in times) for k in (1, 2))
    return f"| {name} | {counted:,} | {each[0]:.2f} | {each[1]:.2f} | {each[2]:.2f} | {double:.2f} | {single:.2f} | {undecided} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="recipes; default: all that are shipped")
    parser.add_argument("--inputs", type=int, default=65_536, metavar="N", help="inputs of each network, at most (default 65536)")
    parser.add_argument("--rounds", type=int, default=5, metavar="R", help="paired runs (default 5)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| network | inputs | rigorous, µs | float64, µs | float32, µs | rigorous/float64 | rigorous/float32 | undecided |")
    print("|---|---|---|---|---|---|---|---|")
    for name in options.names or sorted(RECIPES):
        if (MODELS / f"{name}-seed-0.safetensors").exists():
            print(compare(name, options.inputs, options.rounds), flush=True)


if __name__ == "__main__":
    main()
