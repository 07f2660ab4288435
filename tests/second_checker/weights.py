"""Weights from a safetensors file, read by hand: 8 bytes of header length, a JSON header, the bytes of the tensors.

Each entry becomes the rational number that its bits stand for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction

from tests.second_checker.limits import MOST_WEIGHTS_BYTES, MOST_WEIGHTS_HEADER_BYTES, out_of_exponent_range
from tests.second_checker.outcome import declined, rejected

Vector = list[Fraction]
Matrix = list[list[Fraction]]
IGNORED = ("blocks.0.attn.mask", "blocks.0.attn.IGNORE")
DECLARATIONS = {"proofcheck.normalization": "none", "proofcheck.activation": "none", "proofcheck.attention_scale": "sqrt(d_head)"}
FLOAT_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
ONE_BYTE = ("I8", "U8", "BOOL", "F8_E5M2", "F8_E4M3")
TENSOR_BYTES = {**FLOAT_BYTES, "I64": 8, "U64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2, **dict.fromkeys(ONE_BYTE, 1)}


@dataclass(frozen=True)
class Network:
    """Weights with the names and shapes of docs/semantics.md, the head axis taken away."""

    n_ctx: int
    d_vocab: int
    d_model: int
    d_head: int
    W_E: Matrix
    W_pos: Matrix
    W_Q: Matrix
    W_K: Matrix
    W_V: Matrix
    W_O: Matrix
    W_U: Matrix
    b_Q: Vector
    b_K: Vector
    b_V: Vector
    b_O: Vector
    b_U: Vector


def decode_ieee(bits: int, exponent_bits: int, fraction_bits: int) -> Fraction | None:
    """The value of an IEEE 754 binary number, None for NaN and infinities."""
    sign = -1 if bits >> (exponent_bits + fraction_bits) & 1 else 1
    exponent = bits >> fraction_bits & (2**exponent_bits - 1)
    fraction = bits & (2**fraction_bits - 1)
    if exponent == 2**exponent_bits - 1:
        return None
    bias = 2 ** (exponent_bits - 1) - 1
    if exponent == 0:
        return sign * fraction * Fraction(2) ** (1 - bias - fraction_bits)
    return sign * (2**fraction_bits + fraction) * Fraction(2) ** (exponent - bias - fraction_bits)


def decode_f64(bits: int) -> Fraction | None:
    return decode_ieee(bits, 11, 52)


def decode_f32(bits: int) -> Fraction | None:
    return decode_ieee(bits, 8, 23)


def decode_f16(bits: int) -> Fraction | None:
    return decode_ieee(bits, 5, 10)


def decode_bf16(bits: int) -> Fraction | None:
    return decode_ieee(bits, 8, 7)


DECODERS = {"F64": decode_f64, "F32": decode_f32, "F16": decode_f16, "BF16": decode_bf16}


def unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise rejected("bad-weights", "header", "a name twice")
    return found


def split_file(data: bytes) -> tuple[dict[str, tuple[str, tuple[int, ...], bytes]], dict[str, str]]:
    """Tensors by name: dtype, shape, bytes. Together they fill the file without gap or overlap. And the metadata."""
    if len(data) < 8 or int.from_bytes(data[:8], "little") > len(data) - 8:
        raise rejected("bad-weights", "header", "shorter than its header")
    if int.from_bytes(data[:8], "little") > MOST_WEIGHTS_HEADER_BYTES or len(data) > MOST_WEIGHTS_BYTES:
        raise declined("limit-exceeded", "header", "bytes")
    start = 8 + int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8:start].decode("utf-8"), object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as error:
        raise rejected("bad-weights", "header", "not JSON") from error
    if not isinstance(header, dict):
        raise rejected("bad-weights", "header", "no object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(entry, str) for entry in metadata.values()):
        raise rejected("bad-weights", "__metadata__")
    tensors, spans = {}, []
    for name, entry in header.items():
        try:
            dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        except (TypeError, KeyError, ValueError) as error:
            raise rejected("bad-weights", name, entry) from error
        if any(type(size) is not int or size < 0 for size in (*shape, begin, end)) or dtype not in TENSOR_BYTES:
            raise rejected("bad-weights", name, entry)
        length = TENSOR_BYTES[dtype]
        for size in shape:
            length *= size
        if end - begin != length:
            raise rejected("bad-weights", name, "length")
        spans.append((begin, end))
        tensors[name] = (dtype, shape, data[start + begin : start + end])
    reached = 0
    for begin, end in sorted(spans):
        if begin != reached:
            raise rejected("bad-weights", "header", f"gap or overlap at {reached}")
        reached = end
    if reached != len(data) - start:
        raise rejected("bad-weights", "header", "does not fill the file")
    return tensors, metadata


def check_declarations(metadata: dict[str, str]) -> None:
    """What the file declares about the network is what docs/semantics.md means."""
    for name, meant in DECLARATIONS.items():
        if metadata.get(name, meant) != meant:
            raise declined("unsupported-architecture", name, metadata[name])


def read_network(data: bytes, dimensions: dict[str, int], task: str) -> Network:
    """The network of a weight file whose shapes are those of the certificate, declared for no other task than this one, if for any."""
    n, d, D, H = (dimensions[name] for name in ("n_ctx", "d_vocab", "d_model", "d_head"))
    attention = "blocks.0.attn."
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        "W_E": ("embed.W_E", (d, D)),
        "W_pos": ("pos_embed.W_pos", (n, D)),
        "W_Q": (attention + "W_Q", (1, D, H)),
        "W_K": (attention + "W_K", (1, D, H)),
        "W_V": (attention + "W_V", (1, D, H)),
        "W_O": (attention + "W_O", (1, H, D)),
        "W_U": ("unembed.W_U", (D, d)),
        "b_Q": (attention + "b_Q", (1, H)),
        "b_K": (attention + "b_K", (1, H)),
        "b_V": (attention + "b_V", (1, H)),
        "b_O": (attention + "b_O", (D,)),
        "b_U": ("unembed.b_U", (d,)),
    }
    tensors, metadata = split_file(data)
    check_declarations(metadata)
    known = {tensor for tensor, _ in shapes.values()}
    for tensor in sorted(tensors):
        if tensor not in known and tensor not in IGNORED:
            raise declined("unsupported-architecture", tensor)
    weights: dict[str, Matrix | Vector] = {}
    for name, (tensor, shape) in shapes.items():
        if tensor not in tensors and name.startswith("b_"):
            weights[name] = [Fraction(0)] * shape[-1]
            continue
        if tensor not in tensors:
            raise declined("unsupported-architecture", tensor, "tied") if name == "W_U" else rejected("bad-weights", tensor, "missing")
        weights[name] = read_tensor(tensor, *tensors[tensor], shape)
    if metadata.get("proofcheck.task", task) != task:
        raise rejected("metadata-mismatch", "proofcheck.task", metadata["proofcheck.task"])
    return Network(n, d, D, H, **weights)  # type: ignore[arg-type]


def read_tensor(name: str, dtype: str, found: tuple[int, ...], raw: bytes, shape: tuple[int, ...]) -> Matrix | Vector:
    """A matrix, or a vector for a bias. A leading head axis of size 1 is taken away."""
    if dtype not in DECODERS:
        raise rejected("bad-weights", name, dtype)
    if name.startswith("blocks.0.attn.W_") and len(found) == 3 and found[0] != 1:
        raise declined("unsupported-architecture", name, f"{found[0]} heads")
    if name.startswith("unembed.") and found[:-1] == shape[:-1] and len(found) == len(shape) and found[-1] not in (0, shape[-1]):
        raise declined("unsupported-architecture", name, f"{found[-1]} outputs")
    require_shape(name, found, shape)
    entries = entries_of(name, dtype, found, raw)
    if name.rpartition(".")[2].startswith("b_"):
        return entries
    columns = shape[-1]
    return [entries[i : i + columns] for i in range(0, len(entries), columns)]


def require_shape(name: str, found: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if found != shape:
        raise rejected("wrong-shape", name, found)


def entries_of(name: str, dtype: str, found: tuple[int, ...], raw: bytes) -> Vector:
    """The numbers of a tensor in C order. found: its shape, which the file's header has."""
    if dtype not in DECODERS:
        raise rejected("bad-weights", name, dtype)
    width = FLOAT_BYTES[dtype]
    entries: Vector = []
    for i in range(len(raw) // width):
        entry = DECODERS[dtype](int.from_bytes(raw[i * width : (i + 1) * width], "little"))
        if entry is None:
            raise rejected("non-finite-weight", name, f"entry {i}")
        if out_of_exponent_range(entry):
            raise declined("limit-exceeded", name, f"entry {i}")
        entries.append(entry)
    return entries
