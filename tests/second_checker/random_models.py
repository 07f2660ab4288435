"""Small weight files to compare two checkers on: random, nearly right, with ties, with biases, of every dtype and of extreme size."""

from __future__ import annotations

import json
import random
import struct
from dataclasses import dataclass
from pathlib import Path

Table = list[list[float]]
KINDS = ("nearly-right", "gaussian", "small-integers", "large-scores", "positional", "equal-weights")
DTYPES = ("F32", "F64", "F16", "BF16")


@dataclass(frozen=True)
class Sizes:
    n_ctx: int
    d_vocab: int
    d_model: int
    d_head: int


def encode(value: float, dtype: str) -> bytes:
    """One entry, rounded to its dtype (bfloat16 toward zero); what float16 cannot hold becomes its largest number."""
    if dtype == "F16":
        value = max(-65504.0, min(65504.0, value))
    if dtype == "BOOL":
        return bytes([value != 0])
    if dtype == "BF16":
        return struct.pack("<f", value)[2:]
    return struct.pack({"F64": "<d", "F32": "<f", "F16": "<e"}[dtype], value)


def write_safetensors(
    path: Path, tensors: dict[str, tuple[str, tuple[int, ...], list[float]]], metadata: dict[str, str] | None = None
) -> None:
    """A safetensors file: header length, JSON header, data."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    data = b""
    for name, (dtype, shape, entries) in tensors.items():
        raw = b"".join(encode(entry, dtype) for entry in entries)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def gaussian(rng: random.Random, rows: int, columns: int, scale: float) -> Table:
    return [[rng.gauss(0, scale) for _ in range(columns)] for _ in range(rows)]


def diagonal(rng: random.Random, rows: int, columns: int, value: float, noise: float) -> Table:
    """value on the diagonal, and noise everywhere."""
    return [[value * (i == j) + rng.gauss(0, noise) for j in range(columns)] for i in range(rows)]


def nearly_right(rng: random.Random, sizes: Sizes, noise: float, slope: float) -> dict[str, Table]:
    """Embeds the token one-hot, attends to large tokens (score about slope · token), copies what it attends to."""
    d, D, H, n = sizes.d_vocab, sizes.d_model, sizes.d_head, sizes.n_ctx
    W_K = [[slope * i * (j == 0) + rng.gauss(0, noise) for j in range(H)] for i in range(D)]
    return {
        "W_E": diagonal(rng, d, D, 1.0, noise),
        "W_pos": gaussian(rng, n, D, noise),
        "W_Q": [[float(j == 0) + rng.gauss(0, noise) for j in range(H)] for _ in range(D)],
        "W_K": W_K,
        "W_V": diagonal(rng, D, H, 3.0, noise),
        "W_O": diagonal(rng, H, D, 3.0, noise),
        "W_U": diagonal(rng, D, d, 1.0, noise),
    }


def all_gaussian(rng: random.Random, sizes: Sizes, scale: float) -> dict[str, Table]:
    d, D, H, n = sizes.d_vocab, sizes.d_model, sizes.d_head, sizes.n_ctx
    shapes = {"W_E": (d, D), "W_pos": (n, D), "W_Q": (D, H), "W_K": (D, H), "W_V": (D, H), "W_O": (H, D), "W_U": (D, d)}
    return {name: gaussian(rng, rows, columns, scale) for name, (rows, columns) in shapes.items()}


def weights(rng: random.Random, sizes: Sizes, kind: str) -> dict[str, Table]:
    """Weights of one kind."""
    if kind == "nearly-right":
        return nearly_right(rng, sizes, rng.choice((0.0, 0.02, 0.05, 0.1, 0.2)), rng.choice((1.0, 2.0, 4.0)))
    if kind == "positional":
        found = nearly_right(rng, sizes, 0.05, 2.0)
        found["W_pos"] = gaussian(rng, sizes.n_ctx, sizes.d_model, 0.5)
        return found
    if kind == "large-scores":
        found = nearly_right(rng, sizes, 0.1, rng.choice((100.0, 700.0, 20_000.0)))
        return found
    found = all_gaussian(rng, sizes, rng.choice((0.3, 1.0, 2.0)))
    if kind == "small-integers":
        return {name: [[float(rng.choice((-1, 0, 0, 1))) for _ in row] for row in table] for name, table in found.items()}
    if kind == "equal-weights":
        return {name: [[1.0 if name != "W_U" else entry for entry in row] for row in table] for name, table in found.items()}
    return found


def write_model(path: Path, seed: int) -> Sizes:
    """A model file that depends on the seed alone. d_vocab ≤ 6, n_ctx ≤ 3."""
    rng = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    d = rng.randint(2, 6)
    wide = kind in ("nearly-right", "positional", "large-scores")
    D = d if wide else rng.randint(1, 5)
    sizes = Sizes(rng.choice((1, 2, 2, 3, 3, 3)), d, D, D if wide else rng.randint(1, 5))
    dtype = rng.choice(DTYPES)
    names = {"W_E": "embed.W_E", "W_pos": "pos_embed.W_pos", "W_U": "unembed.W_U"}
    tensors = {}
    for name, table in weights(rng, sizes, kind).items():
        shape = (len(table), len(table[0]))
        full = names.get(name, f"blocks.0.attn.{name}")
        tensors[full] = (dtype, shape if name in names else (1, *shape), [entry for row in table for entry in row])
    if rng.random() < 0.4:
        add_biases(rng, sizes, dtype, tensors)
    write_safetensors(path, tensors)
    return sizes


def write_mid_size_model(path: Path, seed: int) -> Sizes:
    """A nearly right network, n_ctx = 4 and d_vocab 16 + seed mod 9, that depends on the seed alone; some of its blocks fail in part."""
    rng = random.Random(seed)
    d = 16 + seed % 9
    sizes = Sizes(4, d, d, d)
    names = {"W_E": "embed.W_E", "W_pos": "pos_embed.W_pos", "W_U": "unembed.W_U"}
    tensors = {}
    for name, table in nearly_right(rng, sizes, rng.choice((0.005, 0.01, 0.02)), 2.0).items():
        shape = (len(table), len(table[0]))
        full = names.get(name, f"blocks.0.attn.{name}")
        tensors[full] = ("F16", shape if name in names else (1, *shape), [entry for row in table for entry in row])
    write_safetensors(path, tensors)
    return sizes


def add_biases(rng: random.Random, sizes: Sizes, dtype: str, tensors: dict[str, tuple[str, tuple[int, ...], list[float]]]) -> None:
    """Some of the five biases."""
    shapes = {
        "blocks.0.attn.b_Q": (1, sizes.d_head),
        "blocks.0.attn.b_K": (1, sizes.d_head),
        "blocks.0.attn.b_V": (1, sizes.d_head),
        "blocks.0.attn.b_O": (sizes.d_model,),
        "unembed.b_U": (sizes.d_vocab,),
    }
    for name, shape in shapes.items():
        if rng.random() < 0.7:
            tensors[name] = (dtype, shape, [rng.gauss(0, 0.1) for _ in range(shape[-1])])
