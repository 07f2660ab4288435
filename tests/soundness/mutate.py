"""Nightly: thousands of mutants of certificates, every survivor checked against brute force.

    python -m tests.soundness.mutate --count 20000 --seed 0

Prints the tables of docs/reliability.md (after an interruption, of what was tried until then). Exit status 1 if anything is unexplained.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from time import perf_counter

sys.path.append(str(Path(__file__).parents[1]))  # as tests/conftest.py does

from soundness.mutation_judge import Judge, Judgement
from soundness.mutation_seeds import seeds
from soundness.mutator import OPERATORS, mutate


def run(count: int, seed: int, folder: Path, networks: list[str], strategies: list[str], found: list[Judgement]) -> None:
    """Append `count` judged mutants to `found`, the kinds in turn."""
    generator = random.Random(seed)
    corpus = seeds(folder / "seeds", networks, strategies)
    judge = Judge(folder)
    kinds = list(OPERATORS)
    print(f"{len(corpus)} certificates, {len(kinds)} kinds of mutation", file=sys.stderr)
    while len(found) < count:
        kind = kinds[len(found) % len(kinds)]
        mutant = mutate(generator, corpus, kind)
        if mutant is None:
            print(f"{kind} applies to no seed", file=sys.stderr)
            kinds.remove(kind)
            continue
        found.append(judge(mutant))
        if found[-1].unexplained:
            keep(found[-1], folder / f"unexplained-{len(found)}")
        if len(found) % 1_000 == 0:
            print(f"{len(found)} mutants, {sum(j.survived for j in found)} verified", file=sys.stderr, flush=True)


def keep(judgement: Judgement, folder: Path) -> None:
    """Write an unexplained survivor to disk, so that it can be replayed."""
    folder.mkdir()
    (folder / "certificate.json").write_bytes(judgement.mutant.text)
    (folder / "weights.safetensors").write_bytes(judgement.mutant.weights)
    print(f"{judgement.mutant.kind} of {judgement.mutant.seed.name}: {judgement.explanation}: {folder}", file=sys.stderr)


def table(title: str, rows: list[tuple[str, ...]]) -> None:
    """A table in Markdown."""
    head, *rest = rows
    print(f"\n{title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rest:
        print(f"| {' | '.join(row)} |")


def report(found: list[Judgement]) -> None:
    """What was tried, refused and explained."""
    kinds = Counter(j.mutant.kind for j in found)
    survived = Counter(j.mutant.kind for j in found if j.survived)
    rows = [("mutation", "tried", "verified"), *((kind, str(n), str(survived[kind])) for kind, n in kinds.items())]
    table("By kind", [*rows, ("sum", str(len(found)), str(sum(survived.values())))])
    refused = Counter(j.outcome for j in found if not j.survived and not j.unexplained)
    table("Refused", [("reason code", "mutants"), *((code, str(n)) for code, n in refused.most_common())])
    explained = Counter(j.explanation if not j.unexplained else "UNEXPLAINED" for j in found if j.explanation)
    table("Verified, and true by brute force", [("what differs", "mutants"), *((why, str(n)) for why, n in explained.most_common())])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="keep seeds and unexplained mutants here")
    parser.add_argument("--networks", nargs="*", default=[], metavar="NAME", help="mutate certificates about these alone (default: all)")
    parser.add_argument("--strategies", nargs="*", default=[], metavar="NAME", help="mutate certificates of these alone (default: all)")
    options = parser.parse_args()
    found: list[Judgement] = []
    start = perf_counter()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(KeyboardInterrupt):
            run(options.count, options.seed, folder, options.networks, options.strategies, found)
    report(found)
    unexplained = sum(j.unexplained for j in found)
    facts = sum(j.facts for j in found if not j.survived)
    print(f"\n{facts} tables of blocks and classes of refused mutants compared with the truth as well")
    slowest = max(found, key=lambda j: j.seconds)
    print(f"slowest verification: {slowest.seconds:.2f} s of processor time ({slowest.mutant.kind} of {slowest.mutant.seed.name})")
    print(f"{len(found)} mutants in {perf_counter() - start:.0f} s; {unexplained} unexplained")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
