"""Compare proofcheck with the second checker at length: python -m tests.second_checker.compare [--models N] [--budget OPERATIONS] [CERT…]

Without certificates: random small models, every registered strategy on each, with searched and with random hints.
Exit status 1 on any disagreement.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.second_checker.both import Comparison, compare
from tests.second_checker.drafts import write_certificate
from tests.second_checker.random_models import write_model


def random_comparisons(folder: Path, seeds: range, names: list[str] | None = None, backend: str = "fast") -> Iterator[Comparison]:
    """For each seed one model; for each strategy one certificate with searched hints and one with random hints."""
    from strategies.max_of_k.registry import STRATEGIES
    from strategies.max_of_k.strategy import Problem

    for seed in seeds:
        weights = folder / f"model-{seed}.safetensors"
        write_model(weights, seed)
        problem = Problem(weights)
        rng = random.Random(seed)
        for strategy in names or STRATEGIES:
            for hints in (None, rng):
                path = folder / f"model-{seed}--{strategy}{'--random-hints' if hints else ''}.json"
                write_certificate(problem, strategy, path, hints)
                yield compare(path, backend=backend)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("certificates", nargs="*", type=Path)
    parser.add_argument("--models", type=int, default=30)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--budget", type=int, default=20_000_000, help="interval operations for one step")
    parser.add_argument("--backend", default="fast", choices=("fast", "arb"))
    parser.add_argument("--strategy", action="append", help="only these strategies")
    parser.add_argument("--keep", type=Path, help="folder for the random certificates")
    arguments = parser.parse_args()
    start = time.perf_counter()
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        seeds = range(arguments.first, arguments.first + arguments.models)
        comparisons: Iterator[Comparison]
        if arguments.certificates:
            comparisons = (compare(path, arguments.budget, arguments.backend) for path in arguments.certificates)
        else:
            comparisons = random_comparisons(folder, seeds, arguments.strategy, arguments.backend)
        for comparison in comparisons:
            outcomes[
                "too large" if comparison.too_large else "beyond" if comparison.beyond else "agree" if comparison.agree else "DISAGREE"
            ] += 1
            outcomes[" ".join(comparison.second[:2]).strip()] += 1
            outcomes["fast backend weaker"] += comparison.weaker
            if comparison.counted:
                outcomes["counts equal" if comparison.equal else "counts within rounding"] += 1
                outcomes["count above 0"] += comparison.count > 0
            if not comparison.agree:
                print(comparison, flush=True)
    print(dict(outcomes), f"{time.perf_counter() - start:.0f} s")
    return 1 if outcomes["DISAGREE"] else 0


if __name__ == "__main__":
    sys.exit(main())
