"""Hostile hints for `separable-minimum`, `-early-maximum` and `-counting`, about a network with n_ctx = 2 and d_vocab = 3.

GOOD is accepted; every attack has the reason code it must end in.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Hints = dict[str, Any]

MINIMUM, EARLY, COUNTING = "separable-minimum", "separable-early-maximum", "separable-counting"
EMPTY = np.zeros((0, 3), dtype=np.int64)
GOOD: tuple[tuple[str, str, Hints], ...] = (
    ("minimum", MINIMUM, {"refined": 0}),
    ("early", EARLY, {"additions": 10**6, "blocks": [[0, 2, 1], [2, 2, 8192]]}),
    ("early-no-blocks", EARLY, {"additions": 10**6, "blocks": EMPTY}),
    ("counting", COUNTING, {"additions": 10**6, "blocks": [[0, 2, 64], [2, 2, 1]], "groups": [[0, 1, 1], [1, 3, 0]]}),
    ("counting-no-groups", COUNTING, {"additions": 10**6, "blocks": [[1, 1, 5]], "groups": EMPTY}),
)
BLOCKS: tuple[tuple[str, str, Any], ...] = (
    ("bad-hint", "zero-bins", [[0, 2, 0]]),
    ("bad-hint", "negative-bins", [[0, 2, -1]]),
    ("bad-hint", "most-negative-bins", [[0, 2, -(2**63)]]),
    ("bad-hint", "too-many-bins", [[0, 2, 8193]]),
    ("bad-hint", "huge-bins", [[0, 2, 2**62]]),
    ("bad-hint", "block-twice", [[2, 2, 5], [2, 2, 5]]),
    ("bad-hint", "blocks-out-of-order", [[2, 2, 5], [1, 1, 5]]),
    ("bad-hint", "query-above-max", [[2, 1, 5]]),
    ("bad-hint", "query-negative", [[-1, 2, 5]]),
    ("bad-hint", "max-above-vocabulary", [[2, 3, 5]]),
    ("bad-hint", "max-negative", [[-2, -1, 5]]),
    ("bad-hint", "blocks-two-columns", [[0, 2]]),
    ("bad-hint", "blocks-one-axis", [0, 2, 5]),
)
GROUPS: tuple[tuple[str, Any], ...] = (
    ("group-of-no-block", [[2, 1, 0]]),
    ("group-of-block-minus-one", [[-1, 1, 0]]),
    ("group-zero", [[0, 0, 0]]),
    ("group-negative", [[0, -1, 0]]),
    ("group-beyond-vocabulary", [[0, 4, 0]]),
    ("group-of-the-max-token", [[0, 1, 2]]),
    ("rival-negative", [[0, 1, -1]]),
    ("rival-beyond-vocabulary", [[0, 1, 3]]),
    ("rival-twice", [[0, 1, 0], [0, 2, 0]]),
    ("groups-out-of-order", [[1, 1, 0], [0, 1, 0]]),
    ("groups-two-columns", [[0, 1]]),
)


def _attacks() -> list[tuple[str, str, str, Hints]]:
    found: list[tuple[str, str, str, Hints]] = []
    for code, name, blocks in BLOCKS:
        found.append((code, f"early-maximum-{name}", EARLY, {"additions": 10**6, "blocks": blocks}))
        found.append((code, f"counting-{name}", COUNTING, {"additions": 10**6, "blocks": blocks, "groups": EMPTY}))
    for name, groups in GROUPS:
        found.append(("bad-hint", f"counting-{name}", COUNTING, {"additions": 10**6, "blocks": [[0, 2, 5], [2, 2, 5]], "groups": groups}))
    for code, name, number in (("limit-exceeded", "huge-additions", 2**60), ("bad-hint", "negative-additions", -1)):
        found.append((code, f"early-maximum-{name}", EARLY, {"additions": number, "blocks": [[2, 2, 5]]}))
        found.append((code, f"counting-{name}", COUNTING, {"additions": number, "blocks": [[2, 2, 5]], "groups": EMPTY}))
    found.append(("bad-hint", "minimum-refined-negative", MINIMUM, {"refined": -1}))
    found.append(("bad-hint", "minimum-refined-huge", MINIMUM, {"refined": 2**70}))
    found.append(("bad-hint", "counting-groups-missing", COUNTING, {"additions": 10**6, "blocks": [[2, 2, 5]]}))
    return found


ATTACKS = tuple(_attacks())
