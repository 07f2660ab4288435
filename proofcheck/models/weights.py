"""From the bytes of a safetensors file to exact tensors.

Every IEEE float is a dyadic rational, so the file defines exact real numbers; bfloat16 is a float32 whose low 16 bits are zero.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import safetensors

from proofcheck.arithmetic import DyadicArray, is_finite, largest_exponent
from proofcheck.errors import Reason, Rejected
from proofcheck.limits import Limits

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
_MOST_AXES = 8
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Weights:
    """What a weight file says: exact tensors by name, and what its metadata declares about the network."""

    tensors: dict[str, DyadicArray]
    metadata: dict[str, str]


def decode_weights(data: bytes, wanted: frozenset[str], limits: Limits) -> Weights:
    """Exact tensors of the file by name, and its metadata; tensors not `wanted`, and empty ones, come as empty arrays of their rank.

    Raises Rejected: bad-weights (not a safetensors file, a dtype without exact float value), non-finite-weight; Declined: limit-exceeded
    (bytes of the header, entries of a tensor, exponents), before any exact number is made.
    """
    header = int.from_bytes(data[:8], "little")
    if 8 + header <= len(data):  # a header beyond the file's end is no matter of limits
        limits.require("weights_header_bytes", header)
    try:
        entries = safetensors.deserialize(data)  # type: ignore[no-untyped-call, unused-ignore]
    except safetensors.SafetensorError as error:
        message = f"the weights are not a safetensors file: {error}"
        raise Rejected(Reason.BAD_WEIGHTS, message, expected="a safetensors file", hint=_advice(data)) from error
    metadata = _metadata(data)
    tensors: dict[str, DyadicArray] = {}
    for name, entry in entries:
        if len(name) > _LONGEST_NAME:
            message = f"a tensor's name is longer than {_LONGEST_NAME} characters"
            raise Rejected(Reason.BAD_WEIGHTS, message, path=name[:80])
        if len(entry["shape"]) > _MOST_AXES:
            raise Rejected(Reason.BAD_WEIGHTS, f"tensor {name} has {len(entry['shape'])} axes", path=name, expected=f"at most {_MOST_AXES}")
        if name not in wanted or 0 in entry["shape"]:
            tensors[name] = DyadicArray.zeros((0,) * len(entry["shape"]))
            continue
        tensors[name] = _exact_tensor(name, entry["dtype"], tuple(entry["shape"]), bytes(entry["data"]), limits)
    return Weights(tensors, metadata)


def _advice(data: bytes) -> str:
    """What the bytes look like instead."""
    if data.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04")):
        return "this looks like a torch checkpoint: safetensors.torch.save_file(torch.load(FILE, weights_only=True), NEW) converts it"
    return "the bytes of the weight file, as trained or downloaded"


def _metadata(data: bytes) -> dict[str, str]:
    """The header's `__metadata__`. A header that names a tensor twice is read as two networks by two readers, so it is refused."""
    header = data[8 : 8 + int.from_bytes(data[:8], "little")]
    try:
        found = json.loads(header, object_pairs_hook=_without_duplicates).get("__metadata__") or {}
    except ValueError as error:
        raise Rejected(Reason.BAD_WEIGHTS, f"the header of the weights is not JSON: {error}") from error
    return {name: value for name, value in found.items() if isinstance(value, str)}  # safetensors takes strings alone


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Rejected(Reason.BAD_WEIGHTS, "the header of the weights has a key twice", expected="every tensor once")
    return result


def _exact_tensor(name: str, dtype: str, shape: tuple[int, ...], data: bytes, limits: Limits) -> DyadicArray:
    limits.require("table_entries", prod(shape), path=name)
    if dtype == "BF16":
        values = (np.frombuffer(data, dtype="<u2").astype(np.uint32) << 16).view(np.float32)
    elif dtype in _DTYPES:
        values = np.frombuffer(data, dtype=_DTYPES[dtype])
    else:
        raise Rejected(
            Reason.BAD_WEIGHTS,
            f"tensor {name} has dtype {dtype}",
            path=name,
            expected="F64, F32, F16 or BF16",
            found=dtype,
            hint="save the weights as floats; quantised formats are not supported",
        )
    finite = is_finite(values)
    if not finite.all():
        place = tuple(int(k) for k in np.unravel_index(int(np.argmin(finite)), shape))
        raise Rejected(
            Reason.NON_FINITE_WEIGHT,
            f"tensor {name} holds {values[~finite][0]} at {list(place)}",
            path=name,
            expected="finite numbers",
            found=str(values[~finite][0]),
        )
    limits.require("exponent", largest_exponent(values), path=name)
    return DyadicArray.from_floats(values.reshape(shape))
