"""Mutants of `evaluation` certificates of both architectures and every task, judged by the second checker.

    python -m tests.soundness.mutate_evaluation --count 5000 --seed 0

A mutant must be VERIFIED by both checkers or by neither, with counts that both allow, for its claim and for what proofcheck proved before a
refusal. Where a file has several faults the two may name different ones. Exit status 1 on any difference.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from tests.shipped import shipped as shipped_in
from tests.shipped import stem_of, text_of

sys.path.append(str(Path(__file__).parents[1]))  # as tests/conftest.py does
sys.path.append(str(Path(__file__).parents[2]))

from soundness import mutations_of_json, mutations_of_steps, mutations_of_tasks, mutations_of_weights
from soundness.mutation_seeds import WEIGHTS_FILE, Seed
from soundness.mutation_sites import Operator, render

import proofcheck
from tests.second_checker.both import Comparison, compare
from tests.second_checker.random_evaluations import drawn

CERTIFICATES = Path(__file__).parents[2] / "certificates"
ATTEMPTS = 100
OPERATORS: dict[str, Operator] = {
    **mutations_of_json.OPERATORS,
    **mutations_of_steps.OPERATORS,
    **mutations_of_weights.OPERATORS,
    **mutations_of_tasks.OPERATORS,
}


@dataclass(frozen=True)
class Judged:
    """One mutant and what both checkers said. wrong: they differ in a way that is no matter of several faults."""

    kind: str
    seed: Seed
    text: bytes
    weights: bytes
    comparison: Comparison

    @property
    def verified(self) -> bool:
        return self.comparison.first[0] == "VERIFIED"

    @property
    def wrong(self) -> bool:
        """One verifies and the other does not, or a number is outside its bounds."""
        found = self.comparison
        if found.agree:
            return False
        return bool(found.outside) or "VERIFIED" in (found.first[0], found.second[0])


def shipped() -> Iterator[Seed]:
    """The `evaluation` certificates of the corpus."""
    for path in shipped_in("accept"):
        name, _, strategy = stem_of(path).partition("--")
        if strategy == "evaluation":
            weights = (CERTIFICATES / "models" / f"{name}.safetensors").read_bytes()
            text = text_of(path).replace(f"../models/{name}.safetensors".encode(), WEIGHTS_FILE.encode())
            yield Seed(name, "evaluation", text, weights, proofcheck.verify(path).proved)


def random_seeds(folder: Path, count: int) -> Iterator[Seed]:
    """Certificates about random networks, each claiming what it proves. The operators know no bfloat16."""
    for k in range(count):
        for i, (document, _) in enumerate(drawn(folder, k)):
            weights = (folder / document["model"]["weights"]["file"]).read_bytes()  # type: ignore[index]
            if b'"BF16"' in weights:
                continue
            document["model"]["weights"]["file"] = WEIGHTS_FILE  # type: ignore[index]
            path = folder / "draft.json"
            path.write_bytes(render(document))
            (folder / WEIGHTS_FILE).write_bytes(weights)
            proved = proofcheck.verify(path).proved
            document["claim"]["accuracy_at_least"]["correct"] = proved  # type: ignore[index]
            yield Seed(f"random-{k}-{i // 2}", "evaluation", render(document), weights, proved)


def mutant(generator: random.Random, corpus: list[Seed], kind: str) -> tuple[Seed, bytes, bytes] | None:
    """A random seed, and text and weights of a mutant of it; None if the kind applied to none of those that were tried."""
    for _ in range(ATTEMPTS):
        seed = generator.choice(corpus)
        changed = OPERATORS[kind](generator, seed, [other for other in corpus if other.model == seed.model])
        if changed is not None and changed != (seed.text, seed.weights):
            return seed, *changed
    return None


def mutants(folder: Path, count: int, seed: int, random_networks: int = 8) -> Iterator[Judged]:
    """Judged mutants, the kinds in turn."""
    generator = random.Random(seed)
    corpus = [*shipped(), *random_seeds(folder, random_networks)]
    kinds, made = list(OPERATORS), 0
    while made < count:
        kind = kinds[made % len(kinds)]
        found = mutant(generator, corpus, kind)
        if found is None:
            kinds.remove(kind)  # these short proofs leave no room for it
            continue
        made += 1
        chosen, text, weights = found
        (folder / "certificate.json").write_bytes(text)
        (folder / WEIGHTS_FILE).write_bytes(weights)
        comparison = compare(folder / "certificate.json", backend="arb" if made % 5 == 0 else "fast")
        yield Judged(kind, chosen, text, weights, comparison)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="keep differing mutants in this folder")
    options = parser.parse_args()
    start, tried, verified, codes = perf_counter(), Counter[str](), Counter[str](), Counter[str]()
    wrong = other_code = 0
    with tempfile.TemporaryDirectory() as temporary:
        for judged in mutants(Path(temporary), options.count, options.seed):
            tried[judged.kind] += 1
            verified[judged.kind] += judged.verified
            codes[" ".join(judged.comparison.first).strip()] += 1
            other_code += not judged.comparison.agree and not judged.wrong
            if judged.wrong:
                wrong += 1
                print(f"{judged.kind} of {judged.seed.name}: {judged.comparison}", flush=True)
                if options.keep:
                    folder = options.keep / f"{wrong}"
                    folder.mkdir(parents=True)
                    (folder / "certificate.json").write_bytes(judged.text)
                    (folder / WEIGHTS_FILE).write_bytes(judged.weights)
    for kind, count in tried.items():
        print(f"| {kind} | {count} | {verified[kind]} |")
    print(dict(codes.most_common()))
    print(f"{sum(tried.values())} mutants, {sum(verified.values())} verified by both, {other_code} refused by both for other faults")
    print(f"{wrong} differ; {perf_counter() - start:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
