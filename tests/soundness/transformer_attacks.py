"""Attacks about transformers: options that are not the network's, tensors, sizes, machines, alphabets. Files: `make_reject_corpus`.

A *disguise* is a network with two logits, and the machine of its own answers under its true options: 9 of 9 inputs, the file
`twin-transformer-NAME.json`, which verifies. The attack of that name makes the same claim with another option. The bias b_U is set so that
one input lies halfway between the two networks, so the claim is false under the other option. The weight file does not say which is meant.
Logits are those of the second checker.
"""

from __future__ import annotations

import copy
import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from soundness.frame_attacks import EVALUATION, at, steps_of, table, written
from soundness.small_models import raw_safetensors, safetensors_bytes

from tests.second_checker.transformer import read_options, read_transformer, shapes_of
from tests.second_checker.transformer_forward import Pass

Document = dict[str, Any]
Tensors = dict[str, np.ndarray[Any, Any]]
WORDS = list(product(range(3), repeat=2))
SIZES = {
    "n_layers": 1,
    "n_heads": 2,
    "n_ctx": 2,
    "n_positions": 2,
    "d_vocab": 3,
    "d_vocab_out": 2,
    "d_model": 4,
    "d_head": 2,
    "d_mlp": 3,
}
OPTIONS = {
    "embedding": "shared",
    "attention": "full",
    "scale": "1/sqrt(d_head)",
    "normalization": "LNPre",
    "eps": "1/100000",
    "activation": "gelu",
    "readout": "last",
    "head": [],
}


@dataclass(frozen=True)
class Disguise:
    """true, other: what differs from OPTIONS. scale: of the weights."""

    true: dict[str, Any]
    other: dict[str, Any]
    scale: float = 0.5


NONE = {"normalization": "none", "eps": "0/1"}
DISGUISES = {
    "relu-as-gelu": Disguise({"activation": "relu"}, {"activation": "gelu"}),
    "gelu-as-relu": Disguise({}, {"activation": "relu"}),
    "gelu-as-gelu-new": Disguise({}, {"activation": "gelu_new"}),
    "gelu-new-as-gelu": Disguise({"activation": "gelu_new"}, {}),
    "silu-as-gelu": Disguise({"activation": "silu"}, {}),
    "eps-larger": Disguise({}, {"eps": "1/1000"}),
    "eps-smaller": Disguise({}, {"eps": "1/1000000"}),
    "eps-of-float32": Disguise({}, {"eps": str(Fraction(float(np.float32(1e-5))))}),
    "scale-one": Disguise({}, {"scale": "1/1"}),
    "scale-nearly": Disguise({}, {"scale": "35355339/50000000"}),
    "scale-default": Disguise({"scale": "1/2"}, {}),
    "LNPre-as-RMSPre": Disguise({}, {"normalization": "RMSPre"}),
    "RMSPre-as-LNPre": Disguise({"normalization": "RMSPre"}, {}),
    "LNPre-as-none": Disguise({}, NONE),
    "none-as-LNPre": Disguise(NONE, {}),
    "causal-as-full": Disguise({"attention": "causal", "readout": "sum"}, {"readout": "sum"}),
    "full-as-causal": Disguise({"readout": "sum"}, {"attention": "causal", "readout": "sum"}),
    "full-as-uniform": Disguise({}, {"attention": "full-uniform"}),
    "uniform-as-full": Disguise({"attention": "full-uniform"}, {}),
    "uniform-as-causal-uniform": Disguise(
        {"attention": "full-uniform", "readout": "sum"}, {"attention": "causal-uniform", "readout": "sum"}
    ),
    "last-as-sum": Disguise({}, {"readout": "sum"}),
    "last-as-first": Disguise({}, {"readout": 0}),
    "sum-as-last": Disguise({"readout": "sum"}, {}),
}


def tensors(seed: str, options: dict[str, Any], scale: float = 0.5) -> Tensors:
    """Multiples of 1/64, and W_Q and W_K whatever attention is."""
    rng = random.Random(seed)
    read = {**options, "attention": options["attention"].removesuffix("-uniform")}
    return {
        name: np.array([rng.randint(-128, 128) / 64 * scale for _ in range(int(np.prod(shape)))], dtype=np.float64).reshape(shape)
        for name, (shape, _) in shapes_of(SIZES, read_options(read)).items()
    }


