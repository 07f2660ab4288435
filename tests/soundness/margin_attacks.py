"""Attacks on the margin of a claim, for certificates/reject/: `make_reject_corpus` writes them.

Each changes the twin of format 1.1: a network whose right logit is 1 and whose others are 0 on all nine inputs, so that every margin is 1.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from soundness.frame_attacks import at, twin, written

Document = dict[str, Any]
BAD = {
    "negative": "-1/2",
    "not-in-lowest-terms": "2/4",
    "decimal": "0.5",
    "integer-as-string": "1",
    "without-numerator": "/2",
    "denominator-zero": "1/0",
    "denominator-negative": "1/-2",
    "leading-zero": "01/2",
    "leading-plus": "+1/2",
    "with-space": "1/ 2",
    "arabic-digit": "١/2",
    "two-slashes": "1/2/3",
    "infinite": "inf",
}


def with_margin(margin: Any, correct: int = 9, folder: str = "../weights") -> Document:
    """The twin with the claim that `correct` inputs have that margin."""
    document = copy.deepcopy(twin(folder))
    document["claim"]["accuracy_at_least"] = {"correct": correct, "total": 9, "margin": margin}
    return document


def attacks() -> Iterator[tuple[str, str, bytes]]:
    """(reason code, name, certificate)."""
    for name, text in BAD.items():
        yield "bad-number", f"1.1-margin-{name}", written(with_margin(text))
    yield "wrong-type", "1.1-margin-is-an-integer", written(with_margin(1))
    yield "wrong-type", "1.1-margin-is-a-list", written(with_margin(["1/2"]))
    yield "limit-exceeded", "1.1-margin-of-2001-digits", written(with_margin("1/" + "9" * 2001))
    yield "not-proved", "1.1-margin-is-a-tie", written(with_margin("1/1"))
    yield "not-proved", "1.1-margin-is-a-tie-for-one-input", written(with_margin("1/1", 1))
    yield "not-proved", "1.1-margin-just-above-a-tie", written(with_margin(f"{2**70 + 1}/{2**70}"))
    yield "out-of-range", "1.1-margin-of-2000-digits", written(with_margin("9" * 2000 + "/1", 1))
    order = with_margin("1/2")
    claim = order["claim"]["accuracy_at_least"]
    order["claim"]["accuracy_at_least"] = {name: claim[name] for name in ("margin", "correct", "total")}
    yield "field-order", "1.1-margin-first", written(order)
    older: Document = json.loads(written(with_margin("1/2")))
    older["format"]["version"] = "1.0"
    del older["extensions"], older["model"]["options"]
    yield "unknown-field", "margin-in-format-1.0", written(older)
    twice = with_margin("1/2")
    twice["claim"]["accuracy_at_least"]["margins"] = "1/2"
    yield "unknown-field", "1.1-margin-and-another", written(twice)
    yield "bad-hint", "1.1-margin-in-a-hint", at_hint(0, {"margin": 0})
    yield "bad-hint", "1.1-margin-in-a-hint-of-the-sum", at_hint(1, {"margin": 0})
    yield "unknown-field", "1.1-margin-in-the-task", at(twin("../weights"), "task.margin", "1/2")


def at_hint(step: int, hints: Document) -> bytes:
    """A certificate that claims a margin of 1 and hints that it is another."""
    document = with_margin("1/1")
    document["steps"][step]["hints"] = hints
    return written(document)


def twins() -> dict[str, bytes]:
    """Certificates that verify, 9 of 9: just below the tie, any form of a rational, and 0, which is the claim without a margin."""
    texts = {"just-below-a-tie": f"{2**64 - 1}/{2**64}", "a-third": "1/3", "zero": "0/1", "tiny": "1/" + "9" * 2000}
    return {name: written(with_margin(text)) for name, text in texts.items()}
