"""The semantics of `transformer`: balls against torch, the fast form against balls and torch, for random networks of every option."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from models.transformer_reference import Case, options, random_case, random_tensors, sizes, torch_logits
from numpy.typing import NDArray

from proofcheck import Declined, Limits, ProofcheckError, Reason, Rejected
from proofcheck.arithmetic import Arithmetic, DyadicArray, exclusive_precision
from proofcheck.arithmetic.ball_intervals import BallIntervals, ends
from proofcheck.arithmetic.float_columns import FloatLogits
from proofcheck.arithmetic.operations import counting
from proofcheck.models.transformer import TRANSFORMER, Transformer, WidthsKind


def words_of(case: Case, most: int = 60) -> NDArray[np.int64]:
    """Sorted inputs, all of them or a run of neighbours, so that prefixes are shared."""
    every = np.array(list(product(range(case.sizes["d_vocab"]), repeat=case.sizes["n_ctx"])))
    start = len(every) // 3 if len(every) > most else 0
    return every[start : start + most]


def ball_middles(case: Case, tokens: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middles and half widths of the balls, rounded to doubles."""
    found = case.network().evaluator(Arithmetic("arb", 128))(tokens)
    assert isinstance(found, BallIntervals)
    pairs = [ends(x) for x in found.entries.ravel().tolist()]
    low, high = (np.array([m * 2.0**e for m, e in side]).reshape(found.shape) for side in zip(*pairs, strict=True))
    return (low + high) / 2, (high - low) / 2


@pytest.mark.parametrize("seed", range(120))
def test_balls_torch_and_the_fast_form_agree(seed: int) -> None:
    case = random_case(seed)
    tokens = words_of(case)
    expected = torch_logits(case, tokens)
    with exclusive_precision():
        middles, widths = ball_middles(case, tokens)
        fast = case.network().evaluator(Arithmetic("fast", 128))(tokens)
    scale = 1 + np.abs(expected).max()
    assert np.abs(middles - expected).max() < 1e-9 * scale
    assert widths.max() < 1e-25 * scale
    assert isinstance(fast, FloatLogits)
    assert np.isfinite(fast.radius).all()
    distance = np.sqrt(((fast.values.T - middles) ** 2).sum(axis=1))
    assert (distance <= fast.radius + 1e-15 * scale).all()
    assert (np.sqrt(((fast.values.T - expected) ** 2).sum(axis=1)) <= 1e-9 * scale).all()


@pytest.mark.parametrize("seed", range(0, 120, 3))
def test_sharing_changes_nothing(seed: int) -> None:
    """One input at a time, inputs in another order, and repeated inputs give the same logits, within the radii."""
    case = random_case(seed)
    tokens = words_of(case, 20)
    with exclusive_precision():
        evaluate = case.network().evaluator(Arithmetic("fast", 128))
        whole = evaluate(tokens)
        order = np.random.default_rng(seed).integers(0, len(tokens), 25)
        mixed = evaluate(tokens[order])
        singles = [evaluate(tokens[b : b + 1]) for b in range(len(tokens))]
    assert isinstance(whole, FloatLogits) and isinstance(mixed, FloatLogits)
    bound = whole.radius + np.array([single.radius[0] for single in singles])
    assert (np.linalg.norm(whole.values - np.concatenate([single.values for single in singles], axis=1), axis=0) <= bound).all()
    assert (np.linalg.norm(whole.values[:, order] - mixed.values, axis=0) <= whole.radius[order] + mixed.radius).all()


@pytest.mark.parametrize("seed", range(40))
def test_operations_are_bounded(seed: int) -> None:
    case = random_case(seed)
    tokens = words_of(case, 10**9)
    answers = np.zeros(len(tokens), dtype=np.int64)
    dimensions, chosen = case.dimensions, case.read_options
    for backend in ("fast", "arb"):
        if backend == "arb" and len(tokens) > 130:
            continue
        with exclusive_precision(), counting() as counter:
            found = case.network().evaluator(Arithmetic(backend, 64))(tokens)  # type: ignore[arg-type]
            if isinstance(found, FloatLogits):
                found.decide(answers)
        most = TRANSFORMER.prepare(dimensions, chosen) + len(tokens) * (TRANSFORMER.forward(dimensions, chosen))
        assert 0 < counter.total <= most