def margins(network: Tensors, options: dict[str, Any]) -> list[Fraction]:
    """logit 0 − logit 1 of every word, about."""
    data = safetensors_bytes(network)
    model = read_transformer(data, SIZES, read_options(options), "")
    found = []
    for word in WORDS:
        logits = Pass(model, word, 200).logits()
        found.append((Fraction(logits.mid[0]) - logits.mid[1]) * Fraction(2) ** logits.exponent)
    return found


@cache
def disguised(name: str) -> tuple[bytes, tuple[int, ...]]:
    """The weight file, and the answers under the true options."""
    disguise = DISGUISES[name]
    network = tensors(name, OPTIONS | disguise.true, disguise.scale)
    true, other = (margins(network, OPTIONS | options) for options in (disguise.true, disguise.other))
    furthest = max(range(len(WORDS)), key=lambda k: abs(true[k] - other[k]))
    network["unembed.b_U"] = network["unembed.b_U"] - np.array([float((true[furthest] + other[furthest]) / 2), 0.0])
    shifted = margins(network, OPTIONS | disguise.true)
    return safetensors_bytes(network), tuple(0 if margin > 0 else 1 for margin in shifted)


def machine(answers: tuple[int, ...]) -> Document:
    """A state for each prefix: the machine of these answers to the words."""
    after = [[1, 2, 3], *([4 + 3 * a + b for b in range(3)] for a in range(3)), *([state] * 3 for state in range(4, 13))]
    return {
        "name": "finite-automaton",
        "n_ctx": 2,
        "d_vocab": 3,
        "start": 0,
        "step": stacked([after]),
        "out": listed([-1] * 4 + list(answers)),
        "alphabets": ["0-2", "0-2"],
    }


def stacked(tables: list[list[list[int]]]) -> Document:
    flat = table([row for one in tables for row in one])
    return {**flat, "shape": [len(tables), len(tables[0]), len(tables[0][0])]}


def listed(entries: list[int]) -> Document:
    return {**table([entries]), "shape": [len(entries)]}


def document(folder: str, name: str, options: dict[str, Any], task: Document, data: bytes, total: int = 9) -> Document:
    """A certificate that claims everything."""
    return {
        "format": {"name": "proofcheck-certificate", "version": "1.1"},
        "claim": {"accuracy_at_least": {"correct": total, "total": total}},
        "model": {
            "architecture": "transformer",
            "dimensions": dict(SIZES),
            "options": OPTIONS | options,
            "weights": {"file": f"{folder}/{name}.safetensors", "sha256": hashlib.sha256(data).hexdigest()},
        },
        "task": task,
        "extensions": {},
        "arithmetic": {"precision": 128},
        "steps": steps_of(EVALUATION),
        "provenance": {"strategy": "evaluation"},
    }


def twins() -> dict[str, bytes]:
    """Certificates that verify."""
    found = {}
    for name, disguise in DISGUISES.items():
        data, answers = disguised(name)
        found[f"twin-transformer-{name}.json"] = written(document("weights", f"transformer-{name}", disguise.true, machine(answers), data))
    return found


BASE = "gelu-as-relu"  # its true options are OPTIONS
LAYER_NORM = {"normalization": "LN"}


