"""Makes certificates/reject/: one file per attack, in the folder of the reason code it must end in.

    python tests/soundness/make_reject_corpus.py            writes the files
    python tests/soundness/make_reject_corpus.py --check    exit 1 if a committed file differs, is missing, or is nobody's

The certificates `not-proved/inflation-*.json` are those of `python -m tests.soundness.inflation_search`; here only their names are known.
Every attack changes one certificate that verifies: certificates/reject/twin.json, about certificates/reject/weights/tiny.safetensors;
those of format 1.1 (`1.1-…`) twin-1.1.json, about adder.safetensors; those about transformers (`transformer-…`) twin-transformer-….json.
Files with a common prefix attack the same thing at different places.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[1]))
    sys.path.append(str(Path(__file__).parents[2]))

from soundness import (
    float_attacks,
    float_transformer_attacks,
    loss_attacks,
    margin_attacks,
    resource_corpus,
    subcubic_attacks,
    transformer_attacks,
    windows_attacks,
)
from soundness import frame_attacks as attacks_of_1_1
from soundness.inflation_cases import CASES
from soundness.partition_attacks import ATTACKS as PARTITION_ATTACKS
from soundness.separable_attacks import ATTACKS as SEPARABLE_ATTACKS
from soundness.small_models import BIASES, BRUTE_FORCE, Shape, certificate, raw_safetensors, safetensors_bytes, shapes

from proofcheck import Reason, encode_certificate

FOLDER = Path(__file__).parents[2] / "certificates" / "reject"
SHAPE = Shape(n_ctx=2, d_vocab=3, d_model=3, d_head=2)
CORRECT = 9  # of 9: what brute force proves of the tiny network
DECLINED = {
    Reason.USAGE,
    Reason.UNSOUND_PLATFORM,
    Reason.UNEXPECTED_MODEL,
    Reason.UNEXPECTED_TASK,
    Reason.UNREADABLE_FILE,
    Reason.NOT_A_REGULAR_FILE,
    Reason.UNSUPPORTED_FORMAT,
    Reason.UNSUPPORTED_ARCHITECTURE,
    Reason.UNSUPPORTED_TASK,
    Reason.UNSUPPORTED_CLAIM,
    Reason.UNTRUSTED_EXTENSION,
    Reason.LIMIT_EXCEEDED,
}
Document = dict[str, Any]
Edit = Callable[[Document], None]


def tiny() -> dict[str, np.ndarray[Any, Any]]:
    """A hand-made network: scores grow with the key's token, the value copies it, logit j of value t is 2tj − j²."""
    t = np.arange(3, dtype=np.float32)
    tensors = {name: np.zeros(size, dtype=np.float32) for name, size in shapes(SHAPE).items() if name not in BIASES}
    tensors["embed.W_E"][:, 0] = 1
    tensors["embed.W_E"][:, 1] = t
    tensors["pos_embed.W_pos"][1, 1] = 0.125
    tensors["blocks.0.attn.W_Q"][0, 0, 0] = 3
    tensors["blocks.0.attn.W_K"][0, 1, 0] = 3
    tensors["blocks.0.attn.W_V"][0, 1, 0] = 1
    tensors["blocks.0.attn.W_V"][0, 0, 1] = 1
    tensors["blocks.0.attn.W_O"][0, 0, 2] = 8
    tensors["blocks.0.attn.W_O"][0, 1, 0] = 7
    tensors["unembed.W_U"][2] = 2 * t
    tensors["unembed.W_U"][0] = -t * t
    return tensors


def changed(name: str, place: tuple[int, ...], value: float, dtype: str = "<f4") -> bytes:
    """The tiny network with one number changed."""
    tensors = {key: array.astype(dtype) for key, array in tiny().items()}
    tensors[name][place] = value
    return safetensors_bytes(tensors)


DECLARATIONS = {
    "declares-task-min-of-k": {"task": "min-of-k n_ctx=2 d_vocab=3"},
    "declares-task-of-another-size": {"task": "max-of-k n_ctx=2 d_vocab=4"},
    "declares-LNPre": {"normalization": "LNPre"},
    "declares-relu": {"activation": "relu"},
    "declares-attention-scale": {"attention_scale": "1"},
}


def declaring(**metadata: str) -> bytes:
    """The network of the corpus, with a word of its file about itself."""
    data = safetensors_bytes(tiny())
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    named = {f"proofcheck.{name}": value for name, value in metadata.items()}
    return raw_safetensors({"__metadata__": named, **header}, data[8 + size :])


