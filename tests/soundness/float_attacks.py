"""Attacks on claims about float evaluations, for certificates/reject/: `make_reject_corpus` writes them. About the network of twin.json."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from soundness.frame_attacks import steps_of, written

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
CLAIM = {"correct": 9, "total": 9, "format": "binary32", "roundings": 54, "tau": "1/8192", "kappa": 8}


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
        ("bad-string", "format-binary16", {"format": "binary16"}),
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
    real = floats(attention)
    real["claim"] = {"accuracy_at_least": {"correct": 9, "total": 9}}
    yield "rule-not-applicable", "1.1-floats-tables-of-a-claim-about-the-reals", written(real)
    ahead: Document = json.loads(written(real))
    ahead["claim"]["accuracy_at_least"]["margin"] = "1/1000"
    yield "rule-not-applicable", "1.1-floats-tables-of-a-claim-about-a-margin", written(ahead)
    order = floats(attention)
    order["claim"] = {NAME: dict(reversed(order["claim"][NAME].items()))}
    yield "field-order", "1.1-floats-claim-reversed", written(order)


def twin(attention: Document) -> bytes:
    """It verifies: 9 of 9."""
    return written(floats(attention))


__all__ = ["attacks", "twin"]
