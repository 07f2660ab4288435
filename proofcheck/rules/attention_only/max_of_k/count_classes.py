"""Rule `count-classes`: from proved classes to proved blocks."""

from __future__ import annotations

import numpy as np

from proofcheck.limits import Limits
from proofcheck.models import Dimensions
from proofcheck.rules.attention_only.facts import ProvedClasses
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.reading import ALL_READINGS
from proofcheck.rules.rule import Cost, MaxOfKContext, Rule


def count_classes(context: MaxOfKContext, classes: ProvedClasses) -> ProvedBlocks:
    """Statement (counting classes). counts[q][m] = Σ_{p : choices[q][m][p] ≥ 0} C(n−1, p) · choices[q][m][p]^p   (0^0 = 1).

    Hypotheses: premise 0 is `ProvedClasses`.
    Hints: none.
    Proof: fix (q, m). For each p a sequence of the class is a choice of which p of the n − 1 non-query positions hold non-max tokens,
    and of a token of the set K for each; K does not contain m, so different choices and different p give different sequences. All are
    correct.  ∎
    Cost: 3·n·d².
    Source: Gross et al. 2024 (both published proofs count so; the sub-cubic one with one choice fewer).
    Machine-checked: docs/proofs/CountClasses.v, count_classes.
    """
    choices = np.array(classes.choices, dtype=np.int64)  # [q, m, p]
    counts = np.zeros(choices.shape[:2], dtype=object)
    for p in range(choices.shape[2]):
        sizes = [0, *(context.task.class_size(p, size) for size in range(int(choices.max()) + 1))]  # first: of what is not proved
        counts += np.array(sizes, dtype=object)[np.maximum(choices[:, :, p], -1) + 1]  # exact integers
    return ProvedBlocks(tuple(map(tuple, counts.tolist())))


def _cost(dimensions: Dimensions, limits: Limits) -> Cost:
    operations = 3 * dimensions.n_ctx * dimensions.d_vocab**2
    return Cost(operations, singles=operations)


RULE = Rule(name="count-classes", apply=count_classes, premises=(ProvedClasses,), cost=_cost, readings=ALL_READINGS)
