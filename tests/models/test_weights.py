"""Weight files that are not what they should be: every one a refusal with its code, never another exception."""

from __future__ import annotations

import json
import struct
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from soundness.small_models import Shape, random_model, raw_safetensors, safetensors_bytes

from proofcheck import Declined, Limits, Reason, Rejected
from proofcheck.models import decode_weights
from proofcheck.models.attention_only import TENSORS

GOOD = safetensors_bytes(random_model(Shape(2, 3), 0))


def entry(dtype: str, shape: list[int], start: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


BAD = {
    "empty": b"",
    "no header": b"\0" * 7,
    "header longer than the file": struct.pack("<Q", 1000) + b"{}",
    "huge header": struct.pack("<Q", 2**63) + b"{}",
    "header is not JSON": raw_safetensors(b"{nonsense", b""),
    "header is a list": raw_safetensors(b"[]", b""),
    "header is deep": raw_safetensors(b'{"a":' * 10_000, b""),
    "header is not UTF-8": raw_safetensors(b'{"\xff":1}', b""),
    "truncated": GOOD[:-1],
    "trailing byte": GOOD + b"\0",
    "shape and bytes differ": raw_safetensors({"embed.W_E": entry("F32", [3], 0, 4)}, b"\0" * 4),
    "overlapping tensors": raw_safetensors({"embed.W_E": entry("F32", [1], 0, 4), "x": entry("F32", [1], 0, 4)}, b"\0" * 4),
    "hole": raw_safetensors({"embed.W_E": entry("F32", [1], 4, 8)}, b"\0" * 8),
    "negative offset": raw_safetensors({"embed.W_E": entry("F32", [1], -4, 0)}, b"\0" * 4),
    "overflowing shape": raw_safetensors({"embed.W_E": entry("F32", [2**63, 2**63], 0, 0)}, b""),
    "unknown dtype": raw_safetensors({"embed.W_E": entry("F33", [1], 0, 4)}, b"\0" * 4),
    "integers": raw_safetensors({"embed.W_E": entry("I32", [1], 0, 4)}, b"\0" * 4),
    "booleans": raw_safetensors({"embed.W_E": entry("BOOL", [4], 0, 4)}, b"\0" * 4),
    "eight-bit floats": raw_safetensors({"embed.W_E": entry("F8_E4M3", [4], 0, 4)}, b"\0" * 4),
    "100 axes": raw_safetensors({"embed.W_E": entry("F32", [1] * 100, 0, 4)}, b"\0" * 4),
    "100 axes, not wanted": raw_safetensors({"other": entry("F32", [1] * 100, 0, 4)}, b"\0" * 4),
    "long name": raw_safetensors({"x" * 10_000: entry("F32", [1], 0, 4)}, b"\0" * 4),
    "one tensor twice": raw_safetensors(
        b'{"embed.W_E":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"embed.W_E":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}',
        b"\0" * 4,
    ),
    "one field twice": raw_safetensors(b'{"embed.W_E":{"dtype":"F32","dtype":"BF16","shape":[2],"data_offsets":[0,4]}}', b"\0" * 4),
}


@pytest.mark.parametrize("attack", BAD)
def test_bad_files_are_refused(attack: str) -> None:
    with pytest.raises(Rejected) as caught:
        decode_weights(BAD[attack], TENSORS, Limits())
    assert caught.value.code == Reason.BAD_WEIGHTS
    assert len(caught.value.message) < 400
    assert decode_weights(GOOD, TENSORS, Limits()).tensors


def test_every_truncation_and_many_flipped_header_bytes_are_refused_or_read() -> None:
    """No byte string raises anything but Rejected."""
    size = int.from_bytes(GOOD[:8], "little")
    generator = np.random.default_rng(0)
    files = [GOOD[:k] for k in range(0, len(GOOD), 5)]
    for _ in range(300):
        changed = bytearray(GOOD)
        changed[int(generator.integers(0, 8 + size))] = int(generator.integers(0, 256))
        files.append(bytes(changed))
    refused = 0
    for data in files:
        try:
            decode_weights(data, TENSORS, Limits())
        except Rejected as error:
            refused += 1
            assert error.code in (Reason.BAD_WEIGHTS, Reason.NON_FINITE_WEIGHT)
    assert refused > len(files) // 2


def test_a_header_is_measured_if_it_lies_in_the_file() -> None:
    limits = Limits(weights_header_bytes=10)
    for missing, code in ((0, Reason.LIMIT_EXCEEDED), (1, Reason.BAD_WEIGHTS)):
        with pytest.raises((Declined, Rejected)) as caught:
            decode_weights(struct.pack("<Q", 11) + b" " * (11 - missing), TENSORS, limits)
        assert caught.value.code == code


@pytest.mark.parametrize(("name", "axes", "good"), [("x" * 200, 1, True), ("x" * 201, 1, False), ("x", 8, True), ("x", 9, False)])
def test_names_and_axes_stop_at_their_limits(name: str, axes: int, good: bool) -> None:
    data = raw_safetensors({name: entry("F32", [1] * axes, 0, 4)}, b"\0" * 4)
    if good:
        assert decode_weights(data, TENSORS, Limits()).tensors[name].shape == (0,) * axes
    else:
        with pytest.raises(Rejected):
            decode_weights(data, TENSORS, Limits())


def test_metadata_is_ignored() -> None:
    size = int.from_bytes(GOOD[:8], "little")
    header = {"__metadata__": {"seed": "1"}, **json.loads(GOOD[8 : 8 + size])}
    tensors = decode_weights(raw_safetensors(header, GOOD[8 + size :]), TENSORS, Limits()).tensors
    assert set(tensors) == set(decode_weights(GOOD, TENSORS, Limits()).tensors)


def test_a_tensor_without_axes_is_read() -> None:
    tensors = decode_weights(safetensors_bytes({"embed.W_E": np.array(1.5, dtype="<f4")}), TENSORS, Limits()).tensors
    assert tensors["embed.W_E"].shape == ()


@pytest.mark.parametrize(
    ("largest", "declined"),
    [
        (2.0**-256, False),
        (float(np.nextafter(2.0**-256, 0)), True),
        (float(np.nextafter(2.0**256, 0)), False),
        (2.0**256, True),
        (0.0, False),
    ],
)
def test_exponents_have_a_limit(largest: float, declined: bool) -> None:
    tensors = {"embed.W_E": np.array([[0.0, -0.0, 1.5, -largest]])}
    with pytest.raises(Declined) if declined else nullcontext() as caught:
        decode_weights(safetensors_bytes(tensors), TENSORS, Limits())
    assert caught is None or caught.value.code == Reason.LIMIT_EXCEEDED
    assert decode_weights(safetensors_bytes(tensors), TENSORS, Limits(exponent=1074)).tensors


def test_entries_and_headers_have_limits() -> None:
    size = int.from_bytes(GOOD[:8], "little")
    for enough, too_few in (
        (Limits(weights_header_bytes=size), Limits(weights_header_bytes=size - 1)),
        (Limits(table_entries=9), Limits(table_entries=8)),
    ):
        assert decode_weights(GOOD, TENSORS, enough).tensors
        with pytest.raises(Declined) as caught:
            decode_weights(GOOD, TENSORS, too_few)
        assert caught.value.code == Reason.LIMIT_EXCEEDED
