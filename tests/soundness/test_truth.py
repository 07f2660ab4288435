"""Ground truth against float64 forward passes, and the rules against ground truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from soundness.small_models import BRUTE_FORCE, CUBIC, Shape, proved_count, random_model, safetensors_bytes, trained_like
from soundness.truth import ground_truth, ieee_value, read_tensors, truth_of_file

MODELS = Path(__file__).parents[2] / "certificates" / "models"
SHAPES = (
    Shape(1, 2, 1, 1),
    Shape(1, 5),
    Shape(2, 2),
    Shape(2, 4, 4, 3),
    Shape(3, 2, 2, 1),
    Shape(3, 3),
    Shape(3, 4, 4, 2),
    Shape(4, 2, 3, 3),
)


def models() -> list[tuple[str, Shape, bytes]]:
    """A hundred small networks: random, near to trained, with biases, of all dtypes, with ties, with large scores."""
    found = []
    for k in range(100):
        shape = SHAPES[k % len(SHAPES)]
        dtype = ("<f4", "<f8", "<f2", "<f4")[k % 4]
        kind = ("random", "trained", "ties", "large", "zero")[k % 5]
        wide = Shape(shape.n_ctx, shape.d_vocab, max(shape.d_model, 3), max(shape.d_head, 2))
        if kind == "trained":
            shape, tensors = wide, trained_like(wide, k, biases=k % 3 == 0, gain=(0.3, 1.0, 3.0)[k % 3], dtype=dtype)
        else:
            tensors = random_model(shape, k, biases=k % 3 == 0, scale={"large": 12.0}.get(kind, 1.0), dtype=dtype)
        if kind == "ties":
            tensors["unembed.W_U"][:, -1] = tensors["unembed.W_U"][:, 0]
            if "unembed.b_U" in tensors:
                tensors["unembed.b_U"][-1] = tensors["unembed.b_U"][0]
        if kind == "zero":
            tensors["blocks.0.attn.W_Q"][:] = 0
            tensors["pos_embed.W_pos"][:] = -0.0
        found.append((f"{k}-{kind}-n{shape.n_ctx}-d{shape.d_vocab}", shape, safetensors_bytes(tensors, bfloat16=k % 20 == 0)))
    return found


CASES = models()


def float_forward(weights: bytes) -> int:
    """The count by float64 forward passes of all sequences, written with numpy alone."""
    t = {name: np.array([float(x) for x in entries]).reshape(shape) for name, (shape, entries) in read_tensors(weights).items()}
    d, n = t["embed.W_E"].shape[0], t["pos_embed.W_pos"].shape[0]
    W = {c: t[f"blocks.0.attn.W_{c}"][0] for c in "QKVO"}
    b = {c: t.get(f"blocks.0.attn.b_{c}", np.zeros(W[c].shape[1])).reshape(-1) for c in "QKVO"}
    count = 0
    for x in np.ndindex(*(d,) * n):
        r = t["embed.W_E"][list(x)] + t["pos_embed.W_pos"]
        scores = (r @ W["K"] + b["K"]) @ (r[-1] @ W["Q"] + b["Q"]) / np.sqrt(W["Q"].shape[1])
        a = np.exp(scores - scores.max())
        z = (a / a.sum()) @ (r @ W["V"] + b["V"])
        logits = (r[-1] + z @ W["O"] + b["O"]) @ t["unembed.W_U"] + t.get("unembed.b_U", 0)
        others = np.delete(logits, max(x))
        count += bool(logits[max(x)] > others.max())
    return count


@pytest.mark.parametrize("k", [k for k in range(100) if "ties" not in CASES[k][0]][::9])
def test_truth_agrees_with_float_forward_passes_where_nothing_is_tied(k: int) -> None:
    weights = CASES[k][2]
    truth = ground_truth(read_tensors(weights))
    assert truth.undecided == 0
    assert truth.correct == float_forward(weights)


def test_equal_columns_of_the_unembedding_are_ties_and_wrong() -> None:
    for name, shape, weights in CASES:
        if "ties" in name:
            truth = ground_truth(read_tensors(weights))
            first_and_last = [x for x in truth.answers if max(x) in (0, shape.d_vocab - 1)]
            assert all(truth.answers[x] is False for x in first_and_last)


@pytest.mark.parametrize("name", ["counterexample-mean-diff-direct", "counterexample-mean-diff-positional"])
def test_the_published_counterexamples_answer_12_of_64(name: str) -> None:
    truth = truth_of_file(MODELS / f"{name}.safetensors")
    assert (truth.correct, truth.undecided, truth.total) == (12, 0, 64)


def test_ieee_values_are_those_of_numpy() -> None:
    generator = np.random.default_rng(0)
    for name, kind, unsigned in (("F64", "<f8", "<u8"), ("F32", "<f4", "<u4"), ("F16", "<f2", "<u2")):
        bits = generator.integers(0, 2 ** (8 * np.dtype(kind).itemsize), 300, dtype=unsigned)
        bits = np.concatenate([bits, np.array([0, 1, 2, 3], dtype=unsigned), np.array([-0.0, 1.0, -2.5], dtype=kind).view(unsigned)])
        for pattern, value in zip(bits.tolist(), bits.view(kind).tolist(), strict=True):
            if np.isfinite(value):
                assert ieee_value(pattern, name) == value
            else:
                with pytest.raises(ValueError, match="NaN or infinity"):
                    ieee_value(pattern, name)
    assert ieee_value(0x3FC0, "BF16") == 1.5


def test_the_hundred_models_prove_something() -> None:
    """Agreement on networks that are always wrong would say little."""
    counts = [ground_truth(read_tensors(weights)) for name, _, weights in CASES if "trained" in name]
    assert sum(truth.correct > 0 for truth in counts) >= 15
    assert any(0 < truth.correct < truth.total for truth in counts)


@pytest.mark.parametrize(("name", "shape", "weights"), CASES, ids=[case[0] for case in CASES])
def test_enumeration_is_exact_and_cubic_is_a_lower_bound(name: str, shape: Shape, weights: bytes, tmp_path: Path) -> None:
    truth = ground_truth(read_tensors(weights))
    counts = {
        (label, backend): proved_count(weights, shape, steps, tmp_path, backend=backend)
        for label, steps in (("enumeration", BRUTE_FORCE), ("cubic", CUBIC))
        for backend in ("fast", "arb")
    }
    for backend in ("fast", "arb"):
        assert truth.correct <= counts["enumeration", backend] <= truth.correct + truth.undecided
        assert counts["cubic", backend] <= truth.correct + truth.undecided
    assert counts["enumeration", "fast"] == counts["enumeration", "arb"]
    assert counts["cubic", "fast"] <= counts["cubic", "arb"]
    if "large" not in name:  # doubles lose weights that are exp(−745) of the largest one; balls do not
        assert counts["cubic", "fast"] == counts["cubic", "arb"]