def weight_files() -> dict[str, bytes]:
    """The weight files of the corpus."""
    good = tiny()
    W_Q = good["blocks.0.attn.W_Q"]
    body = good["embed.W_E"].astype("<i4").tobytes()
    size = int.from_bytes(safetensors_bytes(good)[:8], "little")
    header = json.loads(safetensors_bytes(good)[8 : 8 + size])
    text = json.dumps(header)
    twice = text[:-1] + ', "embed.W_E": ' + json.dumps({**header["embed.W_E"], "shape": [9, 1]}) + "}"
    return {
        "tiny": safetensors_bytes(good),
        "infinite": changed("unembed.W_U", (2, 1), np.inf),
        "nan": changed("blocks.0.attn.W_O", (0, 0, 0), np.nan),
        "truncated": safetensors_bytes(good)[:-4],
        "not-safetensors": b"PK\x03\x04 this is another kind of file",
        "empty": b"",
        "integers": raw_safetensors({"embed.W_E": {"dtype": "I32", "shape": [3, 3], "data_offsets": [0, len(body)]}}, body),
        "without-W_pos": safetensors_bytes({name: array for name, array in good.items() if name != "pos_embed.W_pos"}),
        "one-tensor-twice": raw_safetensors(twice.encode(), safetensors_bytes(good)[8 + size :]),
        "layer-norm": safetensors_bytes({**good, "blocks.0.ln1.w": np.ones(3, dtype=np.float32)}),
        "mlp": safetensors_bytes({**good, "blocks.0.mlp.W_in": np.ones((3, 12), dtype=np.float32)}),
        "second-layer": safetensors_bytes({**good, "blocks.1.attn.W_Q": W_Q}),
        "two-heads": safetensors_bytes({**good, "blocks.0.attn.W_Q": np.concatenate([W_Q, W_Q])}),
        "W_U-transposed": safetensors_bytes({**good, "unembed.W_U": np.ones((4, 3), dtype=np.float32)}),
        "d-vocab-out": safetensors_bytes({**good, "unembed.W_U": np.ones((3, 4), dtype=np.float32)}),
        "tied": safetensors_bytes({name: array for name, array in good.items() if name != "unembed.W_U"}),
        **{name: declaring(**metadata) for name, metadata in DECLARATIONS.items()},
        "huge-scores": changed("blocks.0.attn.W_Q", (0, 0, 0), 1e20, "<f8"),
    }


def twin() -> Document:
    """The certificate that verifies."""
    c = certificate(weight_files()["tiny"], SHAPE, BRUTE_FORCE, correct=CORRECT, weights_file="weights/tiny.safetensors")
    document: Document = json.loads(encode_certificate(c))
    document["provenance"] = {"strategy": "brute-force"}
    return document


def base() -> Document:
    """The same, one folder below."""
    document = twin()
    document["model"]["weights"]["file"] = "../weights/tiny.safetensors"
    return document


def written(document: Document) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def edited(edit: Edit) -> bytes:
    document = base()
    edit(document)
    return written(document)


def at(path: str, value: Any) -> bytes:
    """The certificate with the value at a path (keys and indices between dots) replaced."""
    document = base()
    *parents, last = path.split(".")
    place: Any = document
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place[key]
    place[int(last) if isinstance(place, list) else last] = value
    return written(document)


def replaced(old: str, new: str) -> bytes:
    """The file's text with one occurrence of `old` replaced."""
    text = written(base()).decode()
    if text.count(old) != 1:
        raise ValueError(f"{old!r} stands {text.count(old)} times")
    return text.replace(old, new).encode("utf-8", "surrogatepass")


def about(name: str, **sizes: int) -> bytes:
    """The certificate about another weight file, with other dimensions."""
    document = base()
    document["model"]["weights"] = {
        "file": f"../weights/{name}.safetensors",
        "sha256": hashlib.sha256(weight_files()[name]).hexdigest(),
    }
    document["model"]["dimensions"].update(sizes)
    return written(document)


def steps(*chosen: tuple[str, str, list[str], dict[str, Any]]) -> bytes:
    """The certificate with other steps."""
    document = base()
    document["steps"] = [dict(zip(("id", "rule", "premises", "hints"), step, strict=True)) for step in chosen]
    return written(document)


def array(dtype: str, shape: list[int], data: bytes | str) -> Document:
    return {"dtype": dtype, "shape": shape, "data": data if isinstance(data, str) else base64.b64encode(data).decode()}


def with_hint(value: Any) -> bytes:
    """A hint at the first step: its form is checked before anyone asks whether the rule wants it."""
    return at("steps.0.hints", {"direction": value})


