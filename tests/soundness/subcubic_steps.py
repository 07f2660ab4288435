"""The steps of the hundred sub-cubic compositions with any hints, and facts made by one rule outside a certificate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from soundness import published_formulas as published
from soundness.small_models import Shape, Tensors, safetensors_bytes

from proofcheck import Dimensions, Step
from proofcheck.arithmetic import Arithmetic
from proofcheck.limits import Limits
from proofcheck.memo import Memo
from proofcheck.models import decode_weights
from proofcheck.models.attention_only import ATTENTION_ONLY, TENSORS
from proofcheck.rules import RULES
from proofcheck.rules.fact import Fact, rule_application
from proofcheck.rules.rule import Context
from proofcheck.tasks import MaxOfK

DIRECT_PATHS = tuple(name for name in RULES if name.startswith("direct-path-"))
QK_ERRORS = tuple(name for name in RULES if name.startswith("qk-error-"))
MARGINS = ("margin-drop-average-query-per-output-logit-reasoning", "margin-mean-query+diff")
OFF, CHORD = MARGINS
EXACT = "qk-error-exact-EQKE+max-diff-exact"

Array = np.ndarray[Any, Any]


def random_hints(rule: str, dimensions: Dimensions, generator: np.random.Generator) -> dict[str, Array]:
    """Hints of the right shape with no relation to the model; tau so large that no remainder of a small model exceeds it."""
    hints: dict[str, Array] = {}
    for name, kind in RULES[rule].hints.items():
        size = tuple(int(axis) if axis.isdigit() else dimensions.size(axis) for axis in kind.axes)  # type: ignore[union-attr]
        hints[name] = np.array([1e9]) if name == "tau" else generator.standard_normal(size) + 0.01
    return hints


def random_gaps(dimensions: Dimensions, generator: np.random.Generator, largest: int | None = None) -> Array:
    """A gap table with entries from 1 to `largest`, small ones more often."""
    d = dimensions.d_vocab
    most = d if largest is None else largest
    size = (d, d, dimensions.n_ctx)
    return np.minimum(generator.integers(1, most + 1, size), generator.integers(1, most + 1, size))


def steps(
    direct_path: str, qk_error: str, margin: str, gaps: Array, hints: Mapping[str, Array] | None = None, direction: Array | None = None
) -> tuple[Step, ...]:
    """The seven steps of one composition. `hints` are those of the QK error."""
    return (
        Step("tables", "path-expansion"),
        Step("direct", direct_path, ("tables",), {} if direction is None else {"direction": direction}),
        Step("scores", qk_error, ("tables",), dict(hints or {})),
        Step("attention", "attention-bounds", ("tables", "scores"), {"gaps": gaps}),
        Step("classes", margin, ("tables", "direct", "attention")),
        Step("blocks", "count-classes", ("classes",)),
        Step("count", "sum-blocks", ("blocks",)),
    )


def sought_hints(rule: str, tensors: Tensors, excess: float = 1e-6, noise: float = 0.0, seed: int = 0) -> dict[str, Array]:
    """Hints as a search finds them: singular vectors (plus noise) on a grid, tau just above the norm of the remainder, the mean query."""
    t = published.tables(tensors)
    generator = np.random.default_rng(seed)
    found = {**published.directions(t), "direction": t.E_q.mean(axis=0)}
    vectors = {name: unit(v + noise * generator.standard_normal(v.shape)) for name, v in found.items() if name != "direction"}
    hints = {name: vectors.get(name, t.E_q.mean(axis=0)) for name in RULES[rule].hints}
    if "tau" in hints:
        u, v = vectors["query_direction"], vectors["key_direction"]
        A, B = t.E_q @ t.W_Q @ t.W_K.T, t.E_bar.T
        hints["tau"] = np.array([np.linalg.norm((A - np.outer(u, u @ A)) @ (B - np.outer(B @ v, v)), 2) * (1 + excess)])
    return hints


def random_steps(
    direct_path: str, qk_error: str, margin: str, tensors: Tensors, generator: np.random.Generator, luck: float = 0.0
) -> tuple[Step, ...]:
    """One composition with a random gap table; its hints are random too, or with probability `luck` near those of a search."""
    n, (d, D) = len(tensors["pos_embed.W_pos"]), tensors["embed.W_E"].shape
    dimensions = Dimensions(n_ctx=n, d_vocab=d, d_model=D, d_head=tensors["blocks.0.attn.W_Q"].shape[2])
    sought = bool(generator.random() < luck)
    noise, seed = float(generator.choice([0.0, 1e-3])), int(generator.integers(1 << 30))

    def hints(rule: str) -> dict[str, Array]:
        return sought_hints(rule, tensors, 0.1, noise, seed) if sought else random_hints(rule, dimensions, generator)

    gaps = random_gaps(dimensions, generator, int(generator.choice([1, 1, 2, d])))
    return steps(direct_path, qk_error, margin, gaps, hints(qk_error), hints(direct_path).get("direction"))


def context(shape: Shape, tensors: Tensors | bytes, backend: Any = "fast", precision: int = 128) -> Context:
    """What the rules see of a small network."""
    data = tensors if isinstance(tensors, bytes) else safetensors_bytes(tensors)
    dimensions = Dimensions(n_ctx=shape.n_ctx, d_vocab=shape.d_vocab, d_model=shape.d_model, d_head=shape.d_head)
    model = ATTENTION_ONLY.build(dimensions, {}, decode_weights(data, TENSORS, Limits()))
    return Context(model, MaxOfK(shape.n_ctx, shape.d_vocab), Arithmetic(backend, precision), Limits(), Memo())


def apply(where: Context, rule: str, premises: tuple[Any, ...] = (), hints: Mapping[str, Any] | None = None) -> Any:
    """The fact of one rule, its hints checked as the kernel does."""
    given = dict(hints or {})
    for name, kind in RULES[rule].hints.items():
        kind.check(name, given[name], where.model.dimensions, where.limits)
    decoded = {name: kind.decode(given[name]) for name, kind in RULES[rule].hints.items()}
    with rule_application():
        fact: Fact = RULES[rule].apply(where, *premises, **decoded)
    return fact


def network_of(EQKE: Array, EQKP: Array, EVOU: Array, PVOU: Array, EUPU: Array) -> tuple[Shape, Tensors]:
    """A network with these tables (EQKE and EQKP are scores times √d_head).

    Coordinates of the residual stream: tokens, positions, outputs, so d_model = 2d + n. W_K and W_V are identities; W_Q, W_O, W_U hold
    the tables.
    """
    d, n = EQKP.shape
    D = 2 * d + n
    Q, O, U = np.zeros((D, D)), np.zeros((D, D)), np.zeros((D, d))
    Q[:d, :d], Q[:d, d : d + n] = EQKE, EQKP
    O[:d, d + n :], O[d : d + n, d + n :] = EVOU, PVOU
    U[:d], U[d + n :] = EUPU, np.eye(d)
    tensors = {"embed.W_E": np.eye(d, D), "pos_embed.W_pos": np.eye(n, D, d), "unembed.W_U": U}
    tensors |= {"blocks.0.attn.W_Q": Q[None], "blocks.0.attn.W_K": np.eye(D)[None]}
    tensors |= {"blocks.0.attn.W_V": np.eye(D)[None], "blocks.0.attn.W_O": O[None]}
    return Shape(n, d, D, D), {name: array.astype("<f4") for name, array in tensors.items()}


def table_model(n: int, d: int, seed: int, *, biases: bool = False, opposed: bool = False) -> tuple[Shape, Tensors]:
    """A network with random tables near the edge of what the rules prove: copying heads, queries that attend more or less sharply.

    opposed: the head speaks against the largest token and the direct path for it, so that attention to it does harm (R* > W).
    """
    generator = np.random.default_rng(seed)

    def noise(size: float, *shape: int) -> Array:
        return np.asarray(size * generator.standard_normal(shape))

    sharp = np.exp(generator.uniform(0.5, 4, d))[:, None] * generator.choice([1.0, 4.0])
    EQKE, EQKP = sharp * (np.arange(d) + noise(0.1, d, d)), noise(generator.choice([0.0, 0.5]), d, n)
    EVOU = generator.uniform(2, 20) * np.eye(d) + noise(generator.uniform(0.1, 3), d, d)
    PVOU = noise(generator.choice([0.0, 0.5]), n, d)
    EUPU = noise(generator.choice([0.0, 1.0]), d) + noise(generator.choice([0.0, 0.3]), d, d)
    if opposed:
        strength = generator.uniform(2, 20)
        EVOU[-1, -1] -= EVOU[-1].max() + strength
        EUPU[:, -1] += EUPU.max() + strength * generator.uniform(0.4, 1.4)
        EQKE[-1] *= generator.uniform(0.0, 4.0) / np.abs(EQKE[-1]).max()
    shape, tensors = network_of(EQKE, EQKP, EVOU, PVOU, EUPU)
    if biases:
        b = {f"blocks.0.attn.b_{c}": noise(0.2, 1, shape.d_head) for c in "QKV"}
        b |= {"blocks.0.attn.b_O": noise(0.2, shape.d_model), "unembed.b_U": noise(0.2, d)}
        tensors |= {name: array.astype("<f4") for name, array in b.items()}
    return shape, tensors


def one_token_too_many() -> tuple[Shape, Tensors, Array]:
    """Max of 2, 3 tokens, gaps that skip token 1 under query 2: (0, 2) is proved right, and (1, 2), which has one token more, is wrong.

    With (m − g + 2)^p in place of (m − g + 1)^p the count would include it.
    """
    EQKE = np.array([[0.0, 40, 80], [0, 40, 80], [0, 80, 40]])
    shape, tensors = network_of(EQKE, np.zeros((3, 2)), 8 * np.eye(3), np.zeros((2, 3)), np.zeros((3, 3)))
    gaps = np.ones((3, 3, 2), dtype=np.int64)
    gaps[2, 2, 1] = 2
    return shape, tensors, gaps


def unit(vector: Array, bits: int = 20) -> Array:
    """A vector of length about 1 on the grid 2^−bits."""
    return np.round(vector / np.linalg.norm(vector) * 2.0**bits) / 2.0**bits
