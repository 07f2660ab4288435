"""`decode_certificate(encode_certificate(c))` is c, and the canonical text is the only one."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofcheck import Certificate, Dimensions, Limits, ProofcheckError, Reason, Rejected, Step, decode_certificate, encode_certificate
from proofcheck.certificate import ClaimSpec, ModelSpec, TaskSpec, accuracy_at_least

names = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_+.-]{0,79}\Z")
counts = st.integers(1, 10**40)
texts = st.text(st.characters(codec="utf-8"), max_size=30)
arrays = st.one_of(
    *(
        st.builds(
            lambda values, columns, dtype=dtype: (
                np.array(values, dtype=dtype).reshape(-1, columns)  # type: ignore[misc]
                if len(values) % columns == 0
                else np.array(values, dtype=dtype)
            ),
            st.lists(elements, max_size=6),
            st.integers(1, 3),
        )
        for dtype, elements in (
            ("<i8", st.integers(-(2**63), 2**63 - 1)),
            ("<f4", st.floats(width=32, allow_nan=False, allow_infinity=False)),
            ("<f8", st.floats(allow_nan=False, allow_infinity=False)),
        )
    )
)
steps = st.builds(
    Step,
    names,
    names,
    st.lists(names, max_size=3).map(tuple),
    st.dictionaries(names, st.one_of(st.integers(-(10**30), 10**30), arrays), max_size=2),
)
digests = st.from_regex(r"\A[0-9a-f]{64}\Z")
common = {
    "precision": st.integers(32, 1024),
    "provenance": st.dictionaries(names, texts, max_size=2),
}
of_1_0 = st.builds(
    Certificate,
    claim=st.builds(accuracy_at_least, st.integers(0, 10**40), counts),
    model=st.builds(
        ModelSpec, names, st.builds(Dimensions, n_ctx=counts, d_vocab=counts, d_model=counts, d_head=counts).map(dict), texts, digests
    ),
    task=st.builds(TaskSpec, names, st.fixed_dictionaries({"n_ctx": counts, "d_vocab": st.integers(2, 10**9)})),
    steps=st.lists(steps, max_size=3).map(tuple),
    **common,
)
qualified = st.one_of(names, st.builds("{}/{}".format, st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,9}\Z"), names))
values = st.recursive(
    st.one_of(st.integers(-(10**30), 10**30), texts, arrays), lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=4
)
fields_of = st.dictionaries(names.filter(lambda name: name != "name"), values, max_size=3)
of_1_1 = st.builds(
    Certificate,
    claim=st.builds(ClaimSpec, qualified, fields_of),
    model=st.builds(ModelSpec, qualified, st.dictionaries(names, st.integers(0, 10**9), max_size=5), texts, digests, fields_of),
    task=st.builds(TaskSpec, qualified, fields_of),
    steps=st.lists(st.builds(Step, names, qualified, st.just(()), st.just({})), max_size=2).map(tuple),
    extensions=st.dictionaries(names, texts, max_size=2),
    **common,
)
certificates = st.one_of(of_1_0, of_1_1)


def same(a: Any, b: Any) -> bool:
    """Equality that looks into arrays: dtype, shape and bytes."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and (a.dtype.str, a.shape, a.tobytes()) == (b.dtype.str, b.shape, b.tobytes())
    if isinstance(a, (ClaimSpec, ModelSpec, TaskSpec)):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, Step):
        return (a.id, a.rule, a.premises) == (b.id, b.rule, b.premises) and same(dict(a.hints), dict(b.hints))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and bool(a == b)


@given(certificate=certificates)
def test_round_trip(certificate: Certificate) -> None:
    data = encode_certificate(certificate)
    back = decode_certificate(data, Limits())
    for field in fields(Certificate):
        assert same(getattr(certificate, field.name), getattr(back, field.name)), field.name
    assert encode_certificate(back) == data


@given(certificate=certificates, indent=st.sampled_from([None, 0, 2, "\t"]))
def test_white_space_between_tokens_is_free(certificate: Certificate, indent: Any) -> None:
    data = encode_certificate(certificate)
    other = json.dumps(json.loads(data), ensure_ascii=False, indent=indent, separators=(" ,\r\n", "\t: ")).encode()
    assert encode_certificate(decode_certificate(other, Limits())) == data


@given(certificate=certificates)
def test_escapes_that_are_not_needed_are_refused(certificate: Certificate) -> None:
    data = encode_certificate(certificate)
    escaped = json.dumps(json.loads(data), ensure_ascii=True, indent=1).encode() + b"\n"
    if escaped == data:
        assert encode_certificate(decode_certificate(escaped, Limits())) == data
    else:
        with pytest.raises(Rejected) as caught:
            decode_certificate(escaped, Limits())
        assert caught.value.code == Reason.MALFORMED_JSON


@given(certificate=certificates, place=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_a_changed_byte_is_refused_or_is_another_certificate(certificate: Certificate, place: int, byte: int) -> None:
    """Never another exception, and never two texts of one certificate but for white space."""
    data = bytearray(encode_certificate(certificate))
    place %= len(data)
    if data[place] == byte:
        return
    data[place] = byte
    try:
        back = decode_certificate(bytes(data), Limits())
    except ProofcheckError:
        return
    assert b"".join(encode_certificate(back).split()) == b"".join(bytes(data).split())


@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ProofcheckError):
        decode_certificate(data, Limits())


@given(text=st.recursive(st.one_of(st.integers(), st.text(max_size=3), st.none(), st.booleans()), lambda x: st.lists(x, max_size=3)))
def test_any_json_is_refused(text: Any) -> None:
    with pytest.raises(ProofcheckError):
        decode_certificate(json.dumps(text, ensure_ascii=False).encode(), Limits())


def some_certificate(steps: tuple[Step, ...]) -> Certificate:
    sizes = {"n_ctx": 1, "d_vocab": 2, "d_model": 1, "d_head": 1}
    task = TaskSpec("t", {"n_ctx": 1, "d_vocab": 2})
    return Certificate(accuracy_at_least(0, 2), ModelSpec("x", sizes, "w", "0" * 64), task, 64, steps)


def test_arrays_keep_their_bits_and_order() -> None:
    hints = {
        "a": np.array([[1, -2], [3, 2**62]], dtype="<i8"),
        "b": np.array([-0.0, 5e-324, 1.7976931348623157e308], dtype="<f8"),
        "c": np.asfortranarray(np.arange(6, dtype="<f4").reshape(2, 3)),
        "d": np.array(7, dtype="<i8"),
        "e": np.array([1.5, 2.5], dtype=">f8"),
    }
    certificate = some_certificate((Step("s", "r", (), hints),))
    back = decode_certificate(encode_certificate(certificate), Limits()).steps[0].hints
    for name, value in hints.items():
        assert isinstance(back[name], np.ndarray)
        assert back[name].tolist() == value.tolist()
    assert np.signbit(back["b"][0])  # type: ignore[index]
    assert not back["a"].flags.writeable  # type: ignore[union-attr]


@pytest.mark.parametrize("hint", [np.array([1], dtype=np.int32), np.array([True]), np.array(["x"]), np.array([1j])])
def test_the_writer_refuses_other_dtypes(hint: Any) -> None:
    certificate = some_certificate((Step("s", "r", (), {"h": hint}),))
    with pytest.raises(TypeError, match="cannot be in a certificate"):
        encode_certificate(certificate)
