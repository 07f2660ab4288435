"""separable-minimum, -counting and -early-maximum against ground truth, block by block, on networks that are hard for rounded arithmetic.

Truth is `soundness.truth`: every sequence by an interval forward pass that shares nothing with `proofcheck`. `enumeration` is compared with
it too, so that a gap between a bound and the truth is the bound's.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from soundness.adversarial_models import KINDS, adversarial_model
from soundness.small_models import Shape, safetensors_bytes
from soundness.subcubic_steps import apply
from soundness.truth import Truth, ground_truth, read_tensors

from proofcheck import Dimensions
from proofcheck.arithmetic import Arithmetic
from proofcheck.limits import Limits
from proofcheck.memo import Memo
from proofcheck.models import decode_weights
from proofcheck.models.attention_only import ATTENTION_ONLY, TENSORS
from proofcheck.rules.counting.facts import ProvedBlocks
from proofcheck.rules.rule import Context
from proofcheck.tasks import MaxOfK

MODELS = 252  # 28 of each kind

Blocks = tuple[tuple[int, ...], ...]


@cache
def model(k: int) -> tuple[str, Shape, bytes]:
    name, shape, tensors = adversarial_model(k)
    return name, shape, safetensors_bytes(tensors)


@cache
def truth(k: int) -> Truth:
    return ground_truth(read_tensors(model(k)[2]))


@cache
def true_blocks(k: int) -> Blocks:
    """Sequences not certainly wrong, per block: nothing sound can prove more."""
    d = model(k)[1].d_vocab
    blocks = [[0] * d for _ in range(d)]
    for x, answer in truth(k).answers.items():
        blocks[x[-1]][max(x)] += answer is not False
    return tuple(tuple(row) for row in blocks)


def proved(k: int, rule: str, hints: dict[str, Any], backend: Any = "fast") -> ProvedBlocks:
    _, shape, weights = model(k)
    sizes = Dimensions(n_ctx=shape.n_ctx, d_vocab=shape.d_vocab, d_model=shape.d_model, d_head=shape.d_head)
    network = ATTENTION_ONLY.build(sizes, {}, decode_weights(weights, TENSORS, Limits()))
    context = Context(network, MaxOfK(shape.n_ctx, shape.d_vocab), Arithmetic(backend, 128), Limits(), Memo())
    fact = apply(context, rule, (apply(context, "path-expansion"),), hints)
    assert isinstance(fact, ProvedBlocks)
    return fact


def random_hints(rule: str, d: int, rng: np.random.Generator) -> dict[str, Any]:
    """Any hints are valid: few or many refinements, some or all blocks, one bin or hundreds, rivals in any groups."""
    if rule == "separable-minimum":
        return {"refined": int(rng.choice([0, 1, 3, 10**6]))}
    pairs = [(q, m) for m in range(d) for q in range(m + 1) if rng.random() < 0.9]
    blocks = np.array([(q, m, int(rng.choice([1, 2, 7, 100, 8192]))) for q, m in pairs], dtype=np.int64).reshape(-1, 3)
    if rule == "separable-early-maximum":
        return {"additions": int(rng.choice([0, 1000, 10**9])), "blocks": blocks}
    groups = [(row, int(rng.integers(1, d + 1)), j) for row, (_, m) in enumerate(pairs) for j in range(d) if j != m and rng.random() < 0.6]
    return {"additions": int(rng.choice([1000, 10**9])), "blocks": blocks, "groups": np.array(groups, dtype=np.int64).reshape(-1, 3)}


RULES_TESTED = ("separable-minimum", "separable-early-maximum", "separable-counting")


@pytest.mark.parametrize("rule", RULES_TESTED)
@pytest.mark.parametrize("part", range(9))
def test_never_more_than_the_truth(rule: str, part: int) -> None:
    total = 0
    for k in range(part * MODELS // 9, (part + 1) * MODELS // 9):
        hints = random_hints(rule, model(k)[1].d_vocab, np.random.default_rng(k))
        counts = np.array(proved(k, rule, hints).counts)
        assert (counts <= np.array(true_blocks(k))).all(), model(k)[0]
        total += int(counts.sum())
    assert total > 0, "nothing was proved at all: the test shows nothing"


@pytest.mark.parametrize("rule", RULES_TESTED)
def test_balls_prove_what_floats_prove_or_more(rule: str) -> None:
    """Where margins are within 2^40 of the logits both backends prove the same blocks whole; smaller margins only balls can tell from 0.

    Counts in bins may differ by sequences at the edge of a bin, so they are compared with the truth.
    """
    for k in range(0, MODELS, 9):
        chosen = k + k // 9 % 9
        name, shape, _ = model(chosen)
        hints = random_hints(rule, shape.d_vocab, np.random.default_rng(k))
        fast, arb = (np.array(proved(chosen, rule, hints, backend).counts) for backend in ("fast", "arb"))
        assert (arb <= np.array(true_blocks(chosen))).all(), name
        if rule == "separable-minimum":
            assert (fast <= arb).all(), name
            assert "tiny" in name or (fast == arb).all(), name
        else:
            assert "tiny" in name or abs(int(fast.sum()) - int(arb.sum())) <= 1, name


def test_enumeration_is_the_truth() -> None:
    for k in range(0, MODELS, 5):
        fact = proved(k, "enumeration", {})
        assert sum(map(sum, fact.counts)) == truth(k).correct or fact.undecided or truth(k).undecided, model(k)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_is_there_and_decided(kind: str) -> None:
    names = [model(k)[0] for k in range(MODELS)]
    mine = [k for k, name in enumerate(names) if f"-{kind}-n" in name]
    assert len(mine) == MODELS // len(KINDS)
    assert sum(truth(k).undecided for k in mine) == 0


def test_counting_with_single_rivals_and_many_bins_is_nearly_exact() -> None:
    """The twin of the inequality: on models near to trained ones almost everything that is true is proved."""
    found = wanted = 0
    for k in (k for k in range(MODELS) if "-trained-n" in model(k)[0]):
        d = model(k)[1].d_vocab
        pairs = [(q, m) for m in range(d) for q in range(m + 1)]
        groups = [(row, j + 1, j) for row, (_, m) in enumerate(pairs) for j in range(d) if j != m]
        hints = {"additions": 10**12, "blocks": np.array([(q, m, 8192) for q, m in pairs]), "groups": np.array(groups)}
        found += sum(map(sum, proved(k, "separable-counting", hints).counts))
        wanted += truth(k).correct
    assert 0.97 * wanted <= found <= wanted