TABLES = ("tables", "path-expansion", [], {})
BLOCKS = ("blocks", "enumeration", ["tables"], {})
COUNT = ("count", "sum-blocks", ["blocks"], {})
CLASSES = ("classes", "cubic", ["tables"], {})


def objects() -> list[tuple[str, ...]]:
    """Paths of all objects of the format."""
    return [
        (),
        ("format",),
        ("claim",),
        ("claim", "accuracy_at_least"),
        ("model",),
        ("model", "dimensions"),
        ("model", "weights"),
        ("task",),
        ("arithmetic",),
        ("steps", "1"),
    ]


def place_of(document: Document, path: tuple[str, ...]) -> Document:
    place: Any = document
    for key in path:
        place = place[int(key)] if isinstance(place, list) else place[key]
    return place  # type: ignore[no-any-return]


def in_object(path: tuple[str, ...], edit: Edit) -> bytes:
    document = base()
    edit(place_of(document, path))
    return written(document)


def label(path: tuple[str, ...], key: str = "") -> str:
    return "-".join(("top" if not path else "-".join(path), key)).strip("-").replace("_", "-")


def field_attacks() -> Iterator[tuple[str, str, bytes]]:
    """Every field missing, every object with one field more and in another order, every value of another type."""
    for path in objects():
        original = copy.deepcopy(place_of(base(), path))
        for key in original:
            yield "missing-field", label(path, key), in_object(path, lambda o, key=key: o.pop(key))  # type: ignore[misc]
            wrong = ["a list"] if isinstance(original[key], str | int) else "a string"
            yield "wrong-type", label(path, key), in_object(path, lambda o, key=key, wrong=wrong: o.update({key: wrong}))  # type: ignore[misc]
        yield "unknown-field", label(path), in_object(path, lambda o: o.update({"comment": "hello"}))
        if len(original) > 1:
            turned = dict(reversed(original.items()))
            yield "field-order", label(path), in_object(path, lambda o, turned=turned: (o.clear(), o.update(turned)))  # type: ignore[misc, func-returns-value]
    good = array("f64", [1], np.ones(1).tobytes())
    for key in good:
        yield "missing-field", f"array-{key}", with_hint({k: v for k, v in good.items() if k != key})
    yield "unknown-field", "array", with_hint({**good, "order": "F"})
    yield "field-order", "array", with_hint(dict(reversed(good.items())))


