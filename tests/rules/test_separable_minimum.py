"""`separable-minimum`: whole blocks, the two bounds, the budget, the headroom of the integer sums."""

from __future__ import annotations

import numpy as np
import pytest
from rules.conftest import Verify
from rules.separable_cases import applied, context, noisy, total
from soundness.separable_attacks import ATTACKS, GOOD
from soundness.small_models import TABLES, Shape, random_model, safetensors_bytes, trained_like

from proofcheck import Step
from proofcheck.rules.attention_only.separable.block_bounds import ENTRY_BITS, BlockBounds, block_minimum, require_headroom
from proofcheck.rules.attention_only.separable.separability import enclosures

SHAPES = (Shape(1, 4), Shape(2, 7), Shape(3, 6), Shape(4, 5))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_are_whole_or_nothing_and_truly_correct(shape: Shape, seed: int) -> None:
    where = context(shape, noisy(shape, seed))
    true, _, _ = applied(where, "enumeration", {})
    fact, operations, bound = applied(where, "separable-minimum", {"refined": 10**6})
    assert operations <= bound
    assert (fact.undecided, fact.wrong) == (0, ())  # it examines blocks, no sequences
    for m in range(shape.d_vocab):
        for q in range(shape.d_vocab):
            assert fact.counts[q][m] in (0, where.task.block_size(q, m) if q <= m else 0)
            assert fact.counts[q][m] <= true.counts[q][m]


def test_an_easy_network_is_proved_completely() -> None:
    shape = Shape(3, 6)
    fact, _, _ = applied(context(shape, trained_like(shape, 1)), "separable-minimum", {"refined": 0})
    assert total(fact) == 6**3


def test_the_fine_bound_proves_what_the_coarse_one_cannot_and_the_budget_is_kept() -> None:
    shape, gains, spent = Shape(4, 6), [], []
    for seed in range(6):
        tensors = noisy(shape, seed)
        tensors["pos_embed.W_pos"] = tensors["pos_embed.W_pos"] * 30
        where = context(shape, tensors)
        proved = [applied(where, "separable-minimum", {"refined": refined}) for refined in (0, 4, 10**6)]
        totals = [total(fact) for fact, _, _ in proved]
        assert totals == sorted(totals)
        gains.append(totals[2] - totals[0])
        spent.append(proved[1][1] - proved[0][1] <= 4 * shape.n_ctx * (7 * shape.d_vocab + 10))
    assert any(gains)
    assert all(spent)


def test_the_coarse_bound_is_never_above_the_fine_one() -> None:
    """Where the coarse bound proves a triple, so does the fine one: both are bounds of the same minimum, the fine one is exact for it."""
    shape = Shape(4, 6)
    for seed in range(6):
        where = context(shape, noisy(shape, seed))
        bounds = BlockBounds(enclosures(where.model.path_tables(), shape.d_head, where.arithmetic, where.reading))
        for m in range(shape.d_vocab):
            queries = np.arange(m + 1)
            rows, columns = np.nonzero(bounds.beaten(queries, m))
            lower = bounds.lower_terms(queries[rows], bounds.rivals(m)[columns], m)
            assert (block_minimum(lower, queries[rows], m) > -(1 << 12)).all()  # up to the roundings of both


@pytest.mark.parametrize("backend", ["fast", "arb"])
def test_sums_over_many_positions_do_not_overflow(backend: str) -> None:
    """64 positions of equal weight: sums of integers near 2^29 leave int32. All logits but one are equal, so the truth is known."""
    shape = Shape(64, 2, 3, 2)
    tensors = random_model(shape, 0)
    for name, array in tensors.items():
        array[:] = 1 if name == "embed.W_E" else 0
    tensors["unembed.b_U"] = np.array([0.0, 2.0**100], dtype="<f4")  # token 1 always wins
    fact, _, _ = applied(context(shape, tensors, backend), "separable-minimum", {"refined": 10**6})
    assert fact.counts == ((0, 2**63 - 1), (0, 2**63))
    tensors["unembed.b_U"] = np.array([0.0, -(2.0**100)], dtype="<f4")  # token 0 always wins
    fact, _, _ = applied(context(shape, tensors, backend), "separable-minimum", {"refined": 10**6})
    assert fact.counts == ((1, 0), (0, 0))


def test_headroom_is_a_static_bound() -> None:
    """At the most positions allowed, the largest entries still sum exactly; one more is refused before any sum is taken."""
    require_headroom(1024)
    most = 1
    while True:
        try:
            require_headroom(2 * most)
        except OverflowError:
            break
        most *= 2
    lower = np.full((1, min(most, 1 << 12), 1), -(1 << ENTRY_BITS), dtype=np.int64)
    assert block_minimum(lower, np.zeros(1, dtype=np.int64), 0)[0] == -lower.shape[1] * (1 << ENTRY_BITS)
    with pytest.raises(OverflowError):
        require_headroom(2 * most)
    with pytest.raises(OverflowError):
        block_minimum(np.zeros((1, 2 * most, 1), dtype=np.int64), np.zeros(1, dtype=np.int64), 0)


@pytest.mark.parametrize("case", [*GOOD, *(attack[1:] for attack in ATTACKS)], ids=lambda case: case[0])
def test_hostile_hints_have_their_code(case: tuple[str, str, dict[str, object]], verified: Verify) -> None:
    """All separable rules at once; GOOD are the accepting twins."""
    name, rule, values = case
    shape = Shape(2, 3)
    hints = {key: value if isinstance(value, int) else np.array(value, dtype="<i8") for key, value in values.items()}
    steps = (TABLES, Step("blocks", rule, ("tables",), hints), Step("count", "sum-blocks", ("blocks",)))
    code = next((code for code, attack, _, _ in ATTACKS if attack == name), None)
    assert verified(safetensors_bytes(trained_like(shape, 0)), shape, steps) == code