def other_networks() -> dict[str, tuple[Tensors, dict[str, Any], str, dict[str, str]]]:
    """Weight files that are no network of their options, or say that they are another: tensors, options, code, metadata."""
    good, normed = tensors("other", OPTIONS), tensors("other", OPTIONS | LAYER_NORM)

    def without(name: str, whole: Tensors = good) -> Tensors:
        return {key: array for key, array in whole.items() if key != name}

    def broken(name: str, value: float) -> Tensors:
        array = good[name].copy()
        array.flat[-1] = value
        return {**good, name: array}

    found: dict[str, tuple[Tensors, dict[str, Any], str, dict[str, str]]] = {}
    for name in ("embed.W_E", "pos_embed.W_pos", "blocks.0.attn.W_Q", "blocks.0.attn.W_O", "blocks.0.mlp.W_in", "unembed.W_U"):
        found[f"without-{name.rpartition('.')[2]}"] = without(name), {}, "bad-weights", {}
    for name in ("blocks.0.ln1.b", "blocks.0.ln2.w", "ln_final.w"):
        found[f"without-{name.removeprefix('blocks.0.')}"] = without(name, normed), LAYER_NORM, "bad-weights", {}
    found["LN-as-RMS"] = normed, {"normalization": "RMS"}, "unsupported-architecture", {}
    found["LN-as-LNPre"] = normed, {}, "unsupported-architecture", {}
    found["LN-as-none"] = normed, NONE, "unsupported-architecture", {}
    for name in ("blocks.1.attn.W_Q", "blocks.0.attn.W_G", "blocks.0.mlp.W_gate", "head.0.W", "blocks.0.ln3.w", "rotary.sin", "embed.b_E"):
        found[f"with-{name}"] = {**good, name: np.ones((4, 4))}, {}, "unsupported-architecture", {}
    for name in ("blocks.0.mlp.W_in", "blocks.0.mlp.W_out", "unembed.W_U", "embed.W_E"):
        found[f"transposed-{name.rpartition('.')[2]}"] = {**good, name: good[name].T.copy()}, {}, "wrong-shape", {}
    found["heads-last"] = (
        {**good, "blocks.0.attn.W_V": good["blocks.0.attn.W_V"].transpose(1, 0, 2).copy()},
        {},
        "wrong-shape",
        {},
    )
    found["by-position-as-shared"] = {**good, "embed.W_E": np.stack([good["embed.W_E"]] * 2)}, {}, "wrong-shape", {}
    found["shared-as-by-position"] = good, {"embedding": "by-position"}, "wrong-shape", {}
    for name, value in (("W_K", np.nan), ("b_V", np.inf), ("b_O", -np.inf)):
        found[f"{name}-{value}"] = broken(f"blocks.0.attn.{name}", value), {}, "non-finite-weight", {}
    for name, words in {
        "activation": "relu",
        "attention": "causal",
        "scale": "1/1",
        "attention_scale": "1",
        "normalization": "LN",
        "eps": "1/1000000",
        "readout": "sum",
        "head": "4",
        "embedding": "by-position",
    }.items():
        found[f"declares-{name}"] = good, {}, "unsupported-architecture", {f"proofcheck.{name}": words}
    found["declares-attention-scale-beside-another"] = (
        good,
        {"scale": "1/2"},
        "unsupported-architecture",
        {"proofcheck.attention_scale": "sqrt(d_head)"},
    )
    found["declares-another-machine"] = good, {}, "metadata-mismatch", {"proofcheck.task": "finite-automaton n_ctx=2 d_vocab=3 start=0"}
    return found


def with_metadata(data: bytes, metadata: dict[str, str]) -> bytes:
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    return raw_safetensors({"__metadata__": metadata, **header}, data[8 + size :]) if metadata else data


@cache
def weights() -> dict[str, bytes]:
    """Weight files by name."""
    found = {f"transformer-{name}": disguised(name)[0] for name in DISGUISES}
    for name, (network, _, _, metadata) in other_networks().items():
        found[f"transformer-{name}"] = with_metadata(safetensors_bytes(network), metadata)
    return found


def attacks() -> Iterator[tuple[str, str, bytes]]:
    """(reason code, name, certificate)."""
    for name, disguise in DISGUISES.items():
        data, answers = disguised(name)
        yield "not-proved", name, written(document("../weights", f"transformer-{name}", disguise.other, machine(answers), data))
    for name, (_, options, code, _) in other_networks().items():
        task = machine((0,) * 9)
        yield code, name, written(document("../weights", f"transformer-{name}", options, task, weights()[f"transformer-{name}"]))
    data, answers = disguised(BASE)
    good = document("../weights", f"transformer-{BASE}", {}, machine(answers), data)
    yield from structure_attacks(good)
    yield from machine_attacks(good, answers)
    yield from alphabet_attacks(good)


