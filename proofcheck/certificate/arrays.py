"""Arrays in certificates: {"dtype", "shape", "data"} with base64 of little-endian entries in C order."""

from __future__ import annotations

import base64
import binascii
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proofcheck.certificate.fields import exact_fields, integer, list_at
from proofcheck.errors import Reason, Rejected
from proofcheck.kinds import wrong_type
from proofcheck.limits import Limits

DTYPES = {"f32": "<f4", "f64": "<f8", "i64": "<i8"}


def decode_array(value: Any, path: str, limits: Limits, version: str) -> NDArray[Any]:
    """A read-only array; finite floats only. Rejected(bad-array, bad-number, …), Declined(limit-exceeded)."""
    fields = exact_fields(value, path, ("dtype", "shape", "data"), version)
    dtype = fields["dtype"]
    if dtype not in DTYPES if isinstance(dtype, str) else True:
        raise Rejected(Reason.BAD_ARRAY, "unknown dtype", path=f"{path}.dtype", expected="f32, f64 or i64", found=str(dtype)[:40])
    shape = [integer(size, f"{path}.shape[{k}]", least=0) for k, size in enumerate(list_at(fields["shape"], f"{path}.shape"))]
    if len(shape) > 8:
        raise Rejected(Reason.BAD_ARRAY, "more than 8 axes", path=f"{path}.shape", found=str(len(shape)))
    entries = at_least_one = 1
    for size in shape:
        entries *= size
        at_least_one *= max(size, 1)  # numpy wants the axes beside an empty one to be of reasonable size, too
    limits.require("array_entries", at_least_one, path=path)
    raw = _decode_base64(fields["data"], f"{path}.data")
    item = np.dtype(DTYPES[dtype])
    if len(raw) != entries * item.itemsize:
        raise Rejected(
            Reason.BAD_ARRAY,
            "data does not fill the shape",
            path=f"{path}.data",
            expected=f"{entries * item.itemsize} bytes",
            found=f"{len(raw)} bytes",
        )
    array = np.frombuffer(raw, dtype=item).reshape(shape)
    if item.kind == "f" and not np.isfinite(array).all():
        raise Rejected(Reason.BAD_NUMBER, "an array holds NaN or an infinity", path=path, expected="finite numbers")
    return array


def _decode_base64(text: Any, path: str) -> bytes:
    if not isinstance(text, str):
        raise wrong_type(text, path, "a string")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Rejected(Reason.BAD_ARRAY, "data is not base64", path=path) from error
    if base64.b64encode(raw).decode("ascii") != text:
        raise Rejected(Reason.BAD_ARRAY, "data is not canonical base64", path=path)
    return raw


def encode_array(value: NDArray[Any]) -> dict[str, Any]:
    """TypeError for dtypes that a certificate cannot hold."""
    little = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
    names = {name: short for short, name in DTYPES.items()}
    if little.dtype.str not in names:
        raise TypeError(f"an array of dtype {value.dtype} cannot be in a certificate: use int64, float32 or float64")
    data = base64.b64encode(little.tobytes()).decode("ascii")
    return {"dtype": names[little.dtype.str], "shape": list(value.shape), "data": data}