def variants() -> dict[str, tuple[dict[str, int], dict[str, Any], dict[str, Any]]]:
    """name -> sizes, options, and other options of the same weights that mean another function."""
    mlp = {"n_layers": 1, "d_mlp": 5}
    return {
        "activation": (sizes(**mlp), options(activation="gelu"), options(activation="gelu_new")),
        "silu": (sizes(**mlp), options(activation="gelu"), options(activation="silu")),
        "relu": (sizes(**mlp), options(activation="relu"), options(activation="gelu")),
        "full": (sizes(n_layers=2), options(attention="causal"), options(attention="full")),
        "uniform": (sizes(), options(attention="causal"), options(attention="causal-uniform")),
        "scale": (sizes(), options(), options(scale="1/1")),
        "eps": (sizes(), options(normalization="LN", eps="1/100000"), options(normalization="LN", eps="1/10000")),
        "centred": (sizes(), options(normalization="LNPre", eps="1/9"), options(normalization="RMSPre", eps="1/9")),
        "readout": (sizes(), options(readout="last"), options(readout="sum")),
        "position": (sizes(), options(readout=0), options(readout=1)),
    }


@pytest.mark.parametrize("name", variants())
def test_every_option_changes_the_function(name: str) -> None:
    shape, one, other = variants()[name]
    tensors = random_tensors(shape, one, 7, size=2.0)
    cases = [Case(shape, chosen, tensors) for chosen in (one, other)]
    tokens = words_of(cases[0], 30)
    with exclusive_precision():
        middles = [ball_middles(case, tokens)[0] for case in cases]
    assert np.abs(middles[0] - middles[1]).max() > 1e-7
    for case, middle in zip(cases, middles, strict=True):
        assert np.abs(torch_logits(case, tokens) - middle).max() < 1e-12 * (1 + np.abs(middle).max())


def refusal(case: Case) -> ProofcheckError:
    with pytest.raises(ProofcheckError) as caught:
        case.network()
    return caught.value


@pytest.mark.parametrize(
    ("shape", "chosen", "place"),
    [
        (sizes(n_positions=2), options(), "$.model.dimensions.n_positions"),
        (sizes(n_heads=0), options(), "$.model.dimensions.d_head"),
        (sizes(d_head=0), options(), "$.model.dimensions.d_head"),
        (sizes(n_layers=0), options(), "$.model.dimensions.n_layers"),
        (sizes(n_heads=0, d_head=0), options(attention="full"), "$.model.dimensions.n_layers"),
        (sizes(d_mlp=4), options(), "$.model.dimensions.d_mlp"),
        (sizes(), options(activation="relu"), "$.model.dimensions.d_mlp"),
        (sizes(), options(eps="1/8"), "$.model.options.eps"),
        (sizes(), options(normalization="LN"), "$.model.options.eps"),
        (sizes(), options(attention="full-uniform", scale="1/2"), "$.model.options.scale"),
        (sizes(n_layers=0, n_heads=0, d_head=0), options(attention="causal"), "$.model.options.attention"),
        (sizes(), options(readout=2), "$.model.options.readout"),
        (sizes(), options(readout=7), "$.model.options.readout"),
    ],
)
def test_sizes_and_options_that_contradict_each_other_are_refused(shape: dict[str, int], chosen: dict[str, Any], place: str) -> None:
    good = Case(sizes(), options(), random_tensors(sizes(), options(), 0))
    good.network()
    error = refusal(Case(shape, chosen, good.tensors))
    assert (type(error), error.path) == (Rejected, place)


def test_a_head_of_width_one_is_a_network() -> None:
    chosen = options(head=(1, 3, 1))
    case = Case(sizes(), chosen, random_tensors(sizes(), chosen, 0))
    tokens = words_of(case, 20)
    with exclusive_precision():
        assert np.abs(ball_middles(case, tokens)[0] - torch_logits(case, tokens)).max() < 1e-9


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attention", "sparse"),
        ("normalization", "ln"),
        ("activation", "tanh"),
        ("scale", "2"),
        ("scale", "-1/2"),
        ("scale", 1),
        ("eps", "1e-5"),
        ("readout", "mean"),
        ("readout", -1),
        ("head", 3),
        ("head", (0,)),
        ("head", ("a",)),
        ("embedding", ""),
    ],
)
def test_options_of_another_kind_are_refused(name: str, value: Any) -> None:
    case = Case(sizes(), options(**{name: value}), random_tensors(sizes(), options(), 0))
    error = refusal(case)
    assert (type(error), error.path.startswith(f"$.model.options.{name}")) == (Rejected, True)


@pytest.mark.parametrize(
    "name",
    [
        "blocks.0.ln1.w",
        "blocks.0.mlp.W_in",
        "blocks.1.attn.W_Q",
        "ln_final.w",
        "blocks.0.attn.rotary_sin",
        "head.0.W",
        "blocks.0.mlp.W_gate",
        "blocks.0.attn.q_norm.w",
        "embed.W_E2",
    ],
)
def test_tensors_that_would_change_the_function_are_named(name: str) -> None:
    tensors = random_tensors(sizes(), options(), 1)
    error = refusal(Case(sizes(), options(), {**tensors, name: np.ones((2, 2), dtype="<f4")}))
    assert (type(error), error.code, error.path) == (Declined, Reason.UNSUPPORTED_ARCHITECTURE, name)


