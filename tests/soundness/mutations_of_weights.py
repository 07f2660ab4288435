"""Mutations of the digest and of the weight file, with and without a new digest."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from soundness.mutation_seeds import Seed
from soundness.mutation_sites import Changed, Operator, render
from soundness.small_models import raw_safetensors

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


def digest(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    weights = document["model"]["weights"]
    old = weights["sha256"]
    k = generator.randrange(64)
    one_digit = old[:k] + generator.choice("0123456789abcdef") + old[k + 1 :]
    others = (one_digit, old[::-1], old.upper(), old[1:], hashlib.sha256(seed.text).hexdigest(), hashlib.sha256(b"").hexdigest())
    weights["sha256"] = generator.choice(others)
    return render(document), seed.weights


def other_file(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    names = (
        "./weights.safetensors",
        "x/../weights.safetensors",
        "/dev/zero",
        "",
        ".",
        "certificate.json",
        "weights.safetensors\0",
        "../" * 9,
    )
    document["model"]["weights"]["file"] = generator.choice(names)
    return render(document), seed.weights


def bit_flipped(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    return seed.text, _flip(generator, seed.weights)


def bit_flipped_and_digested(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    return digested(seed, _flip(generator, seed.weights))


def one_ulp(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    return digested(seed, _with_tensor(generator, seed.weights, _ulp))


def tensor_changed(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """A tensor scaled, negated, cleared, shuffled, or with one entry replaced; the digest is that of the new file."""
    return digested(seed, _with_tensor(generator, seed.weights, _change))


def header_changed(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """dtype, shape, name or place of a tensor; the digest is that of the new file."""
    header, body = split(seed.weights)
    names = [name for name in header if name != "__metadata__"]
    name, other = generator.choice(names), generator.choice(names)
    entry = header[name]
    action = generator.choice(("dtype", "shape", "exchange", "rename", "drop", "offsets"))
    if action == "dtype":
        entry["dtype"] = generator.choice(("F64", "F32", "F16", "BF16", "I32", "U8", "BOOL", "F8_E4M3"))
    elif action == "shape":
        entry["shape"] = generator.choice((entry["shape"][::-1], entry["shape"][1:], [1, *entry["shape"]], [*entry["shape"], 1], []))
    elif action == "exchange":
        header[name], header[other] = header[other], header[name]
    elif action == "rename":
        header[generator.choice((name.upper(), name + " ", "blocks.1.attn.W_Q", "embed.W_E", "ln_final.w"))] = header.pop(name)
    elif action == "drop":
        del header[name]
    else:
        entry["data_offsets"] = generator.choice(
            ([0, entry["data_offsets"][1]], entry["data_offsets"][::-1], header[other]["data_offsets"])
        )
    return digested(seed, raw_safetensors(header, body))


def name_twice(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """The header names one tensor twice: two readers may see two networks."""
    header, body = split(seed.weights)
    name, other = generator.sample([key for key in header if key != "__metadata__"], 2)
    text = json.dumps(header)
    extra = f'"{name}": {json.dumps(header[other])}'
    text = generator.choice((text[:-1] + ", " + extra + "}", "{" + extra + ", " + text[1:]))
    return digested(seed, raw_safetensors(text.encode(), body))


def file_cut(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    place = generator.randrange(len(seed.weights))
    changed = generator.choice((seed.weights[:place], seed.weights + b"\0" * 8, seed.weights[place:], b"", seed.weights * 2))
    return digested(seed, changed)


def digested(seed: Seed, weights: bytes) -> Changed:
    """The certificate with the digest of these weights."""
    document = seed.document()
    document["model"]["weights"]["sha256"] = hashlib.sha256(weights).hexdigest()
    return render(document), weights


def split(weights: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and body of a safetensors file."""
    size = int.from_bytes(weights[:8], "little")
    return json.loads(weights[8 : 8 + size]), weights[8 + size :]


def _flip(generator: random.Random, weights: bytes) -> bytes:
    changed = bytearray(weights)
    start = 8 + int.from_bytes(weights[:8], "little") if generator.random() < 0.9 else 0
    changed[generator.randrange(start, len(changed))] ^= 1 << generator.randrange(8)
    return bytes(changed)


def _with_tensor(generator: random.Random, weights: bytes, change: Any) -> bytes:
    header, body = split(weights)
    entry = header[generator.choice([name for name in header if name != "__metadata__"])]
    start, end = entry["data_offsets"]
    array = np.frombuffer(body[start:end], dtype=_DTYPES[entry["dtype"]]).copy()
    with np.errstate(all="ignore"):
        changed = np.asarray(change(generator, array), dtype=array.dtype).tobytes()
    return raw_safetensors(header, body[:start] + changed + body[end:])


def _ulp(generator: random.Random, array: Any) -> Any:
    k = generator.randrange(array.size)
    array[k] = np.nextafter(array[k], array.dtype.type(generator.choice((-np.inf, np.inf))))
    return array


def _change(generator: random.Random, array: Any) -> Any:
    k = generator.randrange(array.size)
    one = array.copy()
    one[k] = generator.choice((0, 1, -1, 1e4, 65504, np.nan, np.inf, one[k] * 2, -one[k]))
    shuffled = generator.sample(array.tolist(), array.size)
    return generator.choice((one, one, one, -array, array * 2, array * 1000, array / 3, array * 0, array[::-1], shuffled))


OPERATORS: dict[str, Operator] = {
    "digest": digest,
    "weights: another file name": other_file,
    "weights: bit flipped, digest kept": bit_flipped,
    "weights: bit flipped, new digest": bit_flipped_and_digested,
    "weights: one ulp, new digest": one_ulp,
    "weights: tensor changed, new digest": tensor_changed,
    "weights: header changed, new digest": header_changed,
    "weights: a name twice, new digest": name_twice,
    "weights: cut or longer, new digest": file_cut,
}
