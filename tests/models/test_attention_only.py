"""The path expansion is the forward pass, exactly; what is not this architecture is refused, naming the tensor."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from mpmath import iv, mp
from soundness.small_models import BIASES, WEIGHTS, Shape, random_model, raw_safetensors, safetensors_bytes, shapes
from soundness.truth import BITS, Network, read_tensors

from proofcheck import Declined, Dimensions, Limits, ProofcheckError, Reason, Rejected
from proofcheck.models import AttentionOnly, PathTables, decode_weights
from proofcheck.models.attention_only import ATTENTION_ONLY, TENSORS

SHAPE = Shape(n_ctx=3, d_vocab=4, d_model=5, d_head=2)
KINDS = [("<f8", False), ("<f4", False), ("<f2", False), ("<f4", True)]


def decoded(weights: bytes, shape: Shape = SHAPE, exponent: int = Limits().exponent) -> AttentionOnly:
    sizes = Dimensions(n_ctx=shape.n_ctx, d_vocab=shape.d_vocab, d_model=shape.d_model, d_head=shape.d_head)
    model = ATTENTION_ONLY.build(sizes, {}, decode_weights(weights, TENSORS, Limits(exponent=exponent)))
    assert isinstance(model, AttentionOnly)
    return model


def example(dtype: str = "<f4", *, bfloat16: bool = False, biases: bool = True, seed: int = 0) -> bytes:
    return safetensors_bytes(random_model(SHAPE, seed, biases=biases, dtype=dtype), bfloat16=bfloat16)


def dot(a: Any, b: Any) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def through(network: Network, vector: list[Fraction]) -> list[Fraction]:
    """vector @ W_U, exactly."""
    return [dot(vector, [row[j] for row in network.W_U]) for j in range(network.d_vocab)]


@pytest.mark.parametrize("biases", [False, True])
@pytest.mark.parametrize(("dtype", "bfloat16"), KINDS)
def test_tables_are_the_parts_of_the_forward_pass_exactly(dtype: str, bfloat16: bool, biases: bool) -> None:
    """Scores, values and the direct path of every token at every position, in exact rationals, biases included."""
    weights = example(dtype, bfloat16=bfloat16, biases=biases)
    network, tables = Network(read_tensors(weights)), decoded(weights).path_tables()
    t = {name: getattr(tables, name).fractions() for name in ("EUPU", "EVOU", "PVOU", "EQKE", "EQKP")}
    last = SHAPE.n_ctx - 1
    for q, token, i in product(range(SHAPE.d_vocab), range(SHAPE.d_vocab), range(SHAPE.n_ctx)):
        score = dot(network.head(q, last)[0], network.head(token, i)[1])
        assert t["EQKE"][q, token] + t["EQKP"][q, i] == score
        value = network.head(token, i)[2]
        mixed = [dot(value, [row[a] for row in network.W["O"]]) for a in range(SHAPE.d_model)]
        assert (t["EVOU"][token] + t["PVOU"][i]).tolist() == through(network, mixed)
        direct = [a + b for a, b in zip(network.residual(q, last), network.b["O"], strict=True)]
        assert t["EUPU"][q].tolist() == [a + b for a, b in zip(through(network, direct), network.b_U, strict=True)]


@pytest.mark.parametrize("dtype", ["<f8", "<f4", "<f2"])
def test_logits_of_the_tables_are_those_of_the_forward_pass(dtype: str) -> None:
    """Softmax and all: 200 bits of both."""
    weights = example(dtype, seed=1)
    network, tables = Network(read_tensors(weights)), decoded(weights).path_tables()
    old = iv.prec, mp.prec
    iv.prec, mp.prec = BITS, 200
    try:
        for x in product(range(SHAPE.d_vocab), repeat=SHAPE.n_ctx):
            expected = network.logits(x)
            for ours, interval in zip(table_logits(tables, x), expected, strict=True):
                assert abs(ours - mp.mpf(interval.mid)) < mp.mpf(2) ** -150 * (1 + abs(ours))
    finally:
        iv.prec, mp.prec = old


def table_logits(tables: PathTables, x: tuple[int, ...]) -> list[Any]:
    """The postcondition of `AttentionOnly.path_tables` in mpmath."""
    q = x[-1]
    scores = [number(tables.EQKE[q, t]) + number(tables.EQKP[q, i]) for i, t in enumerate(x)]
    weights = [mp.exp(score / mp.sqrt(SHAPE.d_head)) for score in scores]
    values = [[number(tables.EVOU[t, o]) + number(tables.PVOU[i, o]) for o in range(SHAPE.d_vocab)] for i, t in enumerate(x)]
    total = sum(weights)
    return [
        number(tables.EUPU[q, o]) + sum(w * value[o] for w, value in zip(weights, values, strict=True)) / total
        for o in range(SHAPE.d_vocab)
    ]


def number(entry: Any) -> Any:
    value = entry.fractions()[()]
    return mp.mpf(value.numerator) / value.denominator


def test_wrong_semantics_would_be_noticed() -> None:
    """A bias, a position or a weight changed by one unit in the last place changes a table."""
    tensors = random_model(SHAPE, 2, biases=True)
    tables = decoded(safetensors_bytes(tensors)).path_tables()
    names = ("EUPU", "EVOU", "PVOU", "EQKE", "EQKP")
    for name, array in tensors.items():
        changed = array.copy()
        changed.flat[-1] = np.nextafter(changed.flat[-1], np.float32(np.inf))
        others = decoded(safetensors_bytes({**tensors, name: changed})).path_tables()
        assert any((getattr(tables, t).fractions() != getattr(others, t).fractions()).any() for t in names), name


def test_missing_biases_are_zero() -> None:
    tensors = random_model(SHAPE, 3)
    zeros = {name: np.zeros(shapes(SHAPE)[name], dtype="<f4") for name in BIASES}
    without, with_zeros = (decoded(safetensors_bytes(t)).path_tables() for t in (tensors, {**tensors, **zeros}))
    for name in ("EUPU", "EVOU", "PVOU", "EQKE", "EQKP"):
        assert (getattr(without, name).fractions() == getattr(with_zeros, name).fractions()).all()


def refusal(weights: bytes) -> ProofcheckError:
    with pytest.raises(ProofcheckError) as caught:
        decoded(weights)
    return caught.value


@pytest.mark.parametrize("name", [*WEIGHTS, *BIASES])
def test_every_wrong_shape_is_refused_naming_the_tensor(name: str) -> None:
    tensors = random_model(SHAPE, 4, biases=True)
    shape = tensors[name].shape
    wrong = [tuple(size + (k == axis) for k, size in enumerate(shape)) for axis in range(len(shape))]
    wrong += [(*shape, 1), shape[1:], (), (0,), tuple(size if k else 0 for k, size in enumerate(shape))]
    for other in wrong:
        error = refusal(safetensors_bytes({**tensors, name: np.ones(other, dtype="<f4")}))
        another = len(other) == len(shape) == 3 and other[0] != 1  # heads
        another |= name.startswith("unembed") and other == (*shape[:-1], shape[-1] + 1)  # d_vocab_out
        assert (type(error), error.code) == ((Declined, Reason.UNSUPPORTED_ARCHITECTURE) if another else (Rejected, Reason.WRONG_SHAPE)), (
            other
        )
        assert error.path == name
        assert name in error.message
    decoded(safetensors_bytes(tensors))


@pytest.mark.parametrize("name", WEIGHTS)
def test_every_missing_tensor_is_named(name: str) -> None:
    tensors = random_model(SHAPE, 4)
    error = refusal(safetensors_bytes({key: array for key, array in tensors.items() if key != name}))
    tied = name == "unembed.W_U"
    wanted = (Declined, Reason.UNSUPPORTED_ARCHITECTURE) if tied else (Rejected, Reason.BAD_WEIGHTS)
    assert (type(error), error.code, error.path) == (*wanted, name)
    assert ("tied" in error.hint) == tied
    decoded(safetensors_bytes(tensors))


@pytest.mark.parametrize(
    "name",
    [
        "blocks.0.ln1.w",
        "blocks.0.ln1.b",
        "ln_final.w",
        "blocks.0.mlp.W_in",
        "blocks.0.mlp.b_out",
        "blocks.1.attn.W_Q",
        "blocks.0.attn.W_Q.weight",
        "embed.W_E ",
        "Embed.W_E",
        "",
    ],
)
def test_tensors_of_other_architectures_are_named(name: str) -> None:
    tensors = random_model(SHAPE, 5)
    error = refusal(safetensors_bytes({**tensors, name: np.ones((2, 3), dtype="<f4")}))
    assert (type(error), error.code, error.path) == (Declined, Reason.UNSUPPORTED_ARCHITECTURE, name)
    decoded(safetensors_bytes(tensors))


def test_two_heads_are_named() -> None:
    tensors = random_model(SHAPE, 6, biases=True)
    for name in ("W_Q", "W_K", "W_V", "W_O"):
        key = f"blocks.0.attn.{name}"
        tensors[key] = np.concatenate([tensors[key], tensors[key]])
    error = refusal(safetensors_bytes(tensors))
    assert (type(error), error.code, error.found) == (Declined, Reason.UNSUPPORTED_ARCHITECTURE, "2 heads")
    assert error.path == "blocks.0.attn.W_Q"


def test_buffers_are_ignored_whatever_they_hold() -> None:
    tensors = random_model(SHAPE, 7)
    plain = safetensors_bytes(tensors)
    size = int.from_bytes(plain[:8], "little")
    header, body = json.loads(plain[8 : 8 + size]), plain[8 + size :]
    header["blocks.0.attn.mask"] = {"dtype": "BOOL", "shape": [3, 3], "data_offsets": [len(body), len(body) + 9]}
    header["blocks.0.attn.IGNORE"] = {"dtype": "F32", "shape": [], "data_offsets": [len(body) + 9, len(body) + 13]}
    with_buffers = raw_safetensors(header, body + b"\1" * 9 + np.array(-np.inf, dtype="<f4").tobytes())
    ours, theirs = decoded(plain).path_tables(), decoded(with_buffers).path_tables()
    assert (ours.EVOU.fractions() == theirs.EVOU.fractions()).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [*WEIGHTS, *BIASES])
@pytest.mark.parametrize(("dtype", "bfloat16"), KINDS)
def test_weights_that_are_not_finite_are_named_with_their_place(name: str, bad: float, dtype: str, bfloat16: bool) -> None:
    tensors = random_model(SHAPE, 8, biases=True, dtype=dtype)
    tensors[name].flat[-1] = bad
    error = refusal(safetensors_bytes(tensors, bfloat16=bfloat16))
    assert (type(error), error.code, error.path) == (Rejected, Reason.NON_FINITE_WEIGHT, name)
    assert str([size - 1 for size in tensors[name].shape]) in error.message


def test_the_largest_and_smallest_weights_are_exact() -> None:
    tensors = random_model(SHAPE, 9, dtype="<f8")
    tensors["embed.W_E"][0, 0], tensors["embed.W_E"][0, 1], tensors["embed.W_E"][1, 0] = 1.7976931348623157e308, 5e-324, -0.0
    model = decoded(safetensors_bytes(tensors), exponent=1074)
    assert model.W_E.fractions()[0, 0] == Fraction(1.7976931348623157e308)
    assert model.W_E.fractions()[0, 1] == Fraction(5e-324)
    assert model.W_E.fractions()[1, 0] == 0
    assert model.path_tables().EVOU.shape == (4, 4)


@pytest.mark.parametrize("lowest, highest", [(-3, 3), (-30, 1), (5, 60), (-90, -80), (-200, 200)])
@pytest.mark.parametrize("shape", [Shape(1, 2, 1, 1), Shape(3, 4, 5, 2), Shape(6, 2, 3, 4)])
def test_table_bits_bound_the_tables(shape: Shape, lowest: int, highest: int) -> None:
    for seed in range(5):
        generator = np.random.default_rng(seed)
        tensors = {
            name: np.ldexp(generator.choice((-1.0, 1.0, 1.9999), size), generator.integers(lowest, highest, size))
            for name, size in shapes(shape).items()
        }
        model = decoded(safetensors_bytes(tensors), shape)
        tables = model.path_tables()
        largest = max(table.size * table.bits() for table in (tables.EUPU, tables.EVOU, tables.PVOU, tables.EQKE, tables.EQKP))
        assert 0 < largest <= model.table_bits()


@pytest.mark.parametrize("shape", [Shape(3, 4, 5, 2), Shape(5, 2, 1, 1), Shape(1, 3, 2, 4)])
def test_the_bits_of_tables_are_bounded_as_its_proof_says(shape: Shape) -> None:
    """d·max(d, n) entries of four spans and the bits of (2·D + 1)²·H; spans from the smallest to the largest bit of any weight."""
    tensors = {name: np.full(array.shape, 0.75) for name, array in random_model(shape, 0).items()}
    weights = safetensors_bytes(tensors)
    terms = (2 * shape.d_model + 1) ** 2 * shape.d_head
    entries = shape.d_vocab * max(shape.d_vocab, shape.n_ctx)
    assert 0.75 == 3 * 2.0**-2 < 2.0**1
    spans = {value / entries for value in [decoded(weights, shape).table_bits()]}
    assert spans == {4 * 3 + len(bin(terms)) - 2}
