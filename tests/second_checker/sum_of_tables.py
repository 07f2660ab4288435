"""Architecture `sum-of-tables-relu` of docs/semantics.md: logits are rational numbers, computed as such."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tests.second_checker.outcome import declined, rejected
from tests.second_checker.weights import Matrix, Vector, entries_of, require_shape, split_file

SIZES = ("n_ctx", "d_vocab", "d_model", "d_vocab_out")
DECLARATIONS = {"proofcheck.normalization": "none", "proofcheck.activation": "relu"}


@dataclass(frozen=True)
class SumOfTables:
    """W_E[i][x]: what token x adds at position i."""

    n_ctx: int
    d_vocab: int
    d_model: int
    d_vocab_out: int
    W_E: list[Matrix]
    W_U: Matrix
    b_U: Vector

    def logits(self, sequence: tuple[int, ...]) -> Vector:
        """max(Σ_i W_E[i, x_i], 0) W_U + b_U."""
        hidden = [
            max(sum(parts, Fraction(0)), Fraction(0)) for parts in zip(*(self.W_E[i][x] for i, x in enumerate(sequence)), strict=True)
        ]
        return [
            bias + sum((h * w for h, w in zip(hidden, column, strict=True)), Fraction(0))
            for bias, column in zip(self.b_U, zip(*self.W_U, strict=True), strict=True)
        ]


def read_sum_of_tables(data: bytes, dimensions: dict[str, int], task: str) -> SumOfTables:
    """The network of a weight file whose shapes are those of the certificate."""
    n, d, D, out = (dimensions[name] for name in SIZES)
    shapes = {"embed.W_E": (n, d, D), "unembed.W_U": (D, out), "unembed.b_U": (out,)}
    tensors, metadata = split_file(data)
    for key, meant in DECLARATIONS.items():
        if metadata.get(key, meant) != meant:
            raise declined("unsupported-architecture", key, metadata[key])
    entries: dict[str, Vector] = {}
    for name, tensor in tensors.items():
        if name in shapes:
            entries[name] = entries_of(name, *tensor)
    for name in sorted(tensors):
        if name not in shapes:
            raise declined("unsupported-architecture", name)
    for name, shape in shapes.items():
        if name in tensors:
            require_shape(name, tensors[name][1], shape)
        elif name != "unembed.b_U":
            raise rejected("bad-weights", name, "missing")
    if metadata.get("proofcheck.task", task) != task:
        raise rejected("metadata-mismatch", "proofcheck.task", metadata["proofcheck.task"])
    rows = split(entries["embed.W_E"], D)
    return SumOfTables(
        n,
        d,
        D,
        out,
        [rows[i * d : (i + 1) * d] for i in range(n)],
        split(entries["unembed.W_U"], out),
        entries.get("unembed.b_U", [Fraction(0)] * out),
    )


def split(entries: Vector, width: int) -> Matrix:
    return [entries[i : i + width] for i in range(0, len(entries), width)]
