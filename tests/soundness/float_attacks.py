"""Attacks on claims about float evaluations, for certificates/reject/: `make_reject_corpus` writes them. About the network of twin.json."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from soundness.frame_attacks import steps_of, written
from soundness.small_models import safetensors_bytes

from proofcheck import Step

Document = dict[str, Any]
NAME = "float_accuracy_at_least"
TABLES = (Step("tables", "path-expansion"), Step("floats", "float-tables", ("tables",)))
COUNT = Step("count", "sum-blocks", ("blocks",))
ENUMERATION = (*TABLES, Step("blocks", "enumeration", ("floats",)), COUNT)
EVALUATION = (Step("blocks", "evaluation"), COUNT)
MIXED = (
    *TABLES,
    Step("blocks", "enumeration", ("tables",)),
    Step("more", "enumeration", ("floats",)),
    Step("count", "sum-blocks", ("blocks", "more")),
)
CUBIC = (*TABLES, Step("classes", "cubic", ("floats",)), Step("blocks", "count-classes", ("classes",)), COUNT)
STAGE_LEAST = 3 + 2 * 2 + 2  # roundings of a stage, of the tiny network
CLAIM = {"correct": 9, "total": 9, "format": "binary32", "roundings": 54, "tau": "1/8192", "kappa": 8}


STAGES = (TABLES[0], Step("floats", "float-stages", ("tables",)), *ENUMERATION[2:])
U_IN_A_HINT = (TABLES[0], Step("floats", "float-stages", ("tables",), {"u": 0}), *ENUMERATION[2:])


def floats(attention: Document, steps: tuple[Step, ...] = ENUMERATION, **changes: Any) -> Document:
    """The certificate of format 1.0 about an attention-only network with a claim about floats; None takes a field away."""
    document = copy.deepcopy(attention)
    document["format"]["version"] = "1.1"
    model = document["model"]
    document["model"] = {**{key: model[key] for key in ("architecture", "dimensions")}, "options": {}, "weights": model["weights"]}
    fields = {name: value for name, value in (CLAIM | changes).items() if value is not None}
    document["claim"] = {NAME: fields}
    document["steps"] = steps_of(steps)
    keys = ("format", "claim", "model", "task", "extensions", "arithmetic", "steps", "provenance")
    return {key: document.get(key, {}) for key in keys}


def attacks(attention: Document) -> Iterator[tuple[str, str, bytes]]:
    """(reason code, name, certificate). attention: the twin of format 1.0."""
    for code, name, changes in (
        ("rule-not-applicable", "too-few-roundings", {"roundings": 19}),
        ("rule-not-applicable", "one-rounding", {"roundings": 1}),
        ("rule-not-applicable", "format-binary16", {"format": "binary16"}),
        ("rule-not-applicable", "too-many-roundings", {"roundings": 2**22 + 1}),
        ("rule-not-applicable", "tau-of-1", {"tau": "1/1"}),
        ("rule-not-applicable", "kappa-of-a-million", {"kappa": 10**6}),
        ("bad-number", "no-rounding", {"roundings": 0}),
        ("bad-number", "roundings-beyond-all", {"roundings": 2**30 + 1}),
        ("bad-number", "negative-tau", {"tau": "-1/8192"}),
        ("bad-number", "tau-not-in-lowest-terms", {"tau": "2/16384"}),
        ("bad-number", "negative-kappa", {"kappa": -8}),
        ("wrong-type", "kappa-is-a-string", {"kappa": "8"}),
        ("wrong-type", "tau-is-an-integer", {"tau": 0}),
        ("bad-string", "format-binary128", {"format": "binary128"}),
        ("bad-string", "format-is-a-torch-name", {"format": "float32"}),
        ("missing-field", "without-tau", {"tau": None}),
        ("missing-field", "without-format", {"format": None}),
        ("unknown-field", "and-a-margin", {"margin": "1/2"}),
        ("unknown-field", "and-an-eta", {"eta": "0/1"}),
        ("rule-not-applicable", "activation-of-a-network-without", {"activation": "0/1"}),
        ("not-proved", "one-more", {"correct": 10}),
        ("wrong-total", "total-of-8", {"total": 8}),
    ):
        yield code, f"1.1-floats-{name}", written(floats(attention, **changes))
    for code, name, steps in (
        ("wrong-premise", "exact-tables", (TABLES[0], Step("blocks", "enumeration", ("tables",)), COUNT)),
        ("wrong-premise", "exact-and-float-tables", MIXED),
        ("rule-not-applicable", "evaluation", EVALUATION),
        ("rule-not-applicable", "cubic", CUBIC),
        ("bad-hint", "tau-in-a-hint", (TABLES[0], Step("floats", "float-tables", ("tables",), {"tau": 0}), *ENUMERATION[2:])),
        ("bad-hint", "roundings-in-a-hint", (TABLES[0], Step("floats", "float-tables", ("tables",), {"roundings": 1}), *ENUMERATION[2:])),
    ):
        yield code, f"1.1-floats-{name}", written(floats(attention, steps))
    for code, name, changes in (
        ("rule-not-applicable", "binary32", {"format": "binary32"}),
        ("rule-not-applicable", "too-few-roundings", {"roundings": STAGE_LEAST - 1}),
        ("rule-not-applicable", "too-many-roundings", {"roundings": 2**22 + 1}),
        ("rule-not-applicable", "tau-of-two-thirds", {"tau": "2/3"}),
        ("bad-string", "format-with-a-bit-more", {"format": "tf32-12-bits"}),
        ("unknown-field", "and-a-u", {"u": "1/2048"}),
        ("not-proved", "one-more", {"correct": 10}),
    ):
        yield code, f"1.1-stages-{name}", written(floats(attention, STAGES, **({"format": "tf32"} | changes)))
    for name in ("tf32", "bfloat16", "bfloat16-autocast"):
        swapped = floats(attention, STAGES, format=name)
        swapped["model"]["weights"] = near_tie()
        yield "not-proved", f"1.1-stages-{name}-of-what-is-true-in-tf32-nearest", written(swapped)
    yield "bad-hint", "1.1-stages-u-in-a-hint", written(floats(attention, U_IN_A_HINT, format="tf32"))
    yield "rule-not-applicable", "1.1-stages-tables-of-one-count", written(floats(attention, format="tf32"))
    real = floats(attention, STAGES)
    real["claim"] = {"accuracy_at_least": {"correct": 9, "total": 9}}
    yield "rule-not-applicable", "1.1-stages-tables-of-a-claim-about-the-reals", written(real)
    real = floats(attention)
    real["claim"] = {"accuracy_at_least": {"correct": 9, "total": 9}}
    yield "rule-not-applicable", "1.1-floats-tables-of-a-claim-about-the-reals", written(real)
    ahead: Document = json.loads(written(real))
    ahead["claim"]["accuracy_at_least"]["margin"] = "1/1000"
    yield "rule-not-applicable", "1.1-floats-tables-of-a-claim-about-a-margin", written(ahead)
    order = floats(attention)
    order["claim"] = {NAME: dict(reversed(order["claim"][NAME].items()))}
    yield "field-order", "1.1-floats-claim-reversed", written(order)


def weights(tiny: dict[str, Any]) -> dict[str, bytes]:
    """The tiny network with a bias that makes a margin of 6.01 one of 0.26: right in every tf32-nearest run, not in every tf32 one."""
    return {"near-tie": safetensors_bytes({**tiny, "unembed.b_U": np.array([0, 0, 5.75], dtype="<f4")})}


def near_tie() -> Document:
    """The field `model.weights` of certificates about it."""
    path = Path(__file__).parents[2] / "certificates" / "reject" / "weights" / "near-tie.safetensors"
    return {"file": "../weights/near-tie.safetensors", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def near_tie_twin(attention: Document) -> bytes:
    """It verifies: 9 of 9 in tf32-nearest."""
    found = floats(attention, STAGES, format="tf32-nearest")
    found["model"]["weights"] = near_tie() | {"file": "weights/near-tie.safetensors"}
    return written(found)


def twin(attention: Document) -> bytes:
    """It verifies: 9 of 9."""
    return written(floats(attention))


__all__ = ["attacks", "near_tie_twin", "twin", "weights"]
