"""A structure-aware mutator: one change to the document, the hints, the steps, the text or the weights of a certificate that verifies.

Every operator takes a random generator, a seed and the other seeds of the same model, and returns (text, weights), or None where it does
not apply. `OPERATORS` holds them all by name; `mutate` draws one.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from soundness import mutations_of_hints, mutations_of_json, mutations_of_liars, mutations_of_steps, mutations_of_weights
from soundness.mutation_judge import Mutant
from soundness.mutation_seeds import Seed
from soundness.mutation_sites import Changed, Operator

_ATTEMPTS = 400
_KEEP_JSON = {**mutations_of_hints.OPERATORS, **mutations_of_steps.OPERATORS, **mutations_of_liars.OPERATORS}
_SINGLE = {**mutations_of_json.OPERATORS, **mutations_of_weights.OPERATORS, **_KEEP_JSON}


def two_changes(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """A change of hints or steps or a lie, then another."""
    first = generator.choice(list(_KEEP_JSON.values()))(generator, seed, pool)
    if first is None:
        return None
    try:
        return generator.choice(list(_KEEP_JSON.values()))(generator, replace(seed, text=first[0], weights=first[1]), pool)
    except (ArithmeticError, IndexError, KeyError, StopIteration, TypeError, ValueError):
        return None  # the first change left nothing for the second


OPERATORS: Mapping[str, Operator] = {**_SINGLE, "two changes": two_changes}


def mutate(generator: random.Random, corpus: Sequence[Seed], kind: str) -> Mutant | None:
    """One mutant of this kind of a random seed; None if the kind applied to none of the seeds that were tried."""
    for _ in range(_ATTEMPTS):
        seed = generator.choice(corpus)
        pool = [other for other in corpus if other.model == seed.model]
        changed = OPERATORS[kind](generator, seed, pool)
        if changed is not None and changed != (seed.text, seed.weights):
            return Mutant(kind, seed, *changed)
    return None
