"""`cubic`: the placements of the max token that decide, at either end of its attention; every class against the truth."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from rules.separable_cases import noisy
from soundness.small_models import Shape, Tensors, safetensors_bytes
from soundness.subcubic_steps import apply, context, network_of, table_model
from soundness.truth import ground_truth, read_tensors

from proofcheck.rules.attention_only.facts import ProvedClasses


def classes(shape: Shape, tensors: Tensors, backend: str = "fast") -> ProvedClasses:
    where = context(shape, tensors, backend)
    fact: ProvedClasses = apply(where, "cubic", (apply(where, "path-expansion"),))
    return fact


def uneven(harm: float) -> tuple[Shape, Tensors]:
    """Max of 3, 3 tokens, position 1 weighs 20 times as much as the others. Attention a to token 2 under query 2 gives output 2
    6 − 8·a (harm = 1: right iff a < ¾), or −6 + 8·a (harm = −1: right iff a > ¾); the other outputs get nothing.
    """
    EQKP = np.zeros((3, 3))
    EQKP[:, 1] = np.log(20) * np.sqrt(2 * 3 + 3)
    EVOU, PVOU = np.zeros((3, 3)), np.zeros((3, 3))
    EVOU[2, 2], PVOU[:, 2] = -8 * harm, 6 * harm
    return network_of(np.zeros((3, 3)), EQKP, EVOU, PVOU, np.zeros((3, 3)))


@pytest.mark.parametrize("backend", ["fast", "arb"])
@pytest.mark.parametrize("harm", [1.0, -1.0])
def test_both_placements_of_the_other_token_are_considered(harm: float, backend: str) -> None:
    shape, tensors = uneven(harm)
    answers = ground_truth(read_tensors(safetensors_bytes(tensors))).answers
    weak, strong = answers[0, 2, 2], answers[2, 0, 2]  # the other token in a weak and in the strong position
    assert (weak, strong) == ((False, True) if harm > 0 else (True, False))
    fact = classes(shape, tensors, backend)
    assert fact.choices[2][2][1] == 0  # no token is right in both
    both = [answers[0, 0, 2], answers[0, 1, 2], answers[1, 1, 2]]
    assert fact.choices[2][2][2] == (2 if all(both) else 0)
    assert fact.choices[2][2][0] == (0 if answers[2, 2, 2] else -1)


@pytest.mark.parametrize("k", range(24))
def test_every_sequence_of_a_proved_class_is_right(k: int) -> None:
    """The tokens of a class are not named by the fact: its number is at most that of the tokens that are right wherever they stand."""
    if k % 2:
        shape, tensors = table_model((2, 3, 4)[k % 3], 3 + k % 2, k, biases=k % 4 == 1, opposed=k % 3 == 0)
    else:
        shape = (Shape(1, 4), Shape(2, 5), Shape(3, 4), Shape(4, 3))[k // 2 % 4]
        tensors = noisy(shape, k, 0.3)
    fact = classes(shape, tensors)
    answers = ground_truth(read_tensors(safetensors_bytes(tensors))).answers
    n, d = shape.n_ctx, shape.d_vocab
    proved = 0
    for q, m, c in product(range(d), range(d), range(n)):
        size = fact.choices[q][m][c]
        if q > m:
            assert size == -1
        if size < 0 or (c == 0 and n > 1 and q < m and not answers.get((m,) * (n - 1) + (q,))):
            assert size < 0
            continue
        good = [k for k in range(m) if all(right for x, right in answers.items() if _alone(x, q, m, c, k))]
        assert size <= len(good)
        proved += 1
    assert proved > 0


def _alone(x: tuple[int, ...], q: int, m: int, c: int, k: int) -> bool:
    """x has query q, maximum m and c other tokens before the query, all of them k."""
    others = [t for t in x[:-1] if t != m]
    return x[-1] == q and max(x) == m and len(others) == c and set(others) <= {k}
