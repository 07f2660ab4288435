"""Hostile hints for `separable-partition` and `separable-enumeration`, about a network with n_ctx = 2 and d_vocab = 3.

The free position of a block (q, m) is 0. For q = m it may hold 0 … m; for q < m it must hold m, so the tree of its box is one leaf.
An entry of `nodes` is −1 for a leaf, or position·3 + threshold. GOOD is accepted; every attack has the reason code it must end in.
"""

from __future__ import annotations

from typing import Any

Hints = dict[str, Any]

PARTITION, ENUMERATION = "separable-partition", "separable-enumeration"
GOOD: tuple[tuple[str, str, Hints], ...] = (
    ("one-leaf-each", PARTITION, {"blocks": [[1, 1], [0, 2], [2, 2]], "nodes": [-1, -1, -1]}),
    ("split-twice", PARTITION, {"blocks": [[0, 2], [2, 2]], "nodes": [-1, 1, -1, 2, -1, -1]}),
    ("enumeration", ENUMERATION, {"blocks": [[1, 1], [0, 2], [2, 2]], "expansions": 100}),
)
BLOCKS: tuple[tuple[str, Any], ...] = (
    ("twice", [[2, 2], [2, 2]]),
    ("out-of-order", [[2, 2], [1, 1]]),
    ("query-above-max", [[2, 1]]),
    ("max-above-vocabulary", [[2, 3]]),
    ("query-negative", [[-1, 2]]),
    ("three-columns", [[1, 2, 0]]),
    ("one-axis", [2, 2]),
)
TREES: tuple[tuple[str, list[int], list[int]], ...] = (
    ("overlap-lower-half-reaches-up", [2, 2], [1, 2, -1, -1, -1]),
    ("overlap-upper-half-reaches-down", [2, 2], [2, -1, 1, -1, -1]),
    ("overlap-same-split-twice", [2, 2], [1, -1, 1, -1, -1]),
    ("maximum-varies-tokens-above-max", [1, 1], [2, -1, -1]),
    ("maximum-varies-splits-the-max-token", [0, 2], [1, -1, -1]),
    ("skips-the-max-token-condition", [0, 2], [1, -1, 2, -1, -1]),
    ("empty-half", [2, 2], [0, -1, -1]),
    ("splits-the-query", [2, 2], [4, -1, -1]),
    ("position-beyond-the-sequence", [2, 2], [3 * 2**60 + 1, -1, -1]),
    ("negative-entry", [2, 2], [-2]),
    ("most-negative-entry", [2, 2], [-(2**63)]),
    ("truncated", [2, 2], [1, -1]),
    ("no-tree", [2, 2], []),
    ("second-block-without-tree", [2, 2], [-1]),
    ("left-over", [2, 2], [-1, -1]),
)


def _attacks() -> list[tuple[str, str, str, Hints]]:
    found: list[tuple[str, str, str, Hints]] = []
    for name, blocks in BLOCKS:
        found.append(("bad-hint", f"partition-blocks-{name}", PARTITION, {"blocks": blocks, "nodes": [-1] * len(blocks)}))
        found.append(("bad-hint", f"enumeration-blocks-{name}", ENUMERATION, {"blocks": blocks, "expansions": 100}))
    for name, block, nodes in TREES:
        blocks = [[1, 1], block] if name.startswith("second") else [block]
        found.append(("bad-hint", f"partition-{name}", PARTITION, {"blocks": blocks, "nodes": nodes}))
    found.append(("bad-hint", "enumeration-expansions-negative", ENUMERATION, {"blocks": [[2, 2]], "expansions": -1}))
    found.append(("limit-exceeded", "enumeration-huge-search", ENUMERATION, {"blocks": [[2, 2]], "expansions": 2**48}))
    return found


ATTACKS = tuple(_attacks())
