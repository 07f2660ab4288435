"""Ground truth: which sequences a small network answers correctly, by interval forward passes of every sequence.

Independent of `proofcheck`: the file is read byte by byte, the forward pass is that of docs/semantics.md written out (residual stream,
queries, keys, values, softmax with its division, output, unembedding), linear algebra is in `fractions.Fraction`, and exp and sqrt, which
leave the rationals, are mpmath's interval functions. Slow on purpose: for at most a few hundred sequences.

    truth = ground_truth(read_tensors(data))      or truth_of_file(path)
    truth.correct      sequences certainly answered correctly
    truth.undecided    sequences whose margin's sign `BITS` bits do not settle (0 for all but contrived networks)
    truth.answers      sequence -> True, False or None
    truth.block(q, m)  correct sequences with last token q and maximum m
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

from mpmath import iv

BITS = 220
_ITEM = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
_FORMAT = {"F64": (52, 1023), "F32": (23, 127), "F16": (10, 15), "BF16": (7, 127)}  # bits of the fraction, bias of the exponent

Tensor = tuple[tuple[int, ...], list[Fraction]]  # shape, entries in C order
Sequence = tuple[int, ...]


@dataclass(frozen=True)
class Truth:
    """What is so. `answers` has every sequence."""

    answers: Mapping[Sequence, bool | None]

    @property
    def total(self) -> int:
        return len(self.answers)

    @property
    def correct(self) -> int:
        return sum(answer is True for answer in self.answers.values())

    @property
    def undecided(self) -> int:
        return sum(answer is None for answer in self.answers.values())

    def block(self, query: int, max_token: int) -> int:
        """Correct sequences of the block (last token, maximum)."""
        return sum(answer is True for x, answer in self.answers.items() if x[-1] == query and max(x) == max_token)


def read_tensors(data: bytes) -> dict[str, Tensor]:
    """Exact tensors of the bytes of a safetensors file, float dtypes only; other tensors are skipped."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    body = data[8 + size :]
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] not in _ITEM:
            continue
        start, end = entry["data_offsets"]
        width = _ITEM[entry["dtype"]]
        entries = [ieee_value(int.from_bytes(body[k : k + width], "little"), entry["dtype"]) for k in range(start, end, width)]
        tensors[name] = (tuple(entry["shape"]), entries)
    return tensors


def ieee_value(bits: int, dtype: str) -> Fraction:
    """The exact value of the bit pattern of a finite IEEE number (or bfloat16)."""
    fraction_bits, bias = _FORMAT[dtype]
    width = 8 * _ITEM[dtype]
    fraction = bits & ((1 << fraction_bits) - 1)
    exponent = (bits >> fraction_bits) & ((1 << (width - 1 - fraction_bits)) - 1)
    if exponent == (1 << (width - 1 - fraction_bits)) - 1:
        raise ValueError("NaN or infinity")
    sign = -1 if bits >> (width - 1) else 1
    if exponent == 0:
        return sign * Fraction(fraction) * Fraction(2) ** (1 - bias - fraction_bits)
    return sign * Fraction((1 << fraction_bits) + fraction) * Fraction(2) ** (exponent - bias - fraction_bits)


def truth_of_file(path: str | Path) -> Truth:
    """Ground truth of a weight file; dimensions from the tensors' own shapes."""
    tensors = read_tensors(Path(path).read_bytes())
    return ground_truth(tensors)


def ground_truth(tensors: Mapping[str, Tensor], bits: int = BITS) -> Truth:
    """Every sequence's answer."""
    network = Network(tensors)
    old, iv.prec = iv.prec, bits
    try:
        return Truth({x: network.answer(x) for x in product(range(network.d_vocab), repeat=network.n_ctx)})
    finally:
        iv.prec = old


