"""Every condition of the decoder, one at a time: a text that violates it alone is refused with its code; its neighbour is not."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest

from proofcheck import Declined, Limits, Reason, Rejected, decode_certificate
from proofcheck.certificate.strict_json import parse

GOOD: dict[str, Any] = {
    "format": {"name": "proofcheck-certificate", "version": "1.0"},
    "claim": {"accuracy_at_least": {"correct": 0, "total": 1}},
    "model": {
        "architecture": "a",
        "dimensions": {"n_ctx": 1, "d_vocab": 1, "d_model": 1, "d_head": 1},
        "weights": {"file": "w", "sha256": "0" * 64},
    },
    "task": {"name": "t", "n_ctx": 1, "d_vocab": 2},
    "arithmetic": {"precision": 32},
    "steps": [{"id": "a", "rule": "r", "premises": [], "hints": {"h": 0}}],
    "provenance": {"k": ""},
}


def changed(path: str, value: Any) -> bytes:
    """The text with the value at a path such as "steps.0.id" replaced."""
    document = copy.deepcopy(GOOD)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = document
    for part in parents:
        place = place[part]
    place[last] = value
    return json.dumps(document, ensure_ascii=False).encode()


def code(data: bytes, limits: Limits | None = None) -> Reason | None:
    try:
        decode_certificate(data, limits or Limits())
    except (Rejected, Declined) as error:
        return error.code
    return None


def array(shape: list[int], raw: bytes, dtype: Any = "f64") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data": base64.b64encode(raw).decode()}


PATHS = [
    ("format", 0),
    ("format.name", []),
    ("format.version", {}),
    ("claim", []),
    ("claim.accuracy_at_least", ""),
    ("claim.accuracy_at_least.correct", "1"),
    ("claim.accuracy_at_least.total", []),
    ("model", 3),
    ("model.architecture", 3),
    ("model.dimensions", []),
    ("model.dimensions.d_head", "1"),
    ("model.weights", "w"),
    ("model.weights.file", 7),
    ("model.weights.sha256", 7),
    ("task", "t"),
    ("task.name", 1),
    ("task.n_ctx", {}),
    ("task.d_vocab", "2"),
    ("arithmetic", 32),
    ("arithmetic.precision", "32"),
    ("steps", {}),
    ("steps.0", "a"),
    ("steps.0.id", 1),
    ("steps.0.rule", []),
    ("steps.0.premises", "a"),
    ("steps.0.premises", [1]),
    ("steps.0.hints", []),
    ("steps.0.hints.h", "0"),
    ("steps.0.hints.h", [0]),
    ("provenance", []),
    ("provenance.k", 1),
]


def test_the_good_one_decodes() -> None:
    certificate = decode_certificate(json.dumps(GOOD).encode(), Limits())
    assert certificate.steps[0].hints == {"h": 0}
    assert certificate.provenance == {"k": ""}


@pytest.mark.parametrize(("path", "value"), PATHS)
def test_every_field_has_its_type(path: str, value: Any) -> None:
    assert code(changed(path, value)) == Reason.WRONG_TYPE


@pytest.mark.parametrize(
    ("path", "at"),
    [
        ("claim.accuracy_at_least.correct", 0),
        ("claim.accuracy_at_least.total", 1),
        ("model.dimensions.n_ctx", 1),
        ("model.dimensions.d_vocab", 1),
        ("model.dimensions.d_model", 1),
        ("model.dimensions.d_head", 1),
        ("task.n_ctx", 1),
        ("task.d_vocab", 2),
        ("arithmetic.precision", 32),
    ],
)
def test_numbers_are_refused_below_their_least(path: str, at: int) -> None:
    assert code(changed(path, at)) is None
    assert code(changed(path, at - 1)) == Reason.BAD_NUMBER
    assert code(changed(path, -at - 1)) == Reason.BAD_NUMBER


def test_integer_hints_may_be_negative() -> None:
    assert code(changed("steps.0.hints.h", -(10**30))) is None


@pytest.mark.parametrize("path", ["model.architecture", "task.name", "steps.0.id", "steps.0.rule", "steps.0.premises"])
@pytest.mark.parametrize("name", ["", "a b", "-a", "é", "a" * 81, "a\n", ".", "a/b"])
def test_names_are_plain(path: str, name: str) -> None:
    wrap = (lambda text: [text]) if path.endswith("premises") else (lambda text: text)
    assert code(changed(path, wrap(name))) == Reason.BAD_STRING
    assert code(changed(path, wrap("a" * 80))) is None
    assert code(changed(path, wrap("0_+.-"))) is None


@pytest.mark.parametrize("name", ["", "a b", "a" * 81])
def test_names_of_hints_and_of_provenance_are_plain(name: str) -> None:
    assert code(changed("steps.0.hints", {name: 0})) == Reason.BAD_STRING
    assert code(changed("provenance", {name: ""})) == Reason.BAD_STRING


@pytest.mark.parametrize("digest", ["", "0" * 63, "0" * 65, "A" * 64, "0" * 63 + "g", "0" * 64 + "\n"])
def test_digests_have_64_lower_case_digits(digest: str) -> None:
    assert code(changed("model.weights.sha256", digest)) == Reason.BAD_STRING


@pytest.mark.parametrize("path", ["model.weights.file", "provenance.k"])
def test_strings_stop_at_their_limit(path: str) -> None:
    limits = Limits(string_length=64)
    assert code(changed(path, "é" * 64), limits) is None
    assert code(changed(path, "é" * 65), limits) == Reason.LIMIT_EXCEEDED
    assert code(changed(path, "e" * 65), limits) == Reason.LIMIT_EXCEEDED


@pytest.mark.parametrize("version", ["1.0"])
def test_known_versions(version: str) -> None:
    assert code(changed("format.version", version)) is None


@pytest.mark.parametrize("version", ["1.2", "1.00", "01.0", "2.0", "0.0", "1", "1.0.0", "", "1.-1", " 1.0", "1.0\n", "1.10000000000"])
def test_other_versions_are_declined(version: str) -> None:
    assert code(changed("format.version", version)) == Reason.UNSUPPORTED_FORMAT


def test_another_format_is_declined_whatever_else_it_holds() -> None:
    assert code(b'{"format": {"name": "other", "version": "1.0"}}') == Reason.UNSUPPORTED_FORMAT
    assert code(b'{"format": {"name": "proofcheck-certificate", "version": "9.0"}, "more": 1}') == Reason.UNSUPPORTED_FORMAT
    assert code(b'{"format": {"name": "proofcheck-certificate", "version": "1.0"}}') == Reason.MISSING_FIELD
    assert code(b'{"format": {"version": "1.0"}}') == Reason.MISSING_FIELD
    assert code(b"[]") == Reason.WRONG_TYPE


@pytest.mark.parametrize("path", ["", "format", "claim.accuracy_at_least", "model.dimensions", "task", "steps.0"])
def test_fields_are_exactly_these_in_this_order(path: str) -> None:
    def variant(change: Any) -> bytes:
        document = copy.deepcopy(GOOD)
        place: Any = document
        for part in path.split(".") if path else ():
            place = place[int(part) if part.isdigit() else part]
        change(place)
        return json.dumps(document).encode()

    def reorder(place: dict[str, Any]) -> None:
        first = next(iter(place))
        place[first] = place.pop(first)

    assert code(variant(lambda place: None)) is None
    assert code(variant(lambda place: place.pop(next(iter(place))))) == Reason.MISSING_FIELD
    assert code(variant(lambda place: place.popitem())) == Reason.MISSING_FIELD
    assert code(variant(lambda place: place.update(more=1))) == Reason.UNKNOWN_FIELD
    assert code(variant(reorder)) == Reason.FIELD_ORDER


@pytest.mark.parametrize("axes", range(11))
def test_arrays_have_at_most_eight_axes(axes: int) -> None:
    expected = None if axes <= 8 else Reason.BAD_ARRAY
    assert code(changed("steps.0.hints.h", array([1] * axes, bytes(8)))) == expected


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (array([1], bytes(8)), None),
        (array([2], bytes(8), "f32"), None),
        (array([0], b""), None),
        (array([0, 5], b"", "i64"), None),
        (array([1], bytes(8), "f16"), Reason.BAD_ARRAY),
        (array([1], bytes(8), 3), Reason.BAD_ARRAY),
        (array([1], bytes(8), []), Reason.BAD_ARRAY),
        (array([2], bytes(8)), Reason.BAD_ARRAY),
        (array([1], bytes(16)), Reason.BAD_ARRAY),
        (array([-1], bytes(8)), Reason.BAD_NUMBER),
        ({"dtype": "f64", "shape": 1, "data": "AAAAAAAAAAA="}, Reason.WRONG_TYPE),
        ({"dtype": "f64", "shape": ["1"], "data": "AAAAAAAAAAA="}, Reason.WRONG_TYPE),
        ({"dtype": "f64", "shape": [1], "data": 5}, Reason.WRONG_TYPE),
        ({"dtype": "f64", "shape": [1], "data": "AAAAAAAAAAA"}, Reason.BAD_ARRAY),  # no padding
        ({"dtype": "f64", "shape": [1], "data": "AAAAAAAAAAB="}, Reason.BAD_ARRAY),  # the same bytes, other last bits
        ({"dtype": "f64", "shape": [1], "data": "AAAAA AAAAAA="}, Reason.BAD_ARRAY),
        ({"dtype": "f64", "shape": [1], "data": "AAAAAAAAAA-="}, Reason.BAD_ARRAY),  # the other alphabet
        ({"dtype": "f64", "shape": [1], "data": "AAAAAAAAAAé="}, Reason.BAD_ARRAY),
        ({"shape": [1], "dtype": "f64", "data": "AAAAAAAAAAA="}, Reason.FIELD_ORDER),
        (array([1], bytes.fromhex("000000000000f07f")), Reason.BAD_NUMBER),  # ∞
        (array([1], bytes.fromhex("000000000000f8ff")), Reason.BAD_NUMBER),  # NaN
        (array([1], bytes.fromhex("000080ff"), "f32"), Reason.BAD_NUMBER),
        (array([1], bytes.fromhex("ffffffffffffefff")), None),
        (array([1], bytes.fromhex("000000000000f07f"), "i64"), None),
    ],
)
def test_arrays(hint: dict[str, Any], expected: Reason | None) -> None:
    assert code(changed("steps.0.hints.h", hint)) == expected


def test_entries_are_counted_with_empty_axes_as_one() -> None:
    limits = Limits(array_entries=12)
    for shape, expected in (([3, 4], None), ([3, 4, 1], None), ([0, 3, 4], None), ([13, 0], Reason.LIMIT_EXCEEDED)):
        assert code(changed("steps.0.hints.h", array(shape, bytes(8 * 12) if 0 not in shape else b"")), limits) == expected
    assert code(changed("steps.0.hints.h", array([13], bytes(8 * 13))), limits) == Reason.LIMIT_EXCEEDED


def test_precision_stops_at_its_limits() -> None:
    assert code(changed("arithmetic.precision", 1024)) is None
    assert code(changed("arithmetic.precision", 1025)) == Reason.LIMIT_EXCEEDED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"\xff", Reason.MALFORMED_JSON),
        (b'"\xed\xa0\x80"', Reason.MALFORMED_JSON),
        (b"\xef\xbb\xbf{}", Reason.MALFORMED_JSON),
        (b"", Reason.MALFORMED_JSON),
        (b"{}{}", Reason.MALFORMED_JSON),
        (b"]", Reason.MALFORMED_JSON),
        (b"[1]]", Reason.MALFORMED_JSON),
        (b'"a', Reason.MALFORMED_JSON),
        (b'"\\u0061"', Reason.MALFORMED_JSON),
        (b"-0", Reason.MALFORMED_JSON),
        (b"01", Reason.MALFORMED_JSON),
        (b"1.0", Reason.BAD_NUMBER),
        (b"1e3", Reason.BAD_NUMBER),
        (b"NaN", Reason.BAD_NUMBER),
        (b"-Infinity", Reason.BAD_NUMBER),
        (b'{"a": null}', Reason.WRONG_TYPE),
        (b'{"a": true}', Reason.WRONG_TYPE),
        (b'{"a": 1, "a": 1}', Reason.DUPLICATE_KEY),
        (b'{"a": {"b": 1}, "b": [1, -2]}', None),
    ],
)
def test_strict_json(text: bytes, expected: Reason | None) -> None:
    try:
        parse(text, Limits())
    except (Rejected, Declined) as error:
        assert error.code == expected
    else:
        assert expected is None


@pytest.mark.parametrize("digits", [2, 39, 40])
@pytest.mark.parametrize("sign", ["", "-"])
def test_integers_have_at_most_their_digits(digits: int, sign: str) -> None:
    """The sign is no digit."""
    number = int(sign + "7" * digits)
    for wrap in ("%d", "[%d]", '{"a":%d}', '{"a": %d}'):
        text = (wrap % number).encode()
        assert parse(text, Limits(integer_digits=digits)) is not None
        with pytest.raises(Declined) as caught:
            parse(text, Limits(integer_digits=digits - 1))
        assert caught.value.code == Reason.LIMIT_EXCEEDED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('["a', "does not end"),
        ('["' + "\\n" * 65537 + '"]', "65536 escapes"),
        ("[" + "x" * 41 + "]", "41 characters that belong to no value"),
    ],
)
def test_what_no_parser_should_see_is_refused_before(text: str, message: str) -> None:
    with pytest.raises(Rejected, match=message) as caught:
        parse(text.encode(), Limits(integer_digits=40))
    assert caught.value.code == Reason.MALFORMED_JSON


def test_tokens_depth_and_strings_stop_at_their_limits() -> None:
    for text, name, at in (
        (b'[1, "a"]', "json_tokens", 6),
        (b"[[[]]]", "json_depth", 3),
        (b'{"a": {"b": []}}', "json_depth", 3),
        ('"ééé"'.encode(), "string_length", 3),
    ):
        assert parse(text, Limits(**{name: at})) is not None
        with pytest.raises(Declined) as caught:
            parse(text, Limits(**{name: at - 1}))
        assert caught.value.code == Reason.LIMIT_EXCEEDED, name