def text_attacks() -> Iterator[tuple[str, str, bytes]]:
    """Files that are not the one JSON text of a certificate."""
    good = written(base())
    yield "malformed-json", "empty", b""
    yield "malformed-json", "white-space", b" \n\t "
    yield "malformed-json", "truncated", good[: len(good) // 2]
    yield "malformed-json", "truncated-by-one-bracket", good.rstrip()[:-1]
    yield "malformed-json", "trailing-data", good + b"{}"
    yield "malformed-json", "trailing-garbage", good + b"x"
    yield "malformed-json", "trailing-nul", good + b"\0"
    yield "malformed-json", "trailing-comma", replaced('"correct": 9,', '"correct": 9,,')
    yield "malformed-json", "trailing-comma-in-list", replaced('"premises": [],', '"premises": [,],')
    yield "malformed-json", "byte-order-mark", b"\xef\xbb\xbf" + good
    yield "malformed-json", "utf-16", good.decode().encode("utf-16")
    yield "malformed-json", "invalid-utf-8", good.replace(b'"brute-force"', b'"brute-\xff\xfe"')
    yield "malformed-json", "encoded-surrogate", good.replace(b'"brute-force"', b'"\xed\xa0\x80"')
    yield "malformed-json", "overlong-utf-8", good.replace(b'"brute-force"', b'"\xc0\xaf"')
    yield "malformed-json", "lone-surrogate-escape", replaced('"brute-force"', '"\\ud800"')
    yield "malformed-json", "comment", b"// a certificate\n" + good
    yield "malformed-json", "single-quotes", good.replace(b'"', b"'")
    yield "malformed-json", "unquoted-key", replaced('"correct": 9', "correct: 9")
    yield "malformed-json", "unterminated-string", replaced('"brute-force"', '"brute-force')
    yield "malformed-json", "control-character-in-string", replaced('"brute-force"', '"brute\nforce"')
    yield "malformed-json", "leading-zero", replaced('"correct": 9', '"correct": 09')
    yield "malformed-json", "leading-plus", replaced('"correct": 9', '"correct": +9')
    yield "malformed-json", "minus-zero", replaced('"correct": 9', '"correct": -0')
    yield "malformed-json", "hexadecimal", replaced('"correct": 9', '"correct": 0x9')
    yield "malformed-json", "underscore-in-number", replaced('"correct": 9', '"correct": 0_9')
    yield "malformed-json", "arabic-digit", replaced('"correct": 9', '"correct": ٩')
    yield "malformed-json", "true-in-capitals", replaced('"correct": 9', '"correct": True')
    yield "malformed-json", "escaped-letter", replaced('"correct"', '"c\\u006frrect"')
    yield "malformed-json", "escaped-slash", replaced("../weights/tiny", "..\\/weights/tiny")
    yield "malformed-json", "capital-hexadecimal-escape", replaced('"brute-force"', '"\\u001F"')
    yield "malformed-json", "closing-bracket-first", b"]" + good
    yield "malformed-json", "wrong-bracket", good.rstrip()[:-1] + b"]"
    yield "malformed-json", "no-break-space-between-tokens", replaced('"correct": 9', '"correct":\u00a09')
    yield "malformed-json", "html", b"<!DOCTYPE html><title>404</title>"
    yield "limit-exceeded", "deep-nesting", b"[" * 10_000
    yield "limit-exceeded", "seventeen-levels", replaced('"premises": []', '"premises": ' + "[" * 14 + "]" * 14)
    yield "limit-exceeded", "2001-digits", replaced('"correct": 9', '"correct": ' + "9" * 2001)
    yield "wrong-type", "document-is-a-list", b"[]\n"
    yield "wrong-type", "document-is-a-string", b'"s VERIFIED"\n'
    yield "wrong-type", "document-is-a-number", b"7\n"
    yield "wrong-type", "document-is-null", b"null\n"
    for key in ("format", "correct", "model", "n_ctx", "sha256", "precision", "steps", "id", "hints", "strategy"):
        text = written(base()).decode()
        line = next(line for line in text.splitlines() if f'"{key}":' in line)
        first = f'"{key}": "twice",' if "{" not in line else f'"{key}": {{}},'
        yield "duplicate-key", key.replace("_", "-"), text.replace(line, f"{first}\n{line}", 1).encode()
    yield "duplicate-key", "same-value", replaced('"correct": 9,', '"correct": 9,\n"correct": 9,')
    yield (
        "duplicate-key",
        "in-array",
        replaced(
            '"hints": {}\n  },\n  {\n   "id": "blocks"', '"hints": {"a": {"dtype": "f64", "dtype": "f32"}}\n  },\n  {\n   "id": "blocks"'
        ),
    )


def value_attacks() -> Iterator[tuple[str, str, bytes]]:
    """Values of the right type that have no place in a certificate."""
    for name, literal in (
        ("float", "9.0"),
        ("exponent", "9e0"),
        ("huge-exponent", "1e999"),
        ("nan", "NaN"),
        ("infinity", "Infinity"),
        ("minus-infinity", "-Infinity"),
    ):
        yield "bad-number", f"correct-{name}", replaced('"correct": 9', f'"correct": {literal}')
    for name, value in (("null", None), ("true", True), ("false", False), ("string", "9"), ("list", [9]), ("object", {"p": 9})):
        yield "wrong-type", f"correct-{name}", at("claim.accuracy_at_least.correct", value)
        yield "wrong-type", f"premise-{name}", at("steps.1.premises", [9 if name == "string" else value])
    for name, value in (("null", None), ("true", True), ("float-string", "1.5"), ("list", [1])):
        yield "wrong-type", f"hint-{name}", with_hint(value)
    yield "wrong-type", "array-data-list", with_hint(array("f64", [1], "") | {"data": [1]})
    yield "wrong-type", "array-shape-number", with_hint(array("f64", [1], "") | {"shape": 1})
    yield "wrong-type", "array-shape-true", with_hint({"dtype": "f64", "shape": [True], "data": ""})
    yield "wrong-type", "provenance-number", at("provenance.strategy", 7)
    yield "bad-number", "correct-negative", at("claim.accuracy_at_least.correct", -1)
    yield "bad-number", "total-zero", at("claim.accuracy_at_least.total", 0)
    yield "bad-number", "n-ctx-zero", at("model.dimensions.n_ctx", 0)
    yield "bad-number", "d-model-negative", at("model.dimensions.d_model", -3)
    yield "bad-number", "task-d-vocab-one", at("task.d_vocab", 1)
    yield "bad-number", "precision-31", at("arithmetic.precision", 31)
    yield "bad-number", "precision-zero", at("arithmetic.precision", 0)
    yield "bad-number", "array-shape-negative", with_hint(array("f64", [-1], ""))
    for name, bad in (("nan", np.nan), ("infinity", np.inf), ("minus-infinity", -np.inf)):
        yield "bad-number", f"array-{name}", with_hint(array("f64", [2], np.array([1, bad]).tobytes()))
    yield "bad-number", "array-f32-nan", with_hint(array("f32", [1], b"\xff\xff\xff\xff"))
    ones = np.ones(2)
    text = base64.b64encode(ones.tobytes()).decode()
    for name, hint in (
        ("unknown-dtype", array("f16", [4], ones.tobytes())),
        ("big-endian-dtype", array(">f8", [2], ones.tobytes())),
        ("object-dtype", array("O", [2], ones.tobytes())),
        ("dtype-is-a-number", {"dtype": 8, "shape": [2], "data": text}),
        ("data-too-short", array("f64", [2], ones.tobytes()[:-1])),
        ("data-too-long", array("f64", [2], ones.tobytes() + b"\0")),
        ("data-for-another-shape", array("f64", [3], ones.tobytes())),
        ("data-for-no-entries", array("f64", [0], ones.tobytes())),
        ("no-data", array("f64", [2], "")),
        ("not-base64", array("f64", [2], "!" * len(text))),
        ("base64-with-space", array("f64", [2], text[:4] + " " + text[4:])),
        ("base64-with-newline", array("f64", [2], text + "\n")),
        ("base64-without-padding", array("f64", [2], text.rstrip("="))),
        ("base64-with-too-much-padding", array("f64", [2], text + "====")),
        ("base64-not-canonical", array("f64", [2], text[:-3] + chr(ord(text[-3]) + 1) + "==")),
        ("base64-url-alphabet", array("i64", [1], "-_-_-_-_-_8=")),
        ("base64-non-ascii", array("f64", [2], "Ａ" + text[1:])),
        ("nine-axes", array("f64", [1] * 9, np.ones(1).tobytes())),
    ):
        yield "bad-array", name, with_hint(hint)
    for name, path, value in (
        ("digest-upper-case", "model.weights.sha256", base()["model"]["weights"]["sha256"].upper()),
        ("digest-too-short", "model.weights.sha256", "00"),
        ("digest-with-newline", "model.weights.sha256", base()["model"]["weights"]["sha256"] + "\n"),
        ("digest-empty", "model.weights.sha256", ""),
        ("weights-absolute", "model.weights.file", "/etc/passwd"),
        ("weights-without-name", "model.weights.file", ""),
        ("weights-with-nul", "model.weights.file", "../weights/tiny.safetensors\0.txt"),
        ("architecture-forges-a-verdict", "model.architecture", "x\ns VERIFIED accuracy >= 9/9 (1.000000)"),
        ("task-with-space", "task.name", "max of k"),
        ("rule-with-newline", "steps.1.rule", "enumeration\n"),
        ("rule-empty", "steps.1.rule", ""),
        ("step-id-with-newline", "steps.1.id", "blocks\ns VERIFIED"),
        ("step-id-of-81-letters", "steps.1.id", "x" * 81),
        ("step-id-begins-with-dash", "steps.1.id", "--json"),
        ("step-id-not-ascii", "steps.1.id", "blöcks"),
        ("premise-with-escape-sequence", "steps.1.premises", ["\x1b[2J"]),
        ("hint-name-with-newline", "steps.1.hints", {"a\nb": 1}),
        ("hint-name-of-1000-letters", "steps.1.hints", {"a" * 1000: 1}),
        ("provenance-name-with-newline", "provenance", {"strategy\ns VERIFIED": "x"}),
    ):
        yield "bad-string", name, at(path, value)


def frame_attacks() -> Iterator[tuple[str, str, bytes]]:
    """Parts that do not fit together."""
    digest = base()["model"]["weights"]["sha256"]
    yield "digest-mismatch", "one-digit", at("model.weights.sha256", ("0" if digest[0] != "0" else "1") + digest[1:])
    yield "digest-mismatch", "another-file", at("model.weights.file", "../weights/nan.safetensors")
    yield "digest-mismatch", "empty-file", at("model.weights.file", "../weights/empty.safetensors")
    for name in ("truncated", "not-safetensors", "empty", "integers", "without-W_pos", "one-tensor-twice"):
        yield "bad-weights", name, about(name)
    for name in ("infinite", "nan"):
        yield "non-finite-weight", name, about(name)
    yield "wrong-shape", "W_U-transposed", about("W_U-transposed")
    yield "wrong-shape", "d-model-one-more", about("tiny", d_model=4)
    yield "wrong-shape", "d-head-one-less", about("tiny", d_head=1)
    for name in ("layer-norm", "mlp", "second-layer", "two-heads", "d-vocab-out", "tied", *DECLARATIONS):
        if name.startswith("declares-task"):
            yield "metadata-mismatch", name, about(name)
            continue
        yield "unsupported-architecture", name, about(name)
    yield "unsupported-architecture", "unknown-name", at("model.architecture", "state-space")
    yield "unsupported-architecture", "other-case", at("model.architecture", base()["model"]["architecture"].upper())
    yield "unsupported-task", "second-largest", at("task.name", "second-largest")
    yield "task-mismatch", "n-ctx", at("task.n_ctx", 3)
    yield "task-mismatch", "d-vocab", at("task.d_vocab", 2)
    yield "wrong-total", "one-lower", at("claim.accuracy_at_least.total", 8)
    yield "wrong-total", "one-higher", at("claim.accuracy_at_least.total", 10)
    for version in ("1.2", "2.0", "0.9", "1.0.0", "01.0", "1", "1.00", "v1.0", "", "1.999999999999"):
        yield "unsupported-format", f"version-{version or 'empty'}", at("format.version", version)
    yield "unsupported-format", "other-name", at("format.name", "proofcheck-model")
    yield "unsupported-format", "other-name-and-fields", b'{"format": {"name": "VIPR", "version": "1.0"}, "derivations": []}\n'
    yield "unsupported-format", "newer-with-unknown-fields", edited(lambda d: (d["format"].update(version="1.7"), d.update(extra=1)))  # type: ignore[func-returns-value, arg-type, return-value]
    yield "limit-exceeded", "precision-1025", at("arithmetic.precision", 1025)
    yield "limit-exceeded", "precision-huge", at("arithmetic.precision", 10**30)
    yield "limit-exceeded", "array-entries", with_hint(array("f64", [4096, 4097], ""))
    yield "limit-exceeded", "array-entries-beside-an-empty-axis", with_hint(array("f64", [0, 10**30], ""))
    yield "limit-exceeded", "string-length", at("provenance.strategy", "x" * 65_537)
    yield "limit-exceeded", "steps", steps(*[(f"t{k}", "path-expansion", [], {}) for k in range(1001)])
    yield "limit-exceeded", "d-model-4097", _sized(d_model=4097)
    yield "limit-exceeded", "table-entries", _sized(d_model=1025)
    yield "limit-exceeded", "n-ctx-1025", _sized(n_ctx=1025)
    yield "limit-exceeded", "work", _sized(n_ctx=30)
    yield "unreadable-file", "no-such-weights", at("model.weights.file", "../weights/none.safetensors")
    yield "unreadable-file", "weights-name-too-long", at("model.weights.file", "x" * 5000)
    yield "unreadable-file", "weights-below-a-file", at("model.weights.file", "../weights/tiny.safetensors/tiny.safetensors")
    yield "not-a-regular-file", "weights-are-a-folder", at("model.weights.file", "../weights")
    yield "not-a-regular-file", "weights-are-this-folder", at("model.weights.file", ".")


def _sized(**sizes: int) -> bytes:
    """Other dimensions throughout: model, task and total agree."""
    document = base()
    document["model"]["dimensions"].update(sizes)
    n, d = document["model"]["dimensions"]["n_ctx"], document["model"]["dimensions"]["d_vocab"]
    document["task"].update(n_ctx=n, d_vocab=d)
    document["claim"]["accuracy_at_least"]["total"] = d**n
    return written(document)


def step_attacks() -> Iterator[tuple[str, str, bytes]]:
    """Proofs that are none."""
    yield "no-conclusion", "no-steps", steps()
    yield "no-conclusion", "tables-last", steps(TABLES)
    yield "no-conclusion", "blocks-last", steps(TABLES, BLOCKS)
    yield "no-conclusion", "classes-last", steps(TABLES, CLASSES)
    yield "unknown-rule", "assume", steps(("count", "assume", [], {}))
    yield "unknown-rule", "other-case", steps(TABLES, ("blocks", "Enumeration", ["tables"], {}), COUNT)
    yield "unknown-rule", "python-name", steps(TABLES, ("blocks", "sum_blocks", ["tables"], {}), COUNT)
    yield "unknown-step", "later-step", steps(TABLES, COUNT, BLOCKS)
    yield "unknown-step", "itself", steps(TABLES, BLOCKS, ("count", "sum-blocks", ["count"], {}))
    yield "unknown-step", "cycle", steps(TABLES, ("a", "sum-blocks", ["b"], {}), ("b", "sum-blocks", ["a"], {}))
    yield "unknown-step", "nowhere", steps(TABLES, ("blocks", "enumeration", ["table"], {}), COUNT)
    yield "unknown-step", "rule-instead-of-id", steps(TABLES, ("blocks", "enumeration", ["path-expansion"], {}), COUNT)
    yield "duplicate-step", "tables", steps(TABLES, TABLES, BLOCKS, COUNT)
    yield "duplicate-step", "conclusion", steps(TABLES, BLOCKS, COUNT, COUNT)
    yield "duplicate-step", "another-rule", steps(TABLES, BLOCKS, ("blocks", "cubic", ["tables"], {}), COUNT)
    yield "unused-step", "tables-twice", steps(TABLES, ("more", "path-expansion", [], {}), BLOCKS, COUNT)
    yield "unused-step", "conclusion-not-last", steps(TABLES, BLOCKS, COUNT, ("total", "sum-blocks", ["blocks"], {}))
    yield "unused-step", "classes", steps(TABLES, CLASSES, BLOCKS, COUNT)
    yield "wrong-premise", "none", steps(TABLES, BLOCKS, ("count", "sum-blocks", [], {}))
    yield "wrong-premise", "one-too-many", steps(TABLES, ("blocks", "enumeration", ["tables", "tables"], {}), COUNT)
    yield "wrong-premise", "for-a-rule-without", steps(TABLES, ("more", "path-expansion", ["tables"], {}), BLOCKS, COUNT)
    yield "wrong-premise", "tables-as-blocks", steps(TABLES, ("count", "sum-blocks", ["tables"], {}))
    yield "wrong-premise", "classes-as-blocks", steps(TABLES, CLASSES, ("count", "sum-blocks", ["classes"], {}))
    yield "wrong-premise", "count-as-blocks", steps(TABLES, BLOCKS, COUNT, ("total", "sum-blocks", ["count"], {}))
    yield "wrong-premise", "second-is-wrong", steps(TABLES, BLOCKS, ("count", "sum-blocks", ["blocks", "tables"], {}))
    yield (
        "wrong-premise",
        "blocks-as-tables",
        steps(TABLES, BLOCKS, ("more", "cubic", ["blocks"], {}), ("count", "sum-blocks", ["blocks", "more"], {})),
    )
    vector = array("f64", [3], np.ones(3).tobytes())
    for name, hints in (
        ("missing", {}),
        ("misspelt", {"Direction": vector}),
        ("unknown-beside", {"direction": vector, "more": 1}),
        ("integer-for-array", {"direction": 3}),
        ("wrong-dtype", {"direction": array("f32", [3], np.ones(3, dtype="<f4").tobytes())}),
        ("wrong-length", {"direction": array("f64", [2], np.ones(2).tobytes())}),
        ("wrong-rank", {"direction": array("f64", [3, 1], np.ones(3).tobytes())}),
        ("empty-array", {"direction": array("f64", [0], "")}),
    ):
        yield "bad-hint", name, steps(TABLES, ("direct", "direct-path-svd-query+max-diff", ["tables"], hints), BLOCKS, COUNT)
    yield "bad-hint", "for-a-rule-without", steps(TABLES, ("blocks", "enumeration", ["tables"], {"counts": vector}), COUNT)
    yield "bad-hint", "array-for-integer", steps(TABLES, ("blocks", "separable-minimum", ["tables"], {"refined": vector}), COUNT)
    yield "bad-hint", "integer-negative", steps(TABLES, ("blocks", "separable-minimum", ["tables"], {"refined": -1}), COUNT)
    yield "bad-hint", "integer-of-1000-digits", steps(TABLES, ("blocks", "separable-minimum", ["tables"], {"refined": 10**999}), COUNT)
    yield "not-proved", "one-higher", at("claim.accuracy_at_least.correct", CORRECT + 1)
    yield "not-proved", "huge", at("claim.accuracy_at_least.correct", 10**1999)
    cubic = json.loads(steps(TABLES, CLASSES, ("blocks", "count-classes", ["classes"], {}), COUNT))
    cubic["claim"]["accuracy_at_least"]["correct"] = CORRECT + 1
    yield "not-proved", "one-higher-cubic", written(cubic)
    yield "out-of-range", "huge-scores", about("huge-scores")


def partition_attacks() -> Iterator[tuple[str, str, bytes]]:
    """Hostile trees, searches and counts: `soundness.partition_attacks`, `soundness.separable_attacks`."""
    for code, name, rule, hints in (*PARTITION_ATTACKS, *SEPARABLE_ATTACKS):
        written_hints = {key: value if isinstance(value, int) else integers(value) for key, value in hints.items()}
        yield code, name, steps(TABLES, ("blocks", rule, ["tables"], written_hints), COUNT)


def hostile_subcubic() -> Iterator[tuple[str, str, bytes]]:
    """Hostile hints and false claims for the sub-cubic rules: `soundness.subcubic_attacks`."""
    for code, name, data in subcubic_attacks.attacks():
        yield code, f"subcubic-{name}", data


def hostile_windows() -> Iterator[tuple[str, str, bytes]]:
    """Hostile hints for the windows rules: `soundness.windows_attacks`."""
    for code, name, data in windows_attacks.attacks():
        yield code, f"windows-{name}", data


def resources() -> Iterator[tuple[str, str, bytes]]:
    """What would cost hours or gigabytes: `soundness.resource_corpus`."""
    for name, data in resource_corpus.attacks():
        yield "limit-exceeded", name, data


def of_1_1() -> Iterator[tuple[str, str, bytes]]:
    """Fields of architectures, tasks, claims and extensions: `soundness.frame_attacks`."""
    for code, name, data in attacks_of_1_1.attacks(base()):
        yield code, f"1.1-{name}", data


def of_losses() -> Iterator[tuple[str, str, bytes]]:
    """Claims about the mean loss."""
    yield from loss_attacks.attacks(base())


def transformers() -> Iterator[tuple[str, str, bytes]]:
    """The architecture `transformer` and the tasks with alphabets: `soundness.transformer_attacks`."""
    for code, name, data in transformer_attacks.attacks():
        yield code, f"transformer-{name}", data


def about_floats() -> Iterator[tuple[str, str, bytes]]:
    """Claims about float evaluations: `soundness.float_attacks`, `soundness.float_transformer_attacks`."""
    yield from float_attacks.attacks(base())
    yield from float_transformer_attacks.attacks()


def integers(values: list[Any]) -> Document:
    """An i64 array."""
    data = np.array(values, dtype="<i8")
    return array("i64", list(data.shape), data.tobytes())


def attacks() -> dict[str, bytes]:
    """reason-code/attack.json -> bytes."""
    found: dict[str, bytes] = {}
    for part in (
        text_attacks,
        field_attacks,
        value_attacks,
        frame_attacks,
        step_attacks,
        partition_attacks,
        hostile_subcubic,
        hostile_windows,
        resources,
        of_1_1,
        transformers,
        margin_attacks.attacks,
        of_losses,
        about_floats,
    ):
        for code, name, data in part():
            path = f"{code}/{name}.json"
            if path in found:
                raise ValueError(f"two attacks are called {path}")
            found[path] = data
    return found


@cache
def files() -> dict[str, bytes]:
    """Everything below certificates/reject/ but the certificates of inflation_search. Made once; not to be changed."""
    weights = {
        f"weights/{name}.safetensors": data
        for name, data in (
            weight_files()
            | subcubic_attacks.weights()
            | windows_attacks.weights()
            | resource_corpus.weights()
            | attacks_of_1_1.weights()
            | transformer_attacks.weights()
            | float_attacks.weights(tiny())
        ).items()
    }
    twins = {"twin.json": written(twin()), "twin-1.1.json": written(attacks_of_1_1.twin()), **transformer_attacks.twins()}
    twins["twin-floats-transformer.json"] = float_transformer_attacks.twin()
    return {**twins, **weights, **attacks()}


def differences(folder: Path = FOLDER) -> list[str]:
    """What is wrong with a folder, a line each: files that are missing, differ, or that neither script makes."""
    wanted = files()
    there = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    searched = {f"{case.certificate.parent.name}/{case.certificate.name}" for case in CASES}
    return [
        *(f"{name} is missing" for name in sorted((wanted.keys() | searched) - there.keys())),
        *(f"{name} differs" for name in sorted(wanted.keys() & there.keys()) if wanted[name] != there[name]),
        *(f"{name} is made by no script" for name in sorted(there.keys() - wanted.keys() - searched)),
    ]


def main() -> int:
    """Write or check the corpus."""
    if "--check" in sys.argv[1:]:
        found = differences()
        print("\n".join(found) or f"all files in {FOLDER.name}/ are as they are made", file=sys.stderr if found else sys.stdout)
        return int(bool(found))
    wanted = files()
    for name, data in wanted.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    print(f"{len(wanted)} files in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