def test_buffers_are_skipped_before_anything_is_read() -> None:
    tensors = random_tensors(sizes(), options(), 2)
    buffers = {"blocks.0.attn.mask": np.ones((3, 3), dtype=bool), "blocks.0.attn.IGNORE": np.array(-np.inf, dtype="<f4")}
    tokens = words_of(Case(sizes(), options(), tensors))
    with exclusive_precision():
        with_them, without = (ball_middles(Case(sizes(), options(), t), tokens)[0] for t in ({**tensors, **buffers}, tensors))
    assert (with_them == without).all()


@pytest.mark.parametrize("name", sorted(random_tensors(sizes(d_mlp=3), options(activation="relu", normalization="LN", eps="1/8"), 0)))
def test_missing_and_misshapen_tensors_are_named(name: str) -> None:
    shape, chosen = sizes(d_mlp=3), options(activation="relu", normalization="LN", eps="1/8")
    tensors = random_tensors(shape, chosen, 0)
    error = refusal(Case(shape, chosen, {**tensors, name: np.ones((1, *tensors[name].shape), dtype="<f4")}))
    assert (type(error), error.code, error.path) == (Rejected, Reason.WRONG_SHAPE, name)
    without = Case(shape, chosen, {other: array for other, array in tensors.items() if other != name})
    if ".b_" in name:  # zero where it is absent
        zero = Case(shape, chosen, {**tensors, name: np.zeros_like(tensors[name])})
        tokens = words_of(zero, 10)
        with exclusive_precision():
            assert (ball_middles(without, tokens)[0] == ball_middles(zero, tokens)[0]).all()
    else:
        assert refusal(without).path == name


def test_a_prompt_may_be_shorter_than_the_trained_context() -> None:
    shape, longer = sizes(n_ctx=2), sizes(n_ctx=2, n_positions=9)
    tensors = random_tensors(longer, options(), 3)
    short = {**tensors, "pos_embed.W_pos": tensors["pos_embed.W_pos"][:3]}
    tokens = words_of(Case(longer, options(), tensors))
    with exclusive_precision():
        one, other = (ball_middles(case, tokens)[0] for case in (Case(longer, options(), tensors), Case(shape, options(), short)))
    assert (one == other).all()


@pytest.mark.parametrize("seed", range(30))
def test_numbers_that_leave_the_range_of_float64_decide_nothing(seed: int) -> None:
    """Weights so large that products overflow: an input is never counted wrong where balls say right, nor right where they say wrong."""
    rng = np.random.default_rng(seed)
    case = random_case(int(rng.integers(120)))
    name = list(case.tensors)[int(rng.integers(len(case.tensors)))]
    grown = case.tensors[name].astype("<f8") * 2.0 ** int(rng.integers(100, 250))
    large = Case(case.sizes, case.options, {**case.tensors, name: grown})
    tokens = words_of(large, 30)
    answers = rng.integers(0, case.sizes["d_vocab_out"], len(tokens))
    with exclusive_precision():
        fast = large.network().evaluator(Arithmetic("fast", 128))
        found = fast(tokens)
        assert isinstance(found, FloatLogits)
        right, wrong = found.decide(answers)
        assert not (right & wrong).any()
        try:
            balls = large.network().evaluator(Arithmetic("arb", 2048))(tokens)
        except ArithmeticError:
            return
        from proofcheck.rules.counting.evaluation import decide

        truly_right, truly_wrong = decide(balls, answers)
    assert not (right & truly_wrong).any()
    assert not (wrong & truly_right).any()


def test_widths_of_the_head_have_the_limit_of_dimensions() -> None:
    limits = Limits()
    assert WidthsKind().read((limits.dimension,), "$.head", limits) == (limits.dimension,)
    with pytest.raises(Declined, match="dimension") as refused:
        WidthsKind().read((1, limits.dimension + 1), "$.head", limits)
    assert (refused.value.code, refused.value.path) == (Reason.LIMIT_EXCEEDED, "$.head[1]")


def test_a_plain_evaluation_rounds_in_its_longest_sum() -> None:
    """Of a deep and narrow network that is the residual stream, read out as a sum."""
    sizes = {"n_layers": 10, "n_heads": 1, "n_ctx": 2, "d_model": 2, "d_head": 1, "d_mlp": 3}
    one = DyadicArray.from_floats(np.ones((2, 2)))
    for changed, terms in (({}, 22), ({"d_mlp": 30}, 30), ({"d_model": 40}, 40), ({"n_heads": 50}, 50), ({"n_ctx": 60}, 120)):
        network = SimpleNamespace(dimensions=SimpleNamespace(**{**sizes, **changed}), unembedding=SimpleNamespace(maps=[(one, None)]))
        assert Transformer.plain_roundings(network) == terms + 8  # type: ignore[arg-type]