def structure_attacks(good: Document) -> Iterator[tuple[str, str, bytes]]:
    """Sizes and options that contradict each other, or have another form."""
    for name, value in (
        ("n_layers", 0),
        ("d_head", 0),
        ("d_mlp", 0),
        ("n_heads", 0),
        ("n_positions", 1),
        ("d_model", 0),
        ("d_vocab_out", 0),
        ("n_ctx", -1),
    ):
        yield "bad-number", f"{name}-{value}", at(good, f"model.dimensions.{name}", value)
    for name, value in (("n_layers", 2), ("n_heads", 1), ("d_head", 4), ("d_mlp", 4), ("d_model", 8), ("n_positions", 3)):
        code = "bad-weights" if name == "n_layers" else "wrong-shape"
        yield code, f"{name}-{value}", at(good, f"model.dimensions.{name}", value)
    yield "limit-exceeded", "d_mlp-4097", at(good, "model.dimensions.d_mlp", 4_097)
    yield "task-mismatch", "d_vocab_out-1", at(good, "model.dimensions.d_vocab_out", 1)
    for name, value in (("eps", "0/1"), ("readout", 1), ("activation", "tanh"), ("attention", "sliding"), ("normalization", "ln")):
        yield "bad-string", f"{name}-{value}".replace("/", "-over-"), at(good, f"model.options.{name}", value)
    uniform = json.loads(at(good, "model.options.attention", "full-uniform"))
    yield "bad-string", "scale-without-scores", at(uniform, "model.options.scale", "1/2")
    for name, value in (("float", "1e-5"), ("negative", "-1/100000"), ("double", "2/200000"), ("zero-below", "1/0"), ("plus", "+1/2")):
        yield "bad-number", f"eps-{name}", at(good, "model.options.eps", value)
    for name, value in (("readout", -1), ("head", [0])):
        yield "bad-number", f"{name}-out-of-range", at(good, f"model.options.{name}", value)
    for name, value in (("eps", 1), ("scale", 1), ("head", "4"), ("readout", [0]), ("activation", ["gelu"])):
        yield "wrong-type", f"option-{name}", at(good, f"model.options.{name}", value)
    yield "bad-weights", "head-without-tensors", at(good, "model.options.head", [4])
    options = good["model"]["options"]
    yield "missing-field", "option-eps", at(good, "model.options", {key: value for key, value in options.items() if key != "eps"})
    yield "unknown-field", "option-rotary", at(good, "model.options", {**options, "rotary": "none"})
    yield "field-order", "options-of-a-transformer", at(good, "model.options", dict(reversed(options.items())))
    yield "digest-mismatch", "transformer", at(good, "model.weights.sha256", "0" * 64)
    yield "wrong-total", "transformer-one-more", at(good, "claim.accuracy_at_least.total", 10)
    expansion = {"id": "blocks", "rule": "path-expansion", "premises": [], "hints": {}}
    yield "rule-not-applicable", "path-expansion-of-a-transformer", at(good, "steps", [expansion, *good["steps"][1:]])


def machine_attacks(good: Document, answers: tuple[int, ...]) -> Iterator[tuple[str, str, bytes]]:
    """Machines that are none."""
    rows = [[1, 2, 3], *([4 + 3 * a + b for b in range(3)] for a in range(3)), *([state] * 3 for state in range(4, 13))]
    out = [-1] * 4 + list(answers)

    def changed(place: tuple[int, int], value: int) -> list[list[int]]:
        found = copy.deepcopy(rows)
        found[place[0]][place[1]] = value
        return found

    def task(**fields: Any) -> bytes:
        return at(good, "task", {**good["task"], **fields})

    yield "bad-array", "machine-a-state-without-number", task(step=stacked([changed((3, 2), 13)]))
    yield "bad-number", "machine-a-step-missing", task(step=stacked([changed((3, 2), -1)]))
    yield "bad-array", "machine-a-state-that-nothing-reaches", task(step=stacked([changed((3, 2), 11)]))
    yield "bad-array", "machine-a-state-more", task(step=stacked([[*rows, [0, 0, 0]]]), out=listed([*out, 0]))
    yield "bad-array", "machine-out-shorter", task(out=listed(out[:-1]))
    yield "bad-array", "machine-out-longer", task(out=listed([*out, 0]))
    yield "bad-array", "machine-a-token-more", task(step=stacked([[[*row, 0] for row in rows]]))
    yield "bad-array", "machine-a-token-less", task(step=stacked([[row[:2] for row in rows]]))
    yield "bad-array", "machine-two-equal-tables", task(step=stacked([rows, rows]))
    yield "bad-array", "machine-three-tables-for-two-positions", task(step=stacked([rows] * 3))
    yield "bad-array", "machine-sets-of-states", task(step={**stacked([rows]), "shape": [1, 13, 3, 1]})
    yield "bad-array", "machine-two-axes", task(step={**stacked([rows]), "shape": [13, 3]})
    empty = {"dtype": "i64", "shape": [0], "data": ""}
    yield "bad-array", "machine-of-no-states", task(step={**empty, "shape": [1, 0, 3]}, out=empty)
    yield "bad-array", "machine-out-of-two-axes", task(out={**listed(out), "shape": [13, 1]})
    yield "bad-array", "machine-of-floats", task(step={**table(rows, "f64"), "shape": [1, 13, 3]})
    yield "bad-array", "machine-start-beyond", task(start=13)
    yield "bad-number", "machine-start-negative", task(start=-1)
    yield "bad-number", "machine-out-4096", task(out=listed([*out[:-1], 4_096]))
    yield "bad-number", "machine-out-minus-2", task(out=listed([-2, *out[1:]]))
    yield "task-mismatch", "machine-answer-beyond-the-logits", task(out=listed([*out[:-1], 2]))
    yield "wrong-type", "machine-a-list", task(step=rows)
    yield "wrong-type", "machine-start-a-string", task(start="0")
    yield "wrong-total", "machine-without-inputs", task(out=listed([-1] * 13))
    yield "wrong-total", "machine-with-fewer-inputs", task(out=listed([*out[:-1], -1]))
    yield "missing-field", "machine-start", at(good, "task", {key: value for key, value in good["task"].items() if key != "start"})
    flipped = [*out[:4], *(1 - answer for answer in answers)]
    yield "not-proved", "machine-of-the-other-answers", task(out=listed(flipped))
    one = [*out[:4], 1 - answers[0], *answers[1:]]
    yield "not-proved", "machine-with-one-other-answer", task(out=listed(one))
    size = 1_024
    large = {"dtype": "i64", "shape": [1, size * size, 3], "data": ""}
    yield "bad-array", "machine-larger-than-its-data", task(step=large)


