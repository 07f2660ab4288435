"""Architecture `transformer` of docs/semantics.md: dimensions, options, and the tensors of a weight file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, prod

from tests.second_checker.block_numbers import ExactMatrix, Row, exact_matrix, exact_row
from tests.second_checker.certificate_format import Values
from tests.second_checker.outcome import declined, rejected
from tests.second_checker.tasks import require_names
from tests.second_checker.weights import Vector, entries_of, require_shape, split_file

SIZES = ("n_layers", "n_heads", "n_ctx", "n_positions", "d_vocab", "d_vocab_out", "d_model", "d_head", "d_mlp")
MAY_BE_ZERO = ("n_layers", "n_heads", "n_positions", "d_head", "d_mlp")
WORDS = {
    "embedding": ("shared", "by-position"),
    "attention": ("causal", "full", "causal-uniform", "full-uniform"),
    "normalization": ("none", "LN", "LNPre", "RMS", "RMSPre"),
    "activation": ("none", "relu", "gelu", "gelu_new", "silu"),
}
ORDER = ("embedding", "attention", "scale", "normalization", "eps", "activation", "readout", "head")
ROOT = "1/sqrt(d_head)"


@dataclass(frozen=True)
class Options:
    """scale: None for 1/√d_head. readout: "last", "sum" or a position. words: the options as metadata have them."""

    by_position: bool
    causal: bool
    uniform: bool
    scale: Fraction | None
    normalization: str
    eps: Fraction
    activation: str
    readout: str | int
    head: tuple[int, ...]
    words: dict[str, str]


@dataclass(frozen=True)
class Affine:
    W: ExactMatrix
    b: Row


@dataclass(frozen=True)
class Norm:
    """w and b: None where the normalization has none."""

    w: Row | None
    b: Row | None


@dataclass(frozen=True)
class Head:
    query: Affine | None
    key: Affine | None
    value: Affine
    out: ExactMatrix


@dataclass(frozen=True)
class Layer:
    ln1: Norm
    heads: list[Head]
    b_O: Row
    ln2: Norm
    mlp: tuple[Affine, Affine] | None


@dataclass(frozen=True)
class Transformer:
    """embedding[i][t]: of token t at position i, positions added; apart[i]: the rows of all tokens, and that of the position, if any.

    entries: all weights that are read.
    """

    n_ctx: int
    d_vocab: int
    d_model: int
    d_head: int
    d_vocab_out: int
    options: Options
    embedding: list[list[Row]]
    layers: list[Layer]
    ln_final: Norm
    head: list[Affine]
    apart: list[tuple[list[Row], Row | None]]
    entries: list[Fraction]


def read_rational(value: object, path: str) -> Fraction:
    """p/q in lowest terms, q ≥ 1."""
    if not isinstance(value, str):
        raise rejected("wrong-type", path, value)
    found = re.fullmatch(r"(-?(?:0|[1-9][0-9]*))/([1-9][0-9]*)", value)
    if found is None or len(value) > 2_000:
        raise rejected("bad-number", path, value)
    p, q = int(found[1]), int(found[2])
    if gcd(p, q) != 1 or value.startswith("-0"):
        raise rejected("bad-number", path, value)
    return Fraction(p, q)


def read_options(options: Values) -> Options:
    """The options, each of its kind."""
    require_names(options, ORDER, "$.model.options")
    for name, words in WORDS.items():
        if not isinstance(options[name], str):
            raise rejected("wrong-type", name, options[name])
        if options[name] not in words:
            raise rejected("bad-string", name, options[name])
    scale = None if options["scale"] == ROOT else read_rational(options["scale"], "scale")
    if scale is not None and scale < 0:
        raise rejected("bad-number", "scale", scale)
    eps = read_rational(options["eps"], "eps")
    if eps < 0:
        raise rejected("bad-number", "eps", eps)
    readout, widths = read_readout(options["readout"]), read_widths(options["head"])
    attention = str(options["attention"])
    words = {name: str(options[name]) for name in ORDER if name != "head"}
    return Options(
        by_position=options["embedding"] == "by-position",
        causal=attention.startswith("causal"),
        uniform=attention.endswith("uniform"),
        scale=scale,
        normalization=str(options["normalization"]),
        eps=eps,
        activation=str(options["activation"]),
        readout=readout,
        head=widths,
        words={**words, "head": ",".join(map(str, widths))},
    )


def read_readout(value: object) -> str | int:
    if isinstance(value, int):
        if value < 0:
            raise rejected("bad-number", "readout", value)
        return value
    if not isinstance(value, str):
        raise rejected("wrong-type", "readout", value)
    if value not in ("last", "sum"):
        raise rejected("bad-string", "readout", value)
    return value


def read_widths(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(isinstance(width, int) for width in value):
        raise rejected("wrong-type", "head", value)
    if any(width < 1 for width in value):
        raise rejected("bad-number", "head", value)
    return tuple(value)


def check_structure(sizes: dict[str, int], options: Options) -> None:
    """One network has one encoding: refuses what says one thing twice, or nothing. A size is a bad number, an option a bad string."""
    heads, mlp = sizes["n_heads"], sizes["d_mlp"]
    for name, good in {
        "d_head": (heads == 0) == (sizes["d_head"] == 0),
        "d_mlp": (options.activation == "none") == (mlp == 0),
        "n_layers": (sizes["n_layers"] > 0) == (heads > 0 or mlp > 0),
        "n_positions": sizes["n_positions"] == 0 or sizes["n_positions"] >= sizes["n_ctx"],
    }.items():
        if not good:
            raise rejected("bad-number", name, sizes[name])
    for name, good in {
        "attention": heads > 0 or options.words["attention"] == "full",
        "scale": options.scale is None or (heads > 0 and not options.uniform),
        "eps": (options.eps == 0) == (options.normalization == "none"),
        "readout": not isinstance(options.readout, int) or options.readout < sizes["n_ctx"] - 1,
    }.items():
        if not good:
            raise rejected("bad-string", name, options.words[name])


def shapes_of(sizes: dict[str, int], options: Options) -> dict[str, tuple[tuple[int, ...], bool]]:
    """Every tensor that is read: its shape, and whether it may be absent."""
    D, H, n, M = (sizes[name] for name in ("d_model", "n_heads", "n_ctx", "d_mlp"))
    table = (sizes["d_vocab"], D)
    found: dict[str, tuple[tuple[int, ...], bool]] = {"embed.W_E": ((n, *table) if options.by_position else table, False)}
    if sizes["n_positions"]:
        found["pos_embed.W_pos"] = ((sizes["n_positions"], D), False)
    norms = [f"blocks.{layer}.ln{k}" for layer in range(sizes["n_layers"]) for k, some in ((1, H), (2, M)) if some]
    for name in [*norms, "ln_final"]:
        if options.normalization in ("LN", "RMS"):
            found[f"{name}.w"] = ((D,), False)
        if options.normalization == "LN":
            found[f"{name}.b"] = ((D,), False)
    for layer in range(sizes["n_layers"]):
        for letter in ("V",) if options.uniform else ("Q", "K", "V"):
            if H:
                found[f"blocks.{layer}.attn.W_{letter}"] = ((H, D, sizes["d_head"]), False)
                found[f"blocks.{layer}.attn.b_{letter}"] = ((H, sizes["d_head"]), True)
        if H:
            found[f"blocks.{layer}.attn.W_O"] = ((H, sizes["d_head"], D), False)
            found[f"blocks.{layer}.attn.b_O"] = ((D,), True)
        if M:
            found |= {f"blocks.{layer}.mlp.W_in": ((D, M), False), f"blocks.{layer}.mlp.b_in": ((M,), True)}
            found |= {f"blocks.{layer}.mlp.W_out": ((M, D), False), f"blocks.{layer}.mlp.b_out": ((D,), True)}
    width = D
    for k, after in enumerate(options.head):
        found |= {f"head.{k}.W": ((width, after), False), f"head.{k}.b": ((after,), True)}
        width = after
    found |= {"unembed.W_U": ((width, sizes["d_vocab_out"]), False), "unembed.b_U": ((sizes["d_vocab_out"],), True)}
    return found


def not_read(sizes: dict[str, int], options: Options) -> set[str]:
    """Tensors that may be there and say nothing."""
    letters = ("W_Q", "W_K", "b_Q", "b_K") if options.uniform else ()
    return {f"blocks.{layer}.attn.{name}" for layer in range(sizes["n_layers"]) for name in ("mask", "IGNORE", *letters)}


def check_metadata(metadata: dict[str, str], options: Options) -> None:
    """What the file declares is what the certificate says."""
    said = dict(options.words)
    if options.scale is None:
        said["attention_scale"] = "sqrt(d_head)"
    elif "proofcheck.attention_scale" in metadata:
        raise declined("unsupported-architecture", "proofcheck.attention_scale", metadata)
    for name, words in said.items():
        if metadata.get(f"proofcheck.{name}", words) != words:
            raise declined("unsupported-architecture", f"proofcheck.{name}", metadata[f"proofcheck.{name}"])


class Tensors:
    """Entries by name, cut into rows; zeros for what is absent."""

    def __init__(self, shapes: dict[str, tuple[tuple[int, ...], bool]], entries: dict[str, Vector]) -> None:
        self.shapes, self.entries = shapes, entries

    def blocks(self, name: str, size: int) -> list[Vector]:
        shape, _ = self.shapes[name]
        entries = self.entries.get(name) or [Fraction(0)] * prod(shape)
        return [entries[i : i + size] for i in range(0, len(entries), size)]

    def rows(self, name: str) -> list[Vector]:
        return self.blocks(name, self.shapes[name][0][-1])

    def vector(self, name: str) -> Row:
        return exact_row(self.rows(name)[0])

    def affine(self, W: str, b: str) -> Affine:
        return Affine(exact_matrix(self.rows(W)), self.vector(b))

    def norm(self, name: str) -> Norm:
        w, b = (self.vector(f"{name}.{part}") if f"{name}.{part}" in self.shapes else None for part in ("w", "b"))
        return Norm(w, b)

    def head_matrix(self, name: str, head: int) -> ExactMatrix:
        (_, rows, columns), _ = self.shapes[name]
        part = self.rows(name)[head * rows : (head + 1) * rows]
        assert len(part[0]) == columns
        return exact_matrix(part)

    def head_affine(self, layer: int, letter: str, head: int) -> Affine:
        bias = self.rows(f"blocks.{layer}.attn.b_{letter}")[head]
        return Affine(self.head_matrix(f"blocks.{layer}.attn.W_{letter}", head), exact_row(bias))


def read_transformer(data: bytes, sizes: dict[str, int], options: Options, task: str) -> Transformer:
    """The network of a weight file."""
    tensors, metadata = split_file(data)
    check_metadata(metadata, options)
    check_structure(sizes, options)
    shapes, silent = shapes_of(sizes, options), not_read(sizes, options)
    for name in sorted(tensors):
        if name not in shapes and name not in silent:
            raise declined("unsupported-architecture", name)
    entries: dict[str, Vector] = {}
    for name, (shape, optional) in shapes.items():
        if name not in tensors:
            if optional:
                continue
            raise rejected("bad-weights", name, "missing")
        require_shape(name, tensors[name][1], shape)
        entries[name] = entries_of(name, *tensors[name])
    if metadata.get("proofcheck.task", task) != task:
        raise rejected("metadata-mismatch", "proofcheck.task", metadata["proofcheck.task"])
    read = Tensors(shapes, entries)
    return assemble(read, sizes, options)


def assemble(read: Tensors, sizes: dict[str, int], options: Options) -> Transformer:
    n, d = sizes["n_ctx"], sizes["d_vocab"]
    table = read.rows("embed.W_E")
    positions = read.rows("pos_embed.W_pos") if sizes["n_positions"] else [[Fraction(0)] * sizes["d_model"]] * n
    tables = [table[i * d : (i + 1) * d] for i in range(n)] if options.by_position else [table] * n
    embedding = [
        [exact_row([x + y for x, y in zip(row, position, strict=True)]) for row in rows]
        for rows, position in zip(tables, positions, strict=False)
    ]
    layers = []
    for layer in range(sizes["n_layers"]):
        place = f"blocks.{layer}"
        heads = [
            Head(
                None if options.uniform else read.head_affine(layer, "Q", head),
                None if options.uniform else read.head_affine(layer, "K", head),
                read.head_affine(layer, "V", head),
                read.head_matrix(f"{place}.attn.W_O", head),
            )
            for head in range(sizes["n_heads"])
        ]
        zero = exact_row([Fraction(0)] * sizes["d_model"])
        mlp = None
        if sizes["d_mlp"]:
            mlp = read.affine(f"{place}.mlp.W_in", f"{place}.mlp.b_in"), read.affine(f"{place}.mlp.W_out", f"{place}.mlp.b_out")
        b_O = read.vector(f"{place}.attn.b_O") if heads else zero
        layers.append(Layer(read.norm(f"{place}.ln1"), heads, b_O, read.norm(f"{place}.ln2"), mlp))
    last = [f"head.{k}" for k in range(len(options.head))]
    head = [read.affine(f"{name}.W", f"{name}.b") for name in last] + [read.affine("unembed.W_U", "unembed.b_U")]
    rows = [list(map(exact_row, table)) for table in tables]
    apart = [(rows[i], exact_row(positions[i]) if sizes["n_positions"] else None) for i in range(n)]
    entries = [entry for values in read.entries.values() for entry in values]
    return Transformer(
        n,
        d,
        sizes["d_model"],
        sizes["d_head"],
        sizes["d_vocab_out"],
        options,
        embedding,
        layers,
        read.norm("ln_final"),
        head,
        apart,
        entries,
    )
