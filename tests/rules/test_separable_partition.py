"""`separable-partition` and `separable-enumeration`: what a tree or a search proves of each block, and what is refused."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from rules.conftest import Verify
from soundness.make_reject_corpus import SHAPE as TINY
from soundness.make_reject_corpus import tiny
from soundness.partition_attacks import ATTACKS, ENUMERATION, GOOD, PARTITION, Hints
from soundness.small_models import TABLES, Shape, random_model, safetensors_bytes, trained_like
from soundness.subcubic_steps import apply, context
from soundness.truth import ground_truth, read_tensors

from proofcheck import Dimensions, Reason, Rejected, Step
from proofcheck.arithmetic.operations import counting
from proofcheck.limits import Limits
from proofcheck.memo import Memo
from proofcheck.rules import RULES
from proofcheck.rules.attention_only.separable.boxes import boxes
from proofcheck.rules.rule import Context
from proofcheck.tasks import MaxOfK

SHAPES = (Shape(1, 3), Shape(2, 4), Shape(3, 4), Shape(4, 3), Shape(2, 7))


def arrays(hints: Hints) -> Hints:
    return {name: value if isinstance(value, int) else np.array(value, dtype="<i8") for name, value in hints.items()}


def steps(rule: str, hints: Hints) -> tuple[Step, ...]:
    return (TABLES, Step("blocks", rule, ("tables",), arrays(hints)), Step("count", "sum-blocks", ("blocks",)))


def every_block(d: int) -> list[list[int]]:
    return [[q, m] for m in range(d) for q in range(m + 1)]


def finest_tree(n: int, d: int, m: int, first: int) -> list[int]:
    """The tree of a box whose leaves are single sequences."""
    nodes: list[int] = []
    stack = [{i: (0, m if i < first else m + 1) for i in range(n - 1) if i != first}]
    while stack:
        box = stack.pop()
        wide = [i for i, (low, high) in box.items() if high - low > 1]
        if not wide:
            nodes.append(-1)
            continue
        i, (low, high) = wide[0], box[wide[0]]
        middle = (low + high) // 2
        nodes.append(i * d + middle)
        stack += [{**box, i: (middle, high)}, {**box, i: (low, middle)}]
    return nodes


def finest_trees(n: int, d: int, blocks: list[list[int]]) -> list[int]:
    return [node for q, m in blocks for first in (range(n - 1) if q < m else (-1,)) for node in finest_tree(n, d, m, first)]


def networks() -> list[tuple[Shape, dict[str, np.ndarray]]]:
    return [
        (shape, trained_like(shape, k, gain=0.5 + k, biases=k > 2) if k % 2 else random_model(shape, k)) for k, shape in enumerate(SHAPES)
    ]


def test_boxes_partition_every_block() -> None:
    for n, d in product(range(1, 5), range(1, 5)):
        for q, m in every_block(d):
            found = [box.sequence(q, list(tokens)) for box in boxes(n, q, m) for tokens in product(*(range(size) for size in box.sizes))]
            wanted = [x for x in product(range(d), repeat=n) if x[-1] == q and max(x) == m]
            assert sorted(found) == wanted
            by_index = [box.sequence_at(q, index) for box in boxes(n, q, m) for index in range(box.size)]
            assert by_index == found
            assert sum(box.size for box in boxes(n, q, m)) == MaxOfK(n, d).block_size(q, m)


@pytest.mark.parametrize("k", range(len(SHAPES)))
def test_single_sequences_give_the_truth_of_every_block(k: int) -> None:
    shape, tensors = networks()[k]
    where = context(shape, tensors)
    tables = apply(where, "path-expansion")
    blocks = every_block(shape.d_vocab)
    truth = ground_truth(read_tensors(safetensors_bytes(tensors)))
    trees = apply(where, PARTITION, (tables,), arrays({"blocks": blocks, "nodes": finest_trees(shape.n_ctx, shape.d_vocab, blocks)}))
    search = apply(where, ENUMERATION, (tables,), arrays({"blocks": blocks, "expansions": 10**6}))
    brute_force = apply(where, "enumeration", (tables,))
    assert (trees.counts, trees.wrong) == (search.counts, search.wrong) == (brute_force.counts, brute_force.wrong)
    assert trees.undecided == search.undecided == brute_force.undecided == 0
    for q, m in blocks:
        assert trees.counts[q][m] == truth.block(q, m)
        assert trees.counts[q][m] + trees.wrong[q][m] == where.task.block_size(q, m)


@pytest.mark.parametrize("k", range(len(SHAPES)))
def test_what_is_not_hinted_proves_nothing(k: int) -> None:
    shape, tensors = networks()[k]
    where = context(shape, tensors)
    tables = apply(where, "path-expansion")
    blocks = every_block(shape.d_vocab)[1::2]
    for rule, hints in (
        (PARTITION, {"blocks": blocks, "nodes": finest_trees(shape.n_ctx, shape.d_vocab, blocks)}),
        (ENUMERATION, {"blocks": blocks, "expansions": 10**6}),
    ):
        fact = apply(where, rule, (tables,), arrays(hints))
        for q, m in product(range(shape.d_vocab), repeat=2):
            decided = fact.counts[q][m] + fact.wrong[q][m]
            assert decided == (where.task.block_size(q, m) if [q, m] in blocks else 0)


def test_a_tree_that_is_too_coarse_leaves_sequences_undecided(verified: Verify) -> None:
    shape, tensors = networks()[2]
    where = context(shape, tensors)
    tables = apply(where, "path-expansion")
    blocks = every_block(shape.d_vocab)
    coarse = [-1 for q, m in blocks for _ in boxes(shape.n_ctx, q, m)]
    fine = finest_trees(shape.n_ctx, shape.d_vocab, blocks)
    facts = [apply(where, PARTITION, (tables,), arrays({"blocks": blocks, "nodes": nodes})) for nodes in (coarse, fine)]
    assert facts[0].undecided > 0 == facts[1].undecided
    for q, m in blocks:
        assert facts[0].counts[q][m] <= facts[1].counts[q][m]
        assert facts[0].wrong[q][m] <= facts[1].wrong[q][m]
    assert verified(safetensors_bytes(tensors), shape, steps(PARTITION, {"blocks": blocks, "nodes": coarse})) is None


@pytest.mark.parametrize(("name", "rule", "hints"), GOOD, ids=[case[0] for case in GOOD])
def test_good_hints_are_accepted(name: str, rule: str, hints: Hints, verified: Verify) -> None:
    assert verified(safetensors_bytes(tiny()), TINY, steps(rule, hints)) is None


@pytest.mark.parametrize(("code", "name", "rule", "hints"), ATTACKS, ids=[case[1] for case in ATTACKS])
def test_hostile_hints_are_refused(code: str, name: str, rule: str, hints: Hints, verified: Verify) -> None:
    assert verified(safetensors_bytes(tiny()), TINY, steps(rule, hints)) == Reason(code)


def test_a_search_that_needs_more_than_its_hint_is_refused() -> None:
    shape, tensors = networks()[2]
    where = context(shape, tensors)
    tables = apply(where, "path-expansion")
    blocks = every_block(shape.d_vocab)
    enough = next(most for most in range(10**4) if _searches(where, tables, blocks, most))
    assert enough > 10
    assert not _searches(where, tables, blocks, enough - 1)
    assert _searches(where, tables, blocks, enough + 1)


def _searches(where: Context, tables: object, blocks: list[list[int]], expansions: int) -> bool:
    try:
        apply(where, ENUMERATION, (tables,), arrays({"blocks": blocks, "expansions": expansions}))
    except Rejected as error:
        assert error.code is Reason.BAD_HINT
        assert error.path == "expansions"
        return False
    return True


def test_huge_trees_are_beyond_the_limit_of_work() -> None:
    sizes = Dimensions(n_ctx=5, d_vocab=64, d_model=32, d_head=32)
    blocks = np.array([[63, 63]], dtype="<i8")
    small, huge = (RULES[PARTITION].cost(sizes, Limits(), blocks=blocks, nodes=np.zeros(k, dtype="<i8")).operations for k in (1000, 2**24))
    assert small < Limits().work < huge


@pytest.mark.parametrize("k", range(len(SHAPES)))
@pytest.mark.parametrize("backend", ["fast", "arb"])
def test_operations_are_bounded_from_hints(k: int, backend: str) -> None:
    shape, tensors = networks()[k]
    tensors["unembed.W_U"][:, 0] = tensors["unembed.W_U"][:, -1]  # ties go to the balls, which costs most
    where = context(shape, tensors, backend)
    tables = apply(where, "path-expansion")
    blocks = every_block(shape.d_vocab)
    for rule, hints in (
        (PARTITION, {"blocks": blocks, "nodes": finest_trees(shape.n_ctx, shape.d_vocab, blocks)}),
        (PARTITION, {"blocks": blocks[-1:], "nodes": [-1]}),
        (ENUMERATION, {"blocks": blocks, "expansions": 3000}),
    ):
        with counting() as counter:
            apply(where, rule, (tables,), arrays(hints))
        assert 0 < counter.total <= RULES[rule].cost(where.model.dimensions, Limits(), **arrays(hints)).operations


def test_few_sequences_may_be_settled_in_balls() -> None:
    """Beyond the limit they are undecided, never proved."""
    shape = Shape(3, 3)
    tensors = random_model(shape, 5)
    tensors["unembed.W_U"][:] = tensors["unembed.W_U"][:, :1]  # every answer is an exact tie
    where = context(shape, tensors)
    blocks = every_block(3)
    nodes = finest_trees(3, 3, blocks)
    for limit, undecided in ((27, 0), (20, 7), (0, 27)):
        limited = Context(where.model, where.task, where.arithmetic, Limits(settled_in_balls=limit), Memo())
        tables = apply(limited, "path-expansion")
        for rule, hints in ((PARTITION, {"nodes": nodes}), (ENUMERATION, {"expansions": 10**4})):
            fact = apply(limited, rule, (tables,), arrays({"blocks": blocks, **hints}))
            assert fact.undecided == undecided
            assert sum(map(sum, fact.counts)) == 0
            assert sum(map(sum, fact.wrong)) == 27 - undecided