class Network:
    """The forward pass at the last position, exact up to exp, sqrt and what follows them."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.n_ctx, self.d_model = tensors["pos_embed.W_pos"][0]
        self.d_vocab = tensors["embed.W_E"][0][0]
        self.d_head = tensors["blocks.0.attn.W_Q"][0][2]
        self.W_E = _rows(tensors["embed.W_E"])
        self.W_pos = _rows(tensors["pos_embed.W_pos"])
        self.W = {c: _rows(tensors[f"blocks.0.attn.W_{c}"]) for c in "QKVO"}
        sizes = {"Q": self.d_head, "K": self.d_head, "V": self.d_head, "O": self.d_model}
        self.b = {c: _bias(tensors, f"blocks.0.attn.b_{c}", size) for c, size in sizes.items()}
        self.W_U = _rows(tensors["unembed.W_U"])
        self.b_U = _bias(tensors, "unembed.b_U", self.d_vocab)
        self._heads: dict[tuple[int, int], tuple[list[Fraction], ...]] = {}

    def residual(self, token: int, position: int) -> list[Fraction]:
        """W_E[token] + W_pos[position]."""
        return [a + b for a, b in zip(self.W_E[token], self.W_pos[position], strict=True)]

    def head(self, token: int, position: int) -> tuple[list[Fraction], ...]:
        """Query, key and value vectors of one token at one position."""
        if (token, position) not in self._heads:
            x = self.residual(token, position)
            self._heads[token, position] = tuple(_affine(x, self.W[c], self.b[c]) for c in "QKV")
        return self._heads[token, position]

    def pattern(self, x: Sequence) -> list[Any]:
        """Attention of the last position: softmax of q·k/√d_head, as intervals."""
        query = self.head(x[-1], len(x) - 1)[0]
        scores = [sum(a * b for a, b in zip(query, self.head(t, i)[1], strict=True)) for i, t in enumerate(x)]
        largest = max(scores)  # softmax does not change when all scores are shifted
        root = iv.sqrt(iv.mpf(self.d_head))
        weights = [iv.exp(_interval(score - largest) / root) for score in scores]
        total = sum(weights, iv.mpf(0))
        return [weight / total for weight in weights]

    def final(self, x: Sequence) -> list[Any]:
        """The residual stream after attention at the last position, as intervals: resid + Σ_i α_i v_i W_O + b_O."""
        alpha = self.pattern(x)
        values = [self.head(t, i)[2] for i, t in enumerate(x)]
        z = [_dot([value[h] for value in values], alpha) for h in range(self.d_head)]
        start = self.residual(x[-1], len(x) - 1)
        return [
            _interval(start[a] + self.b["O"][a]) + _dot([self.W["O"][h][a] for h in range(self.d_head)], z) for a in range(self.d_model)
        ]

    def logits(self, x: Sequence) -> list[Any]:
        """All logits at the last position, as intervals."""
        final = self.final(x)
        return [_interval(self.b_U[j]) + _dot([row[j] for row in self.W_U], final) for j in range(self.d_vocab)]

    def answer(self, x: Sequence) -> bool | None:
        """Is the logit of max(x) strictly above all others? None if the intervals do not tell."""
        final, m = self.final(x), max(x)
        decided = True
        for j in range(self.d_vocab):
            if j == m:
                continue
            columns = [row[m] - row[j] for row in self.W_U]  # exact, so that equal columns give an exact tie
            margin = _interval(self.b_U[m] - self.b_U[j]) + _dot(columns, final)
            if margin.b <= 0:
                return False
            decided = decided and bool(margin.a > 0)
        return True if decided else None


def _rows(tensor: Tensor) -> list[list[Fraction]]:
    """The rows of a matrix, without a leading head axis of length 1."""
    shape, entries = tensor
    columns = shape[-1]
    return [entries[k : k + columns] for k in range(0, len(entries), columns)]


def _bias(tensors: Mapping[str, Tensor], name: str, size: int) -> list[Fraction]:
    return list(tensors[name][1]) if name in tensors else [Fraction(0)] * size


def _affine(x: list[Fraction], matrix: list[list[Fraction]], bias: list[Fraction]) -> list[Fraction]:
    return [bias[j] + sum(a * row[j] for a, row in zip(x, matrix, strict=True)) for j in range(len(bias))]


def _dot(exact: list[Fraction], intervals: list[Any]) -> Any:
    total = iv.mpf(0)
    for a, b in zip(exact, intervals, strict=True):
        if a:
            total += _interval(a) * b
    return total


def _interval(value: Fraction) -> Any:
    """An interval around a rational (IEEE numbers have power-of-two denominators, so the division is one rounding at most)."""
    return iv.mpf(value.numerator) / iv.mpf(value.denominator)
