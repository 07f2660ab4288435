"""Compare proofcheck with the second checker at length: python -m tests.second_checker.compare [--models N] [--budget OPERATIONS] [CERT…]

Without certificates: random small models; on each the searching strategies, and every rule with random hints; then mid-size models
(n_ctx = 4, d_vocab 16 … 24) with the separable strategies. Each certificate claims 0, then what is proved, then one more.
Exit status 1 on any disagreement.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import chain, product
from pathlib import Path

import proofcheck
from proofcheck.rules.reading import BINARY32, BINARY64, FORMATS, FloatRun
from strategies.emit import with_float_tables
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem
from tests.second_checker.both import Comparison, compare, compare_claims
from tests.second_checker.drafts import write_certificate, write_random_separable, write_random_windows, write_subcubic, write_thinned
from tests.second_checker.random_evaluations import evaluations, refusals
from tests.second_checker.random_models import write_mid_size_model, write_model
from tests.second_checker.random_transformers import refused_transformers, transformers
from tests.second_checker.rules import DIRECT_PATHS, MARGINS, QK_ERRORS


def random_comparisons(
    folder: Path, seeds: range, strategies: list[str], backend: str = "fast", *, margins: bool = False
) -> Iterator[Comparison]:
    """For each seed one model, and on it: the named strategies with their searched hints, the 100 sub-cubic ones and the separable rules
    with random hints. Each certificate with three claims: 0, what is proved, one more. margins: the claims are about a margin."""
    for seed in seeds:
        weights = folder / f"model-{seed}.safetensors"
        write_model(weights, seed)
        rng = random.Random(seed)
        problem = Problem(weights, margin=random_margin(random.Random(seed)) if margins else Fraction(0))
        for strategy in strategies:
            path = folder / f"model-{seed}--{strategy}.json"
            write_certificate(problem, strategy, path)
            yield from compare_claims(path, backend=backend)
        for names in product(DIRECT_PATHS, MARGINS, QK_ERRORS):
            path = folder / f"model-{seed}--{'--'.join(names)}.json"
            write_subcubic(problem, names, path, rng)
            yield from compare_claims(path, backend=backend)
        for repeat in range(5):
            path = folder / f"model-{seed}--separable-{repeat}.json"
            write_random_separable(problem, path, rng)
            yield from compare_claims(path, backend=backend)
        for repeat in range(5):
            path = folder / f"model-{seed}--windows-{repeat}.json"
            write_random_windows(problem, path, rng)
            yield from compare_claims(path, backend=backend)


SEPARABLE_OR_ALL = ("brute-force", "separable-minimum", "separable-early-maximum", "separable-counting", "exact")


def float_comparisons(folder: Path, seeds: range, backend: str = "fast") -> Iterator[Comparison]:
    """Claims about float evaluations: strategies, and the separable rules with random hints; some with assumptions that are refused."""
    for seed in seeds:
        weights, rng = folder / f"model-{seed}.safetensors", random.Random(seed)
        write_model(weights, seed)
        kind = rng.choice((BINARY32, BINARY64, *FORMATS.values()))
        roundings, tau = (
            rng.choice((20, 40, 60, 200, 100_000)),
            rng.choice((Fraction(0), Fraction(1, 2**13), Fraction(1, 3), Fraction(3, 4))),
        )
        problem = Problem(weights, run=FloatRun(kind, roundings, tau, rng.choice((0, 8, 1000))))
        for strategy in SEPARABLE_OR_ALL:
            path = folder / f"floats-{seed}--{strategy}.json"
            write_certificate(problem, strategy, path)
            yield from compare_claims(path, backend=backend)
        for repeat in range(5):
            path = folder / f"floats-{seed}--separable-{repeat}.json"
            write_random_separable(problem, path, rng)
            found = proofcheck.decode_certificate(path.read_bytes(), proofcheck.Limits())
            steps = tuple(step for step in found.steps if step.rule not in ("float-tables", "float-stages"))
            path.write_bytes(proofcheck.encode_certificate(replace(found, steps=with_float_tables(steps, problem.run))))
            yield from compare_claims(path, backend=backend)


def random_margin(rng: random.Random) -> Fraction:
    """Short and long, small and large, a multiple of 2^−64 or not."""
    return Fraction(rng.randint(1, 40), rng.choice((1, 3, 8, 10, 1000, 2**70, 10**30)))


def evaluation_comparisons(folder: Path, seeds: range, backend: str = "fast") -> Iterator[Comparison]:
    """Both architectures with random tasks and rule `evaluation`, three claims each; then the same with one thing wrong each."""
    for path in evaluations(folder, seeds):
        yield from compare_claims(path, backend=backend)
    for path in refusals(folder, seeds):
        yield compare(path, backend=backend)


def transformer_comparisons(folder: Path, seeds: range, budget: int, backend: str = "fast") -> Iterator[Comparison]:
    """A random transformer for each seed, three claims each; for every eighth the same with one thing wrong each."""
    for path in transformers(folder, seeds):
        yield from compare_claims(path, budget, backend)
    for path in refused_transformers(folder, seeds[::8]):
        yield compare(path, budget, backend)


MID_SIZE_BUDGET = 10**9
SEPARABLE = ("separable-minimum", "separable-early-maximum", "separable-counting", "exact")


def mid_size_comparisons(
    folder: Path, seeds: range, budget: int, every: int = 1, strategies: Sequence[str] = SEPARABLE, backend: str = "fast"
) -> Iterator[Comparison]:
    """Separable strategies on networks with n_ctx = 4 and d_vocab 16 … 24, with three claims each; every: as in `write_thinned`."""
    for seed in seeds:
        weights = folder / f"mid-size-{seed}.safetensors"
        write_mid_size_model(weights, seed)
        problem = Problem(weights)
        for strategy in strategies:
            path = folder / f"mid-size-{seed}--{strategy}.json"
            if every == 1:
                write_certificate(problem, strategy, path)
            else:
                write_thinned(problem, strategy, path, every)
            yield from compare_claims(path, budget, backend)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("certificates", nargs="*", type=Path)
    parser.add_argument("--models", type=int, default=30)
    parser.add_argument("--mid-size", type=int, default=0, metavar="N", help="N mid-size models too: a minute or more each (default: 0)")
    parser.add_argument("--evaluations", type=int, default=0, metavar="N", help="N networks of each architecture, random tasks")
    parser.add_argument("--transformers", type=int, default=0, metavar="N", help="N transformers, random tasks")
    parser.add_argument("--floats", type=int, default=0, metavar="N", help="N networks with claims about float evaluations too")
    parser.add_argument("--margins", action="store_true", help="random models with claims about a margin instead")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--budget", type=int, default=20_000_000, help="interval operations for one step")
    parser.add_argument("--backend", default="fast", choices=("fast", "arb"))
    parser.add_argument("--strategy", action="append", help="search with these strategies (default: all but the sub-cubic ones)")
    parser.add_argument("--keep", type=Path, help="folder for the random certificates")
    arguments = parser.parse_args()
    start = time.perf_counter()
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        seeds = range(arguments.first, arguments.first + arguments.models)
        comparisons: Iterator[Comparison]
        strategies = arguments.strategy or [name for name in STRATEGIES if not name.startswith("subcubic--")]
        if arguments.certificates:
            comparisons = (compare(path, arguments.budget, arguments.backend) for path in arguments.certificates)
        else:
            mid_size = range(arguments.first, arguments.first + arguments.mid_size)
            evaluated = range(arguments.first, arguments.first + arguments.evaluations)
            drawn = range(arguments.first, arguments.first + arguments.transformers)
            comparisons = chain(
                random_comparisons(folder, seeds, strategies, arguments.backend, margins=arguments.margins),
                evaluation_comparisons(folder, evaluated, arguments.backend),
                transformer_comparisons(folder, drawn, arguments.budget, arguments.backend),
                float_comparisons(folder, range(arguments.first, arguments.first + arguments.floats), arguments.backend),
                mid_size_comparisons(folder, mid_size, max(arguments.budget, MID_SIZE_BUDGET), backend=arguments.backend),
            )
        for comparison in comparisons:
            outcomes[comparison.kind] += 1
            outcomes[" ".join(comparison.second).strip()] += 1
            outcomes["fast backend weaker"] += comparison.weaker
            if comparison.counted:
                outcomes["counts equal" if comparison.equal else "counts within rounding"] += 1
                outcomes["count above 0"] += comparison.count > 0
                for name in comparison.pinned:
                    outcomes[f"{name}: one value allowed"] += 1
            if not comparison.agree:
                print(comparison, flush=True)
    print(dict(outcomes), f"{time.perf_counter() - start:.0f} s")
    return 1 if outcomes["disagree"] else 0


if __name__ == "__main__":
    sys.exit(main())