def alphabet_attacks(good: Document) -> Iterator[tuple[str, str, bytes]]:
    """Alphabets and numbers of other tasks."""
    sizes = {"n_ctx": 2, "d_vocab": 3}
    every = ["0-2", "0-2"]

    def task(name: str, **fields: Any) -> bytes:
        return at(good, "task", {"name": name, **sizes, **fields})

    for name, alphabet in (
        ("order", "1+0"),
        ("neighbours-apart", "0+1"),
        ("run-of-one", "0-0"),
        ("run-down", "2-0"),
        ("empty", ""),
        ("last-empty", "0+"),
        ("space", "0 - 2"),
        ("leading-zero", "00-2"),
        ("beyond", "0-3"),
        ("negative", "-1"),
        ("other-digits", "０-２"),
        ("newline", "0-2\n"),
    ):
        yield "bad-string", f"alphabet-{name}", task("kth-largest", k=1, alphabets=["0-2", alphabet])
    yield "bad-string", "alphabets-three", task("kth-largest", k=1, alphabets=[*every, "0-2"])
    yield "bad-string", "alphabets-without-operands", task("kth-largest", k=1, alphabets=["0", "1"])
    yield "wrong-type", "alphabets-a-string", task("kth-largest", k=1, alphabets="0-2")
    yield "wrong-type", "alphabet-a-list", task("kth-largest", k=1, alphabets=[[0, 1, 2], "0-2"])
    yield "bad-number", "k-zero", task("kth-largest", k=0, alphabets=every)
    yield "bad-number", "k-three-of-two", task("kth-largest", k=3, alphabets=every)
    yield "bad-string", "ties-either", task("argmax-position", ties="either", alphabets=every)
    yield "bad-number", "modulus-1", task("modular-linear-sum", modulus=1, coefficients=[0, 0], offset=0, alphabets=every)
    yield "bad-number", "coefficient-of-the-modulus", task("modular-linear-sum", modulus=2, coefficients=[1, 2], offset=0, alphabets=every)
    yield "bad-number", "coefficients-one-for-two", task("modular-linear-sum", modulus=2, coefficients=[1], offset=0, alphabets=every)
    yield "bad-number", "offset-of-the-modulus", task("modular-linear-sum", modulus=2, coefficients=[1, 1], offset=2, alphabets=every)
    brackets = {"opening": 0, "closing": 1, "yes": 0, "no": 1}
    yield "bad-string", "balanced-with-a-third-token", task("balanced", **brackets, alphabets=every)
    yield "bad-number", "balanced-one-bracket", task("balanced", **{**brackets, "closing": 0}, alphabets=["0-1", "0-1"])
    yield "bad-number", "balanced-one-answer", task("balanced", **{**brackets, "no": 0}, alphabets=["0-1", "0-1"])
    yield "bad-string", "multifun-of-one-function", task("multifun", functions=["max"], alphabets=["0", "0-2"])
    yield "bad-string", "multifun-median", task("multifun", functions=["max", "min", "median"], alphabets=every)
    yield "bad-string", "multifun-two-functions-for-three", task("multifun", functions=["max", "min"], alphabets=every)
    yield "bad-number", "induction-of-two-tokens", task("induction", others="any")
    yield "bad-array", "group-word-without-inverses", task("group-word", table=table([[0, 1], [1, 1]]), alphabets=["0-1", "0-1"])
    yield (
        "task-mismatch",
        "argmax-position-of-three",
        at(json.loads(task("argmax-position", ties="first", alphabets=every)), "model.dimensions.d_vocab_out", 1),
    )
