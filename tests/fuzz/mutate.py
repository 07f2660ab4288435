"""Structure-aware mutation: of the JSON tree of a certificate, of safetensors bytes, and of both so that they still fit each other.

Every mutant is a function of (data, seed). Nothing here knows a rule by name: new steps are drawn from `proofcheck.rules.RULES`, with
premises of the right kind and hints of the right shape, so new rules are fuzzed as soon as they exist.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import struct
from typing import Any

import numpy as np
from targets import pack, unpack

from proofcheck.rules import RULES
from proofcheck.rules.rule import ArrayHint, IntegerHint

INTEGERS = (0, 1, -1, 2, 3, 4, 5, 7, 64, 128, 255, 2**31 - 1, 2**53, 2**63 - 1, -(2**63), 2**64, 10**30, 10**199, 10**201)
FLOATS = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1 + 2.0**-52,
    1e-3,
    3.0,
    40.0,
    700.0,
    1e5,
    1e15,
    1e300,
    1.7976931348623157e308,
    5e-324,
    2.0**-1022,
    -1e308,
)
FLOATS32 = (0.0, -0.0, 1.0, -1.0, 0.5, 1.0000001, 1e-3, 3.0, 12.0, 80.0, 1e5, 1e15, 3.4e38, 1.4e-45, 2.0**-126, float("nan"), float("inf"))
STRINGS = (
    "",
    "tables",
    "path-expansion",
    "max-of-k",
    "1.0",
    "1.1",
    "2.0",
    "\u0000",
    "\x1b[2K",
    "é",
    "😀",
    "\ud800",
    "../",
    "/dev/zero",
    "a" * 200,
)
_DTYPES = {"f32": np.dtype("<f4"), "f64": np.dtype("<f8"), "i64": np.dtype("<i8")}


def certificate_mutant(data: bytes, seed: int) -> bytes:
    """Some nodes of the tree changed, moved, repeated or dropped; or its text disturbed."""
    rng = random.Random(seed)
    document = _parsed(data)
    if document is None:
        return _text_mutant(data, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        document = _tree_mutant(document, rng)
    text = _written(document, rng)
    return _text_mutant(text, rng) if rng.random() < 0.2 else text


def weights_mutant(data: bytes, seed: int) -> bytes:
    """Header fields, dtypes, shapes, offsets and numbers of a safetensors file."""
    rng = random.Random(seed)
    header, body = _opened(data)
    if header is None:
        return _bytes_mutant(data, rng)
    for _ in range(rng.choice((1, 1, 2, 3))):
        if rng.random() < 0.5:
            body = _floats_mutant(body, rng)
        else:
            header = _header_mutant(header, rng)
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    if rng.random() < 0.05:
        text = _bytes_mutant(text, rng)
    size = len(text) if rng.random() < 0.97 else rng.choice((0, 1, len(text) - 1, len(text) + 1, 10**8, 2**63, 2**64 - 1))
    return struct.pack("<Q", max(size, 0)) + text + body


def case_mutant(data: bytes, seed: int) -> bytes:
    """A certificate and its weights, then made to fit again: digest, total, dimensions (nearly always)."""
    try:
        return _case_mutant(data, random.Random(seed))
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):  # parts of other types than they should have
        return certificate_mutant(data, seed)


def _case_mutant(data: bytes, rng: random.Random) -> bytes:
    text, weights = unpack(data)
    kind = rng.random()
    if kind < 0.15:
        text = certificate_mutant(text, rng.getrandbits(32))
    elif kind < 0.30:
        weights = weights_mutant(weights, rng.getrandbits(32))
    document = _parsed(text)
    if not _is_certificate(document):
        return pack(text, weights)
    if kind > 0.85:
        weights = _random_network(document, rng)
    elif kind > 0.7:
        header, body = _opened(weights)
        weights = weights if header is None else weights[: len(weights) - len(body)] + _floats_mutant(body, rng)
    elif kind > 0.30:
        _steps_mutant(document, rng)
    _fit(document, weights, rng)
    return pack(json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "replace"), weights)


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _written(document: Any, rng: random.Random) -> bytes:
    compact = (",", ":") if rng.random() < 0.5 else None
    return json.dumps(document, ensure_ascii=rng.random() < 0.1, indent=rng.choice((None, 1)), separators=compact).encode(
        "utf-8", "replace"
    )


def _nodes(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every node below `value`."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        container = waiting.pop()
        keys = container.keys() if isinstance(container, dict) else range(len(container)) if isinstance(container, list) else ()
        for key in keys:
            found.append((container, key))
            waiting.append(container[key])
    return found


def _tree_mutant(document: Any, rng: random.Random) -> Any:
    nodes = _nodes(document)
    if not nodes:
        return _value(rng)
    container, key = rng.choice(nodes)
    kind = rng.randrange(7)
    if kind == 0:
        container[key] = _value(rng)
    elif kind == 1 and isinstance(container, dict):
        container.pop(key)
    elif kind == 1:
        container.insert(key, container[key])
    elif kind == 2 and isinstance(container, list):
        container.pop(key)
    elif kind == 2:
        items = list(container.items())
        rng.shuffle(items)
        container.clear()
        container.update(items)
    elif kind == 3:
        other, place = rng.choice(nodes)
        container[key] = json.loads(json.dumps(other[place])) if _within(other, place) else _value(rng)
    elif kind == 4 and isinstance(container[key], int):
        container[key] += rng.choice((-1, 1, 2, 10, -10))
    elif kind == 5 and isinstance(container, dict):
        container[rng.choice(STRINGS)] = _value(rng)
    else:
        container[key] = _scalar_mutant(container[key], rng)
    return document


def _within(container: Any, key: Any) -> bool:
    return key in container if isinstance(container, dict) else 0 <= key < len(container)


def _scalar_mutant(value: Any, rng: random.Random) -> Any:
    if isinstance(value, int):
        return rng.choice(INTEGERS)
    if isinstance(value, str):
        k = rng.randrange(len(value) + 1)
        return rng.choice((value[:k], value[:k] + rng.choice(STRINGS) + value[k:], value.upper(), value * 2, rng.choice(STRINGS)))
    return _value(rng)


def _value(rng: random.Random) -> Any:
    simple = (rng.choice(INTEGERS), rng.choice(STRINGS), None, True, 1.5, float("nan"), [], {}, [0], {"a": 1}, [[[[]]]])
    return rng.choice((*simple, _array(rng, rng.choice(("f32", "f64", "i64")), tuple(rng.randrange(3) for _ in range(rng.randrange(4))))))


def _text_mutant(text: bytes, rng: random.Random) -> bytes:
    tokens = (
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b"\\",
        b"\\u0000",
        b"1e5",
        b"-0",
        b"01",
        b"NaN",
        b" ",
        b"\n",
        b"\xff",
        b"\xc3\xa9",
        b"null",
    )
    k = rng.randrange(len(text) + 1)
    kind = rng.randrange(4)
    if kind == 0:
        return text[:k] + rng.choice(tokens) * rng.choice((1, 1, 2, 50)) + text[k:]
    if kind == 1:
        return text[:k]
    if kind == 2:
        return text[:k] + text[k + rng.randrange(1, 4) :]
    return text + text[:k]


def _bytes_mutant(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 2, 8))):
        if out:
            out[rng.randrange(len(out))] = rng.randrange(256)
    return bytes(out[: rng.randrange(len(out) + 1)] if rng.random() < 0.1 else out)


def _floats_mutant(body: bytes, rng: random.Random) -> bytes:
    """One or more aligned 4-byte or 8-byte numbers replaced, one ulp moved, or copied (ties)."""
    out = bytearray(body)
    for _ in range(rng.choice((1, 1, 2, 5))):
        width, numbers, code = rng.choice(((4, FLOATS32, "<f"), (8, FLOATS, "<d")))
        if len(out) < width:
            break
        k = rng.randrange(len(out) // width) * width
        kind = rng.random()
        if kind < 0.5:
            out[k : k + width] = struct.pack(code, rng.choice(numbers))
        elif kind < 0.7:
            out[k] = (out[k] + rng.choice((1, 255))) % 256
        else:
            source = rng.randrange(len(out) // width) * width
            out[k : k + width] = out[source : source + width]
    return bytes(out)


def _opened(data: bytes) -> tuple[Any, bytes]:
    size = int.from_bytes(data[:8], "little")
    header = _parsed(data[8 : 8 + size]) if 0 < size <= len(data) - 8 else None
    return (header, data[8 + size :]) if isinstance(header, dict) else (None, data)


def _header_mutant(header: dict[str, Any], rng: random.Random) -> Any:
    names = [name for name in header if isinstance(header[name], dict)]
    if not names or rng.random() < 0.2:
        return _tree_mutant(header, rng)
    entry = header[rng.choice(names)]
    kind = rng.randrange(4)
    if kind == 0:
        entry["dtype"] = rng.choice(("F64", "F32", "F16", "BF16", "I64", "BOOL", "F8_E4M3", "F4", "C64", "U8", "f32"))
    elif kind == 1:
        shape = entry.get("shape")
        entry["shape"] = rng.choice(([], [0], [1, 1], [2**62, 4], [0, 2**62], [1] * 9, shape[::-1] if isinstance(shape, list) else [-1]))
    elif kind == 2:
        entry["data_offsets"] = rng.choice(([0, 0], [0, 8], [8, 0], [0, 2**63], [-1, 4], [4, 8]))
    else:
        header[rng.choice(("blocks.0.attn.b_Q", "blocks.0.attn.mask", "blocks.0.mlp.W_in", "é", ""))] = {**entry}
    return header


def _is_certificate(document: Any) -> bool:
    try:
        sizes = document["model"]["dimensions"]
        integers = all(type(sizes[name]) is int for name in ("n_ctx", "d_vocab", "d_model", "d_head"))
        return integers and all(isinstance(step["id"], str) for step in document["steps"]) and isinstance(document["claim"], dict)
    except (KeyError, TypeError, IndexError):
        return False


def _steps_mutant(document: dict[str, Any], rng: random.Random) -> None:
    """A new well-typed proof, a new step, a changed hint, steps in another order."""
    steps, kind = document["steps"], rng.random()
    sizes = document["model"]["dimensions"]
    arrays = [(step["hints"], name) for step in steps if isinstance(step.get("hints"), dict) for name in step["hints"]]
    if kind < 0.35 and arrays:
        hints, name = rng.choice(arrays)
        hints[name] = _hint_mutant(hints[name], rng)
    elif kind < 0.9:
        document["steps"] = _random_proof(sizes, rng)
    elif steps:
        rng.shuffle(steps)
        steps[0]["premises"] = [rng.choice(steps)["id"]]


def _random_proof(sizes: dict[str, int], rng: random.Random) -> list[dict[str, Any]]:
    """Steps with premises of the kinds their rules take, that end in a count where one was reached; unused steps are left out."""
    steps: list[dict[str, Any]] = []
    made: list[tuple[str, str]] = []  # (id, kind of fact)
    for k in range(rng.randrange(2, 14)):
        possible = [rule for rule in RULES.values() if all(any(kind == wanted.__name__ for _, kind in made) for wanted in rule.premises)]
        unseen = [rule for rule in possible if rule.name not in {step["rule"] for step in steps}]
        rule = rng.choice(unseen or possible)
        kinds = [wanted.__name__ for wanted in rule.premises]
        kinds += kinds[-1:] * (rng.randrange(3) if rule.variadic else 0)
        premises = [rng.choice([name for name, kind in made if kind == wanted]) for wanted in kinds]
        hints = {name: _hint(spec, sizes, rng) for name, spec in rule.hints.items()}
        steps.append({"id": f"s{k}", "rule": rule.name, "premises": premises, "hints": hints})
        made.append((f"s{k}", str(rule.apply.__annotations__.get("return", ""))))
        if made[-1][1] == "ProvedCount":
            break
    needed, kept = {steps[-1]["id"]}, []
    for step in reversed(steps):
        if step["id"] in needed:
            needed.update(step["premises"])
            kept.append(step)
    return kept[::-1]


def _hint(spec: ArrayHint | IntegerHint, sizes: dict[str, int], rng: random.Random) -> Any:
    if isinstance(spec, IntegerHint):
        return rng.choice((spec.least, spec.most, rng.randint(spec.least, spec.most)))
    free = rng.choice((0, 1, 1, 2, 3))
    named = {"*": free, "1": 1, **sizes}
    shape = tuple(int(max(0, min(named.get(axis, 1), 8))) for axis in spec.axes)
    return _array(rng, spec.dtype, shape)


def _array(rng: random.Random, dtype: str, shape: tuple[int, ...]) -> dict[str, Any]:
    generator = np.random.default_rng(rng.getrandbits(32))
    kind, size = rng.randrange(4), int(np.prod(shape, dtype=np.int64))
    if dtype == "i64":
        choices = ((0, 1), (0, 1, 2, 3), (1, 2), (-1, 0, 1, 2**31, 2**63 - 1, -(2**63)))
        values = [rng.choice(choices[kind]) for _ in range(size)]
        array = np.array(values, dtype=np.int64).reshape(shape)
    elif kind == 3:
        array = np.array([rng.choice(FLOATS) for _ in range(size)], dtype=np.float64).reshape(shape)
    else:
        array = generator.standard_normal(shape) * (0.0, 1.0, 10.0)[kind]
    with np.errstate(over="ignore"):
        data = array.astype(_DTYPES[dtype]).tobytes()
    return {"dtype": dtype, "shape": list(shape), "data": base64.b64encode(data).decode("ascii")}


def _hint_mutant(hint: Any, rng: random.Random) -> Any:
    """One entry of an array changed, or the whole replaced."""
    try:
        item = _DTYPES[hint["dtype"]]
        values = np.frombuffer(base64.b64decode(hint["data"]), dtype=item).copy()
        k = rng.randrange(len(values))
        numbers = INTEGERS[:15] if item.kind == "i" else FLOATS
        with np.errstate(over="ignore"):
            values[k] = rng.choice((numbers[rng.randrange(15)], values[k] + 1, values[rng.randrange(len(values))]))
        return {**hint, "data": base64.b64encode(values.tobytes()).decode("ascii")}
    except (KeyError, TypeError, ValueError, OverflowError):
        return _value(rng)


def _random_network(document: dict[str, Any], rng: random.Random) -> bytes:
    """Weights of the certificate's dimensions, or of new small ones, that are written into the certificate."""
    sizes = document["model"]["dimensions"]
    if rng.random() < 0.6 or not all(1 <= size <= 5 for size in sizes.values()):
        sizes |= {"n_ctx": rng.randint(1, 3), "d_vocab": rng.randint(2, 3), "d_model": rng.randint(1, 3), "d_head": rng.randint(1, 2)}
        document["steps"] = _random_proof(sizes, rng)
    n, d, D, H = (sizes[name] for name in ("n_ctx", "d_vocab", "d_model", "d_head"))
    shapes = {"embed.W_E": (d, D), "pos_embed.W_pos": (n, D), "unembed.W_U": (D, d), "blocks.0.attn.W_O": (1, H, D)}
    shapes |= {f"blocks.0.attn.W_{c}": (1, D, H) for c in "QKV"}
    if rng.random() < 0.3:
        shapes |= {f"blocks.0.attn.b_{c}": (1, H) for c in "QKV"} | {"blocks.0.attn.b_O": (D,), "unembed.b_U": (d,)}
    name, item = rng.choice((("F32", "<f4"), ("F64", "<f8"), ("F16", "<f2")))
    generator = np.random.default_rng(rng.getrandbits(32))
    scale = rng.choice((0.0, 0.1, 1.0, 1.0, 3.0, 10.0))
    header, body = {}, b""
    for tensor, shape in shapes.items():
        part = (scale * generator.standard_normal(shape)).astype(item).tobytes()
        header[tensor] = {"dtype": name, "shape": list(shape), "data_offsets": [len(body), len(body) + len(part)]}
        body += part
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def _fit(document: dict[str, Any], weights: bytes, rng: random.Random) -> None:
    """Digest, file name, task and total as they should be, each nearly always; a claim of zero most of the time."""
    sizes = document["model"]["dimensions"]
    try:
        if rng.random() < 0.98:
            document["model"]["weights"] = {"file": "weights.safetensors", "sha256": hashlib.sha256(weights).hexdigest()}
        if rng.random() < 0.98:
            document["task"] = {"name": "max-of-k", "n_ctx": sizes["n_ctx"], "d_vocab": sizes["d_vocab"]}
        if rng.random() < 0.98 and 0 < sizes["n_ctx"] < 64 and 0 < sizes["d_vocab"] < 64:
            document["claim"]["accuracy_at_least"]["total"] = sizes["d_vocab"] ** sizes["n_ctx"]
        if rng.random() < 0.8:
            document["claim"]["accuracy_at_least"]["correct"] = 0
    except (KeyError, TypeError):
        return
