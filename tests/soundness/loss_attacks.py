"""Attacks on claims about the mean loss, for certificates/reject/: `make_reject_corpus` writes them.

Those by evaluation change the twin of format 1.1: a network whose right logit is 1 and whose two others are 0 on all nine inputs, so that
each loss is log(1 + 2/e) = 0.55144471393205…. Those by boxes are about the tiny attention-only network of the corpus.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from soundness.frame_attacks import twin, written

from proofcheck.certificate.arrays import encode_array

Document = dict[str, Any]
AT_MOST, AT_LEAST = "mean_loss_at_most", "mean_loss_at_least"
ABOVE = "5514447140/10000000000"  # not in lowest terms
ABOVE_LOWEST, BELOW_LOWEST = "275722357/500000000", "5514447139/10000000000"  # neighbours with the truth between them
STEPS = [
    {"id": "losses", "rule": "evaluation-losses", "premises": [], "hints": {}},
    {"id": "sum", "rule": "sum-losses", "premises": ["losses"], "hints": {}},
]
BAD = {
    "negative": "-1/2",
    "not-in-lowest-terms": ABOVE,
    "decimal": "0.56",
    "denominator-zero": "1/0",
    "infinite": "inf",
    "not-a-number": "nan",
}


def claiming(kind: str, nats: Any, total: int = 9) -> Document:
    """The twin with a claim about its mean loss."""
    document = copy.deepcopy(twin("../weights"))
    document["claim"] = {kind: {"nats": nats, "total": total}}
    document["steps"] = copy.deepcopy(STEPS)
    return document


def boxes(document: Document, edit: Callable[[Document], None] | None = None, nats: str = "100/1") -> Document:
    """The tiny network's certificate (format 1.0) as one of 1.1 about its loss, by boxes that are single sequences."""
    found: Document = copy.deepcopy(document)
    found["format"]["version"] = "1.1"
    found["model"] = {name: found["model"][name] for name in ("architecture", "dimensions")} | {
        "options": {},
        "weights": found["model"]["weights"],
    }
    cells = np.array([[0, -1, -1], [1, 0, -1], [1, 2, 0]], dtype=np.int64)
    classes = np.array([[0, -1]] * 3, dtype=np.int64)
    hints: Document = {"cells": cells, "classes": classes, "levels": np.zeros((3, 1, 3)), "below": 1}
    if edit is not None:
        edit(hints)
    hints = {name: encode_array(value) if isinstance(value, np.ndarray) else value for name, value in hints.items()}
    found["steps"] = [
        {"id": "tables", "rule": "path-expansion", "premises": [], "hints": {}},
        {"id": "losses", "rule": "loss-boxes", "premises": ["tables"], "hints": hints},
        {"id": "sum", "rule": "sum-losses", "premises": ["losses"], "hints": {}},
    ]
    order = ("format", "claim", "model", "task", "extensions", "arithmetic", "steps", "provenance")
    found["claim"], found["extensions"] = {AT_MOST: {"nats": nats, "total": 9}}, {}
    return {name: found[name] for name in order}


def _set(name: str, place: tuple[int, ...], value: int) -> Callable[[Document], None]:
    def edit(hints: Document) -> None:
        hints[name][place] = value

    return edit


def _leave_out(hints: Document) -> None:
    hints["cells"][1] = -1


def _below(hints: Document) -> None:
    hints["below"] = 2


PLANS: dict[str, Callable[[Document], None]] = {
    "max-token-beside-another": _set("cells", (2, 1), 0),
    "cell-left-out": _set("cells", (2, 1), 5),
    "token-in-no-cell": _set("cells", (2, 0), -1),
    "token-above-the-max-token": _set("cells", (1, 2), 1),
    "query-in-a-class": _set("classes", (2, 1), 0),
    "position-in-no-class": _set("classes", (2, 0), -1),
    "below-two": _below,
}


def attacks(base: Document) -> Iterator[tuple[str, str, bytes]]:
    """(reason code, name, certificate). base: the certificate of format 1.0 about the tiny network."""
    for name, text in BAD.items():
        yield "bad-number", f"1.1-loss-{name}", written(claiming(AT_MOST, text))
    yield "wrong-type", "1.1-loss-is-an-integer", written(claiming(AT_MOST, 1))
    yield "not-proved", "1.1-loss-below-the-truth-by-one-unit", written(claiming(AT_MOST, BELOW_LOWEST))
    yield "not-proved", "1.1-loss-above-the-truth-by-one-unit", written(claiming(AT_LEAST, ABOVE_LOWEST))
    yield "not-proved", "1.1-loss-numerator-and-denominator-swapped", written(claiming(AT_LEAST, "500000000/275722357"))
    yield "not-proved", "1.1-loss-in-bits", written(claiming(AT_LEAST, "3977833/5000000"))
    yield "not-proved", "1.1-loss-of-zero", written(claiming(AT_MOST, "0/1"))
    yield "wrong-total", "1.1-loss-over-one-more", written(claiming(AT_MOST, ABOVE_LOWEST, 10))
    yield "wrong-total", "1.1-loss-over-one-less", written(claiming(AT_MOST, "1/1", 8))
    yield "bad-number", "1.1-loss-over-nothing", written(claiming(AT_MOST, "1/1", 0))
    accuracy = claiming(AT_MOST, "1/1")
    accuracy["claim"] = {"accuracy_at_least": {"correct": 0, "total": 9}}
    yield "no-conclusion", "1.1-losses-for-an-accuracy", written(accuracy)
    counts = copy.deepcopy(twin("../weights"))
    counts["claim"] = {AT_MOST: {"nats": "1/1", "total": 9}}
    yield "no-conclusion", "1.1-counts-for-a-loss", written(counts)
    both = claiming(AT_MOST, ABOVE_LOWEST)
    both["claim"][AT_LEAST] = {"nats": "0/1", "total": 9}
    yield "unknown-field", "1.1-loss-of-two-kinds", written(both)
    margin = claiming(AT_MOST, ABOVE_LOWEST)
    margin["claim"][AT_MOST]["margin"] = "1/2"
    yield "unknown-field", "1.1-loss-with-a-margin", written(margin)
    yield "rule-not-applicable", "1.1-loss-boxes-for-another-network", written({**claiming(AT_MOST, "1/1"), "steps": boxes(base)["steps"]})
    for name, edit in PLANS.items():
        yield "bad-hint", f"1.1-loss-boxes-{name}", written(boxes(base, edit))
    yield "wrong-premise", "1.1-loss-boxes-leave-a-max-token-out", written(boxes(base, _leave_out))
    yield "not-proved", "1.1-loss-boxes-claim-too-little", written(boxes(base, nats="1/1000000000"))
