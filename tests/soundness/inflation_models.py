"""Random small networks on which rounded arithmetic misleads: near-ties, exact ties, saturated attention, large common terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mpmath import iv
from soundness.float_strategies import Floats, forward_passes
from soundness.small_models import WEIGHTS, Shape, Tensors, random_model, safetensors_bytes, trained_like
from soundness.truth import BITS, Network, read_tensors

_ATTEMPTS = 12
Family = Callable[[np.random.Generator], "Tensors | None"]
Generator = np.random.Generator


def near_tie(shape: Shape, dtype: str = "<f4", *, positions: bool = True, likeness: float = 0.5) -> Family:
    """A random or nearly right network with one weight moved until some sequence is wrong by a hair."""

    def family(generator: Generator) -> Tensors | None:
        seed = int(generator.integers(1 << 30))
        likely = shape.d_model >= 3 and generator.random() < likeness
        tensors = trained_like(shape, seed, gain=0.7, dtype=dtype) if likely else random_model(shape, seed, dtype=dtype)
        if not positions:
            tensors["pos_embed.W_pos"][:] = 0
        return at_a_tie(tensors, generator)

    return family


def at_a_tie(
    tensors: Tensors,
    generator: Generator,
    sequence: tuple[int, ...] | None = None,
    names: Sequence[str] = WEIGHTS,
    rival: int | None = None,
) -> Tensors | None:
    """One weight moved, by bisection over the floats of its format, to the last value at which the sequence is still wrong."""
    (d, _), n = tensors["embed.W_E"].shape, len(tensors["pos_embed.W_pos"])
    x = tuple(int(t) for t in generator.integers(0, d, n)) if sequence is None else sequence
    other = int(generator.choice(np.delete(np.arange(d), max(x)))) if rival is None else rival
    for _ in range(_ATTEMPTS):
        name = str(generator.choice(list(names)))
        array = tensors[name].copy()
        place = tuple(int(generator.integers(size)) for size in array.shape)
        width = max(float(abs(array[place])), 0.1) * float(generator.choice([0.1, 1.0, 4.0]))
        found = _bisected({**tensors, name: array}, array, place, width, x, other)
        if found is not None:
            return found
    return None


def _bisected(tensors: Tensors, array: Any, place: tuple[int, ...], width: float, sequence: tuple[int, ...], rival: int) -> Tensors | None:
    """`array`, one of the tensors, is changed at `place`; None if the sequence is right, or wrong, at both ends of the range."""

    def wins(value: float) -> bool:
        array[place] = value
        return margin_certainly_positive(tensors, sequence, rival)

    low, high = (_ordered(array.dtype.type(array[place] + end)) for end in (-width, width))
    wins_low, wins_high = wins(_value(low, array.dtype)), wins(_value(high, array.dtype))
    if wins_low == wins_high:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if wins(_value(middle, array.dtype)) == wins_low:
            low = middle
        else:
            high = middle
    array[place] = _value(high if wins_low else low, array.dtype)
    return tensors


def margin_certainly_positive(tensors: Mapping[str, Any], sequence: tuple[int, ...], rival: int) -> bool:
    """Is the max token's logit above the rival's, by intervals?"""
    network = Network(read_tensors(safetensors_bytes(tensors)))
    old, iv.prec = iv.prec, BITS
    try:
        final, m = network.final(sequence), max(sequence)
        total = (
            iv.mpf(network.b_U[m].numerator) / network.b_U[m].denominator
            - iv.mpf(network.b_U[rival].numerator) / network.b_U[rival].denominator
        )
        for row, entry in zip(network.W_U, final, strict=True):
            difference = row[m] - row[rival]
            total += iv.mpf(difference.numerator) / difference.denominator * entry
        return bool(total.a > 0)
    finally:
        iv.prec = old


def equal_columns(shape: Shape) -> Family:
    """Small integers, and an unembedding in which some tokens have the same column: exact ties, which argmax decides by index."""

    def family(generator: Generator) -> Tensors | None:
        tensors = integers(shape, generator)
        columns = tensors["unembed.W_U"]
        for _ in range(int(generator.integers(1, shape.d_vocab))):
            i, j = (int(k) for k in generator.integers(0, shape.d_vocab, 2))
            columns[:, i] = columns[:, j]
        return tensors

    return family


def saturated(shape: Shape, gain: float, dtype: str = "<f4") -> Family:
    """Small integers, no two equal columns in W_U, and scores so far apart that only one position gets attention in floats."""

    def family(generator: Generator) -> Tensors | None:
        tensors = integers(shape, generator, dtype)
        if len(np.unique(tensors["unembed.W_U"], axis=1).T) < shape.d_vocab:
            return None
        tensors["blocks.0.attn.W_Q"] *= tensors["blocks.0.attn.W_Q"].dtype.type(gain)
        return tensors

    return family


def integers(shape: Shape, generator: Generator, dtype: str = "<f4") -> Tensors:
    """Weights from −2 to 2."""
    return {name: generator.integers(-2, 3, array.shape).astype(dtype) for name, array in random_model(shape, 0).items()}


def common_score(shape: Shape, size: float, gain: float = 1.0, *, likeness: float = 1.0) -> Family:
    """A term that all scores of a query share, so large that a float of the score has few bits left for the differences."""

    def family(generator: Generator) -> Tensors | None:
        tensors = _with_constant_coordinate(shape, generator, gain, likeness)
        tensors["blocks.0.attn.W_K"][0, 0] = size * generator.choice([-1, 1], shape.d_head) * generator.uniform(0.5, 2, shape.d_head)
        return {name: array.astype("<f4") for name, array in tensors.items()}

    return family


def common_logit(shape: Shape, size: float, gain: float = 1.0, *, likeness: float = 1.0) -> Family:
    """A term that all logits share, so large that a float of the logit has few bits left for the differences."""

    def family(generator: Generator) -> Tensors | None:
        tensors = _with_constant_coordinate(shape, generator, gain, likeness)
        tensors["unembed.W_U"][0] += size * generator.uniform(0.5, 2)
        return {name: array.astype("<f4") for name, array in tensors.items()}

    return family


def two_tokens(*, large: float, spread: float, tie: bool = True) -> Family:
    """Two tokens for which every bound of the sub-cubic proof is tight, the spectral norm included where the rows of EQKE are orthogonal.

    EQKE = [[a, −a], [b, b]] with b larger by `large`, its entries changed by relative `spread`; EVOU diagonal. tie: the sequence (1, 0) is
    wrong by a hair.
    """

    def family(generator: Generator) -> Tensors | None:
        tensors = {name: np.zeros(array.shape, dtype="<f4") for name, array in random_model(Shape(2, 2, 4, 2), 0).items()}
        a, b = generator.uniform(0.2, 2), large * generator.uniform(2, 4)
        rows = np.array([[a, -a], [b, b]]) * (1 + spread * generator.standard_normal((2, 2)))
        tensors["embed.W_E"][:, :2] = np.eye(2)
        tensors["blocks.0.attn.W_Q"][0, :2], tensors["blocks.0.attn.W_K"][0, :2] = np.eye(2), rows.T
        tensors["blocks.0.attn.W_V"][0, :2], tensors["blocks.0.attn.W_O"][0, :, 2:] = (
            np.diag(generator.uniform(0.5, 2, 2)) for _ in range(2)
        )
        tensors["unembed.W_U"][2:] = np.diag(generator.uniform(0.5, 2, 2))
        tensors["unembed.W_U"][0, 0] = generator.uniform(0.05, 0.5)
        if not tie:
            return tensors
        return at_a_tie(tensors, generator, (1, 0), ("blocks.0.attn.W_V", "blocks.0.attn.W_O", "unembed.W_U"))

    return family


def trained(weights: Tensors, noise: float) -> Family:
    """A trained network with noise of this standard deviation, and one weight moved until the closest decision is wrong by a hair."""

    def family(generator: Generator) -> Tensors | None:
        tensors = {
            name: (array + noise * generator.standard_normal(array.shape)).astype("<f4") if name in WEIGHTS else array
            for name, array in weights.items()
        }
        x, logits = forward_passes(tensors, Floats("<f8"))
        rows, right = np.arange(len(x)), x.max(axis=1)
        margins = logits[rows, right][:, None] - logits
        margins[rows, right] = np.inf
        k = int(abs(margins.min(axis=1)).argmin())
        return at_a_tie(tensors, generator, tuple(int(t) for t in x[k]), rival=int(margins[k].argmin()))

    return family


def _with_constant_coordinate(shape: Shape, generator: Generator, gain: float, likeness: float) -> Tensors:
    """Coordinate 0 of every embedding is 1, of every position 0."""
    seed = int(generator.integers(1 << 30))
    likely = generator.random() < likeness
    tensors = trained_like(shape, seed, gain=gain, dtype="<f8") if likely else random_model(shape, seed, dtype="<f8")
    tensors["embed.W_E"][:, 0] = 1
    tensors["pos_embed.W_pos"][:, 0] = 0
    return tensors


def _ordered(value: Any) -> int:
    """Floats of one format in order as integers."""
    bits = int(np.asarray(value).view(f"<i{np.asarray(value).itemsize}"))
    return bits if bits >= 0 else -(bits & ~(-1 << (8 * np.asarray(value).itemsize - 1)))


def _value(order: int, dtype: np.dtype[Any]) -> Any:
    """The float with this place in the order."""
    size = 8 * dtype.itemsize
    bits = order if order >= 0 else -order | (1 << (size - 1))
    return np.array(bits, dtype=f"<u{dtype.itemsize}").view(dtype)[()]
