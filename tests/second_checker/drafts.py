"""Certificates of strategies for random small models, with the searched hints or with random ones."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np

from proofcheck import Step, encode_certificate
from proofcheck.limits import Limits
from proofcheck.models import decode_weights
from proofcheck.models.attention_only import ATTENTION_ONLY, TENSORS
from strategies.emit import draft, with_claim
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem
from tests.second_checker.hinted_blocks import whole_boxes
from tests.soundness.window_hints import (
    exact_tables,
    expansion_hints,
    grouped_hints,
    shared_hints,
    sheet_hints,
    tree_hints,
    window_hints,
)


def write_certificate(problem: Problem, strategy: str, path: Path) -> None:
    """The strategy's certificate, claiming 0, so that the verdict never hides the count."""
    path.write_bytes(encode_certificate(with_claim(draft(problem, STRATEGIES[strategy], path), 0)))


def write_thinned(problem: Problem, strategy: str, path: Path, every: int) -> None:
    """The certificate of a separable strategy, claiming 0, with each `every`-th of its hinted blocks alone and without trees of boxes."""
    certificate = with_claim(draft(problem, STRATEGIES[strategy], path), 0)
    steps, dropped = [], {step.id for step in certificate.steps if step.rule == "separable-partition"}
    for step in certificate.steps:
        hints = dict(step.hints)
        if "blocks" in hints:
            hints["blocks"] = np.ascontiguousarray(hints["blocks"][::every])
        if "groups" in hints:
            rows = hints["groups"][hints["groups"][:, 0] % every == 0]
            hints["groups"] = np.ascontiguousarray(np.column_stack([rows[:, 0] // every, rows[:, 1:]]))
        if step.id not in dropped:
            steps.append(replace(step, hints=hints, premises=tuple(name for name in step.premises if name not in dropped)))
    path.write_bytes(encode_certificate(replace(certificate, steps=tuple(steps))))


def write_subcubic(problem: Problem, names: tuple[str, str, str], path: Path, rng: random.Random) -> None:
    """A sub-cubic certificate (direct path, attention handling, QK error) without search: random gaps, singular or random vectors."""
    direct, attention, error = names
    d, n, D = problem.dimensions.d_vocab, problem.dimensions.n_ctx, problem.dimensions.d_model
    most = rng.randint(1, d)
    gaps = np.array([rng.randint(1, most) for _ in range(d * d * n)], dtype=np.int64).reshape(d, d, n)
    direct_hints = {"direction": random_vector(D, rng)} if direct.startswith("svd") else {}
    steps = (
        Step("tables", "path-expansion"),
        Step("direct", f"direct-path-{direct}", ("tables",), direct_hints),
        Step("qk", f"qk-error-{error}", ("tables",), qk_hints(problem, error, rng)),
        Step("attention", "attention-bounds", ("tables", "qk"), {"gaps": gaps}),
        Step("classes", f"margin-{attention}", ("tables", "direct", "attention")),
        Step("blocks", "count-classes", ("classes",)),
        Step("count", "sum-blocks", ("blocks",)),
    )
    base = with_claim(draft(problem, STRATEGIES["brute-force"], path), 0)
    path.write_bytes(encode_certificate(replace(base, steps=steps)))


def qk_hints(problem: Problem, error: str, rng: random.Random) -> dict[str, np.ndarray]:
    """Directions, and a bound of the spectral norm by the Frobenius norm, a little too small now and then."""
    if error.startswith("exact"):
        return {}
    model = problem.model
    d, D = problem.dimensions.d_vocab, problem.dimensions.d_model
    A = np.asarray((model.W_E + model.W_pos[-1]) @ model.W_Q @ model.W_K.T)
    B = np.asarray((model.W_E + model.W_pos.mean(0)).T)
    left, _, right = np.linalg.svd(A @ B)
    u, v = (left[:, 0], right[0]) if rng.random() < 0.8 else (random_vector(d, rng), random_vector(d, rng))
    hints = {"query_direction": np.ascontiguousarray(u), "key_direction": np.ascontiguousarray(v)}
    if error == "svd":
        residual = (A - np.outer(u, u @ A)) @ (B - np.outer(B @ v, v))
        hints["tau"] = np.array([np.linalg.norm(residual) * rng.choice((0.5, 1.001, 1.001, 1.1)) + 1e-9])
    if "subproduct" in error:
        hints |= {"second_query_direction": random_vector(d, rng), "second_key_direction": random_vector(d, rng)}
        hints |= {"W_Q_direction": random_vector(D, rng), "W_K_direction": random_vector(D, rng)}
    return hints


def random_vector(length: int, rng: random.Random) -> np.ndarray:
    """Multiples of 1/8; sometimes zero, which is refused."""
    return np.array([rng.randint(-3, 3) / 8 for _ in range(length)], dtype=np.float64)


def write_random_separable(problem: Problem, path: Path, rng: random.Random) -> None:
    """Separable rules with random blocks, bins and trees, and their blocks summed."""
    sizes = problem.dimensions
    d, n = sizes.d_vocab, sizes.n_ctx
    base = with_claim(draft(problem, STRATEGIES["brute-force"], path), 0)
    early_maximum = [(*block, rng.choice((1, 3, 64, 5_000))) for block in some_blocks(d, n, rng)]
    hints: dict[str, dict[str, object]] = {
        "separable-minimum": {"refined": rng.choice((0, 1, 5, 1_000))},
        "separable-early-maximum": {"blocks": table(early_maximum, 3), "additions": additions(rng)},
        "separable-counting": random_counting(d, n, rng),
        "separable-enumeration": {"blocks": table(some_blocks(d, n, rng), 2), "expansions": rng.choice((5, 10**6))},
        "separable-partition": random_partition(d, n, rng),
    }
    rules = [rule for rule in hints if rng.random() < 0.6] or ["separable-partition"]
    steps = [Step("tables", "path-expansion")]
    steps += [Step(rule, rule, ("tables",), hints[rule]) for rule in rules]
    steps += [Step("count", "sum-blocks", tuple(rules))]
    path.write_bytes(encode_certificate(replace(base, steps=tuple(steps))))


def write_whole_boxes(problem: Problem, path: Path) -> None:
    """`separable-partition` on every block with trees that divide nothing: many boxes are neither right nor wrong as a whole."""
    d, n = problem.dimensions.d_vocab, problem.dimensions.n_ctx
    blocks = [(q, m) for m in range(d) for q in range(m + 1) if n > 1 or q == m]
    leaves = sum(len(whole_boxes(q, m, n)) for q, m in blocks)
    hints = {"blocks": table(blocks, 2), "nodes": np.full(leaves, -1, dtype=np.int64)}
    steps = (
        Step("tables", "path-expansion"),
        Step("blocks", "separable-partition", ("tables",), hints),
        Step("count", "sum-blocks", ("blocks",)),
    )
    base = with_claim(draft(problem, STRATEGIES["brute-force"], path), 0)
    path.write_bytes(encode_certificate(replace(base, steps=steps)))


def write_random_windows(problem: Problem, path: Path, rng: random.Random) -> None:
    """The windows rules with random hints, and their blocks summed."""
    sizes = problem.dimensions
    base = with_claim(draft(problem, STRATEGIES["brute-force"], path), 0)
    model = ATTENTION_ONLY.build(sizes, {}, decode_weights(problem.path.read_bytes(), TENSORS, Limits()))
    numbers = np.random.default_rng(rng.randrange(2**32))
    expansion = expansion_hints(model, numbers)
    tables = exact_tables(model, expansion)
    steps = (
        Step("tables", "centred-expansion", (), expansion),
        Step("windows", "separable-windows", ("tables",), window_hints(tables, expansion["first"], numbers)),
        Step("exact", "separable-windows-exact", ("tables",), sheet_hints(tables, expansion["first"], numbers)),
        Step("shared", "shared-windows", ("tables",), shared_hints(tables, expansion["first"], numbers)),
    )
    alone = (
        Step("grouped", "grouped-queries", (), grouped_hints(model, numbers)),
        Step("tree", "rival-tree", (), tree_hints(model, numbers)),
    )
    kept = rng.choice((steps, (steps[0], steps[1]), (steps[0], steps[2]), (steps[0], steps[3]), (alone[0],), (alone[1],), alone))
    count = Step("count", "sum-blocks", tuple(step.id for step in kept if step.id != "tables"))
    path.write_bytes(encode_certificate(replace(base, steps=(*kept, count))))


def table(rows: list[tuple[int, ...]], width: int) -> np.ndarray:
    return np.array(rows, dtype=np.int64).reshape(len(rows), width)


def some_blocks(d: int, n: int, rng: random.Random) -> list[tuple[int, ...]]:
    """Some non-empty blocks (q, m), in order."""
    return [(q, m) for m in range(d) for q in range(m + 1) if (n > 1 or q == m) and rng.random() < 0.7]


def additions(rng: random.Random) -> int:
    """Too few now and then."""
    return rng.choice((0, 2_000, 10**10, 10**10, 10**10))


def random_counting(d: int, n: int, rng: random.Random) -> dict[str, object]:
    """Random bins and groups."""
    blocks = [(*block, rng.choice((1, 2, 7, 500, 8_192))) for block in some_blocks(d, n, rng)]
    groups = [
        (row, rng.randint(1, d), rival)
        for row, block in enumerate(blocks)
        for rival in range(d)
        if rival != block[1] and rng.random() < 0.5
    ]
    return {"blocks": table(blocks, 3), "groups": table(groups, 3), "additions": additions(rng)}


def random_partition(d: int, n: int, rng: random.Random) -> dict[str, object]:
    """Trees that split random positions at random tokens; sometimes bare leaves, of which many stay undecided."""
    stop = rng.choice((0.3, 0.3, 0.7, 1.0))
    blocks, nodes = some_blocks(d, n, rng), []
    for q, m in blocks:
        for box in whole_boxes(q, m, n):
            stack = [box]
            while stack:
                leaf = stack.pop()
                wide = [i for i, (low, high) in enumerate(leaf) if high - low > 1]
                if not wide or rng.random() < stop:
                    nodes.append(-1)
                    continue
                i = rng.choice(wide)
                low, high = leaf[i]
                cut = rng.randint(low + 1, high - 1)
                nodes.append(i * d + cut)
                stack += [(*leaf[:i], (cut, high), *leaf[i + 1 :]), (*leaf[:i], (low, cut), *leaf[i + 1 :])]
    return {"blocks": table(blocks, 2), "nodes": np.array(nodes, dtype=np.int64)}
