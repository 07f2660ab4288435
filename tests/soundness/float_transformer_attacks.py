"""Attacks on claims about float evaluations of transformers, for certificates/reject/: about the network of a disguise whose 9 of 9 inputs
are right, in binary64 too; the twin of that name verifies.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from soundness.frame_attacks import steps_of, written
from soundness.transformer_attacks import BASE, disguised, document, machine

from proofcheck import Step

Document = dict[str, Any]
NAME = "float_accuracy_at_least"
TAU = "1/1099511627776"
CLAIM = {"correct": 9, "total": 9, "format": "binary64", "roundings": 48, "tau": TAU, "kappa": 8, "activation": TAU}
COUNT = Step("count", "sum-blocks", ("blocks",))


def about_floats(folder: str, **changes: Any) -> Document:
    """The certificate with this claim; None takes a field away."""
    data, answers = disguised(BASE)
    found = document(folder, f"transformer-{BASE}", {}, machine(answers), data)
    found["claim"] = {NAME: {name: value for name, value in (CLAIM | changes).items() if value is not None}}
    return found


def twin() -> bytes:
    """It verifies: 9 of 9."""
    return written(about_floats("weights"))


def attacks() -> Iterator[tuple[str, str, bytes]]:
    """(reason code, name, certificate)."""
    for code, name, changes in (
        ("rule-not-applicable", "too-few-roundings", {"roundings": 11}),  # 8 + the largest of 4, 3, 4, 4, 4
        ("rule-not-applicable", "exact-exponentials", {"tau": "0/1"}),
        ("rule-not-applicable", "exponentials-off-by-two-thirds", {"tau": "2/3"}),
        ("rule-not-applicable", "exact-gelu", {"activation": "0/1"}),
        ("rule-not-applicable", "without-activation", {"activation": None}),
        ("rule-not-applicable", "too-many-roundings-of-binary32", {"format": "binary32", "roundings": 2**14 + 1, "tau": "1/8192"}),
        ("bad-number", "negative-activation", {"activation": "-1/8"}),
        ("bad-number", "activation-not-in-lowest-terms", {"activation": "2/16"}),
        ("wrong-type", "activation-is-an-integer", {"activation": 0}),
        ("bad-string", "binary8", {"format": "binary8"}),
        ("rule-not-applicable", "binary16", {"format": "binary16"}),
        ("rule-not-applicable", "tf32", {"format": "tf32"}),
        (
            "rule-not-applicable",
            "binary32-stages",
            {"format": "binary32-stages", "roundings": 1000, "tau": "1/8192", "activation": "1/8192"},
        ),
        ("not-proved", "every-exponential-off-by-half", {"tau": "1/2"}),
        ("not-proved", "one-more", {"correct": 10}),
        ("unknown-field", "and-an-epsilon", {"epsilon": "0/1"}),
    ):
        yield code, f"transformer-floats-{name}", written(about_floats("../weights", **changes))
    good = about_floats("../weights")
    losses = copy.deepcopy(good)
    losses["steps"] = steps_of((Step("losses", "evaluation-losses"), Step("count", "sum-losses", ("losses",))))
    yield "rule-not-applicable", "transformer-floats-losses", written(losses)
    hinted = copy.deepcopy(good)
    hinted["steps"] = steps_of((Step("blocks", "evaluation", (), {"roundings": 1}), COUNT))
    yield "bad-hint", "transformer-floats-roundings-in-a-hint", written(hinted)
    real = copy.deepcopy(good)
    real["claim"] = {"accuracy_at_least": {"correct": 9, "total": 9, "activation": TAU}}
    yield "unknown-field", "transformer-floats-activation-of-a-claim-about-the-reals", written(real)


__all__ = ["attacks", "twin"]
