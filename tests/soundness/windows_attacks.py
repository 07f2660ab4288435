"""Hostile hints for `centred-expansion` and `separable-windows`, for certificates/reject/; and honest ones
that verify.

About a network with n_ctx = 2, d_vocab = 4 whose logit tables, centred by zero, are written down in `EV`, EU
= 0 and PV = 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from soundness.small_models import Shape, certificate, safetensors_bytes
from soundness.subcubic_steps import network_of

from proofcheck import Step, encode_certificate

EV = np.array([[8.0, 2, 1, 0], [3, 8, 2, 1], [1, 3, 8, 2], [0, 2, 4, 8]])
SCORES = np.tile([0.0, 4, 8, 12], (4, 1))
NAME = "windows"
Hints = dict[str, Any]


def _network() -> tuple[Shape, dict[str, np.ndarray]]:
    return network_of(SCORES, np.zeros((4, 2)), EV, np.zeros((2, 4)), np.zeros((4, 4)))


def weights() -> dict[str, bytes]:
    """File name -> bytes, for certificates/reject/weights/."""
    return {NAME: safetensors_bytes(_network()[1]), "all-tie": safetensors_bytes(_all_tie()[1])}


def _all_tie() -> tuple[Shape, dict[str, np.ndarray]]:
    """Two tokens, width 1, equal columns of W_U: every margin is 0. Source: a search for networks that a
    false bound certifies.
    """
    tensors = {
        "embed.W_E": [[-0.25], [-0.5]],
        "pos_embed.W_pos": [[0.25], [-0.75]],
        "blocks.0.attn.W_Q": [[[0.5]]],
        "blocks.0.attn.W_K": [[[0.0]]],
        "blocks.0.attn.W_V": [[[1.5]]],
        "blocks.0.attn.W_O": [[[-1.0]]],
        "unembed.W_U": [[1.0, 1.0]],
    }
    return Shape(2, 2, 1, 1), {name: np.array(entries, dtype="<f4") for name, entries in tensors.items()}


def all_tie(correct: int) -> bytes:
    """A certificate about `all-tie` whose basis, 7/8, is not orthonormal: the bound without its last term
    would prove a block.
    """
    zero, one = np.zeros(1), np.ones((1, 1))
    windows_of = [(0, 0), (1, 0)]
    hints = {
        "direct_mean": zero,
        "position_mean": zero,
        "base": zero,
        "directions": one,
        "coefficients": np.zeros((2, 1)),
        "centre": zero,
        "labels": np.zeros(2, dtype=np.int64),
        "boundaries": np.array(windows_of),
        "rivals": _none(2),
        "blocks": _none(3),
        "basis": np.array([[0.875]]),
        "order": np.array([0, 1]),
        "ranges": np.array([(0, 2), (1, 2)]),
        "column_centre": zero,
        "group_means": np.zeros((1, 1)),
        "exact_direct": 1,
        "top_direct": np.array([[0, 1], [0, 1]]),
        "top_PV": np.array([[0, 1], [0, 1]]),
        "additions": 0,
    }
    shape, tensors = _all_tie()
    steps = (Step("blocks", "rival-tree", (), hints), Step("count", "sum-blocks", ("blocks",)))
    data = safetensors_bytes(tensors)
    return encode_certificate(certificate(data, shape, steps, correct=correct, weights_file="../weights/all-tie.safetensors"))


def expansion(**changes: Any) -> Hints:
    """Good hints of `centred-expansion`, with changes."""
    D = _network()[0].d_model
    zeros = np.zeros(D)
    good = {
        "direct_mean": zeros,
        "position_mean": zeros,
        "first": np.array([0, 0, 1, 1]),
        "direction": zeros,
        "coefficients": np.zeros(4),
    }
    return good | changes


def windows(**changes: Any) -> Hints:
    """Good hints of `separable-windows`, with changes."""
    order = np.argsort(-EV, axis=1, kind="stable")
    good: Hints = {
        "boundaries": np.array([(0, 0), (1, 1), (1, 0), (2, 1), (2, 0), (3, 2), (3, 1), (3, 0)]),
        "rivals": np.array([(1, 0), (2, 1), (3, 0), (3, 2)]),
        "blocks": np.array([(0, 2, 1), (3, 3, 8192)]),
        "top_EV": order[:, :3],
        "top_EU": np.tile([0, 1], (4, 1)),
        "top_PV": np.tile([[3, 2, 1, 0]], (2, 1)),
        "additions": 10**6,
    }
    return good | changes


def sheets(**changes: Any) -> Hints:
    """Good hints of `separable-windows-exact`, with changes."""
    lists = {name: hint for name, hint in windows().items() if name.startswith("top_")}
    good: Hints = {
        "max_tokens": np.array([2, 3, 3]),
        "boundaries": np.array([(0, 1), (0, 0), (1, 2), (1, 0), (2, 1), (2, 0)]),
        "rivals": np.array([(0, 1), (2, 0), (2, 2)]),
        "groups": np.array([(1, 1, 0), (1, 2, 1)]),
        "blocks": np.array([(0, 0), (0, 2), (1, 3), (2, 0), (2, 1)]),
        **lists,
        "expansions": 10**4,
    }
    return good | changes


def shared(**changes: Any) -> Hints:
    """Good hints of `shared-windows`, with changes."""
    good = sheets()
    del good["expansions"]
    good |= {"classes": np.array([0, 1, 0, 4, 4]), "bins": np.array([(8, 16, 32), (1, 0, 1), (8192, 0, 8192)]), "additions": 10**7}
    return good | changes


def grouped(**changes: Any) -> Hints:
    """Good hints of `grouped-queries`, with changes."""
    D = _network()[0].d_model
    zeros, one = np.zeros(D), np.zeros((1, D))
    one[0, 0] = 1
    good = {
        **dict.fromkeys(("direct_mean", "position_mean", "base", "centre"), zeros),
        "directions": one,
        "coefficients": np.zeros((4, 1)),
        "labels": np.array([0, 0, 1, 1]),
        **windows(),
    }
    return good | changes


def tree(**changes: Any) -> Hints:
    """Good hints of `rival-tree`, with changes."""
    D = _network()[0].d_model
    good = {name: hint for name, hint in grouped().items() if name not in ("top_EV", "top_EU")}
    good |= {
        "basis": np.eye(D)[:, :2].copy(),
        "order": np.array([2, 0, 3, 1]),
        "ranges": np.array([(t, end) for t in range(4) for end in (1, 3, 4)]),
        "column_centre": np.zeros(D),
        "group_means": np.zeros((2, D)),
        "exact_direct": 1,
        "top_direct": np.tile([0, 1], (4, 1)),
    }
    return good | changes


def alone(hints: Hints) -> bytes:
    """A certificate of one of these rules, which have no premise."""
    steps = (
        Step("blocks", "rival-tree" if "basis" in hints else "grouped-queries", (), hints),
        Step("count", "sum-blocks", ("blocks",)),
    )
    shape, _ = _network()
    return encode_certificate(certificate(weights()[NAME], shape, steps, weights_file=f"../weights/{NAME}.safetensors"))


def written(first: Hints, second: Hints, correct: int = 0) -> bytes:
    """A certificate with these hints."""
    rule = "shared-windows" if "bins" in second else "separable-windows-exact" if "max_tokens" in second else "separable-windows"
    steps = (
        Step("tables", "centred-expansion", (), first),
        Step("blocks", rule, ("tables",), second),
        Step("count", "sum-blocks", ("blocks",)),
    )
    shape, _ = _network()
    return encode_certificate(certificate(weights()[NAME], shape, steps, correct=correct, weights_file=f"../weights/{NAME}.safetensors"))


def _changed(name: str, place: tuple[int, ...], value: int, good: Hints | None = None) -> Hints:
    table = np.array((good or windows())[name])
    table[place] = value
    return {name: table}


def twins() -> dict[str, bytes]:
    """What the attacks are changes of."""
    return {
        "good": written(expansion(), windows()),
        "all-scores": written(expansion(first=np.zeros(4, dtype=np.int64)), windows()),
        "own-scores": written(expansion(first=np.arange(4)), windows(boundaries=np.array([(3, 3), (3, 0)]), **_only_three())),
        "nothing": written(expansion(), windows(boundaries=_none(2), rivals=_none(2), blocks=_none(3))),
        "everybody-alone": written(expansion(), windows(rivals=np.array([(m, j) for m in range(4) for j in range(4) if j != m]))),
        "exact": written(expansion(), sheets()),
        "exact-own-scores": written(expansion(first=np.array([0, 1, 1, 1])), sheets()),
        "exact-nothing": written(
            expansion(),
            sheets(
                max_tokens=_none(1)[:, 0],
                **{name: _none(2) for name in ("boundaries", "rivals", "blocks")},
                groups=_none(3),
            ),
        ),
        "exact-everybody-in-groups": written(expansion(), sheets(rivals=_none(2), groups=np.array([(0, 4, 3), (1, 1, 0), (2, 1, 2)]))),
        "shared": written(expansion(), shared()),
        "shared-nothing-to-spend": written(expansion(), shared(additions=0)),
        "shared-labels-of-any-size": written(expansion(), shared(classes=np.array([-(2**63), 7, 7, 2**63 - 1, -1]))),
        "grouped": alone(grouped()),
        "grouped-one-group": alone(grouped(labels=np.full(4, 3))),
        "tree": alone(tree()),
        "tree-shared-direct-path": alone(tree(exact_direct=0, top_direct=np.tile([0, 1], (2, 1)))),
        "tree-one-range": alone(tree(ranges=np.array([(t, 4) for t in range(4)]))),
        "column-twice": written(expansion(), windows(**_changed("top_EV", (2, 2), 1))),
    }


def _none(width: int) -> np.ndarray:
    return np.zeros((0, width), dtype=np.int64)


def _only_three() -> Hints:
    return {"rivals": np.array([(3, 2)]), "blocks": np.array([(3, 3, 8192)])}


def attacks() -> Iterator[tuple[str, str, bytes]]:
    """(reason code, name, bytes)."""
    for name, first in (
        ("above-the-query", [0, 2, 1, 1]),
        ("negative", [0, 0, -1, 1]),
        ("most-negative", [-(2**63), 0, 1, 1]),
        ("beyond-the-vocabulary", [0, 0, 1, 4]),
    ):
        yield "bad-hint", f"first-{name}", written(expansion(first=np.array(first)), windows())
    bad: list[tuple[str, Hints]] = [
        ("boundaries-of-no-max-token", {"boundaries": np.array([(4, 0)])}),
        ("boundaries-of-max-token-minus-one", {"boundaries": np.array([(-1, 0), (3, 0)])}),
        ("boundaries-out-of-order", {"boundaries": np.array([(2, 0), (1, 0), (3, 0)])}),
        ("boundaries-above-the-max-token", {"boundaries": np.array([(2, 3), (2, 0)])}),
        ("boundaries-not-down-to-zero", {"boundaries": np.array([(3, 2), (3, 1)]), **_only_three()}),
        ("boundaries-twice", {"boundaries": np.array([(3, 2), (3, 2), (3, 0)]), **_only_three()}),
        ("boundaries-rise", {"boundaries": np.array([(3, 1), (3, 2), (3, 0)]), **_only_three()}),
        ("boundaries-below-zero", {"boundaries": np.array([(3, 2), (3, 0), (3, -1)]), **_only_three()}),
        (
            "boundaries-overlap-most-negative",
            {"boundaries": np.array([(3, 2), (3, -(2**63))]), **_only_three()},
        ),
        ("boundaries-three-columns", {"boundaries": np.array([(3, 2, 0)])}),
        ("near-token-without-score", {"boundaries": np.array([(3, 0)]), **_only_three()}),
        ("rivals-with-the-max-token", _changed("rivals", (3, 1), 3)),
        ("rivals-negative", _changed("rivals", (2, 1), -1)),
        ("rivals-beyond-the-vocabulary", _changed("rivals", (3, 1), 4)),
        ("rivals-twice", _changed("rivals", (2, 1), 2)),
        ("rivals-out-of-order", {"rivals": np.array([(3, 2), (3, 0)])}),
        (
            "rivals-without-boundaries",
            {"boundaries": np.array([(2, 1), (2, 0)]), "rivals": np.array([(3, 2)]), "blocks": _none(3)},
        ),
        (
            "block-without-boundaries",
            {"boundaries": np.array([(3, 1), (3, 0)]), "rivals": np.array([(3, 2)])},
        ),
        ("block-twice", {"blocks": np.array([(3, 3, 5), (3, 3, 5)])}),
        ("block-query-above-max", {"blocks": np.array([(3, 2, 5)])}),
        ("block-zero-bins", {"blocks": np.array([(3, 3, 0)])}),
        ("additions-negative", {"additions": -1}),
        ("list-does-not-descend", {"top_EV": windows()["top_EV"][:, ::-1].copy()}),
        ("list-does-not-descend-in-one-row", _changed("top_EV", (1, 0), 2)),
        ("list-misses-an-entry", _changed("top_EV", (3, 1), 3)),
        ("list-misses-the-largest", {"top_EV": windows()["top_EV"][:, 1:].copy()}),
        ("list-names-no-column", _changed("top_EV", (0, 2), 4)),
        ("list-names-a-negative-column", _changed("top_EV", (0, 2), -1)),
        ("list-of-one-query-too-few", {"top_EU": np.tile([0, 1], (3, 1))}),
        ("list-of-one-position-too-many", {"top_PV": np.tile([[3, 2, 1, 0]], (3, 1))}),
        ("list-too-long", {"top_PV": np.tile([[3, 2, 1, 0, 0]], (2, 1))}),
        ("list-empty", {"top_EU": np.zeros((4, 0), dtype=np.int64)}),
        ("list-of-floats", {"top_EU": np.zeros((4, 2))}),
    ]
    for name, changes in bad:
        yield "bad-hint", name, written(expansion(), windows(**changes))
    for name, changes in sheet_attacks():
        yield "bad-hint", f"exact-{name}", written(expansion(first=np.array([0, 0, 1, 2])), sheets(**changes))
    for name, changes in shared_attacks():
        yield "bad-hint", f"shared-{name}", written(expansion(first=np.array([0, 0, 1, 2])), shared(**changes))
    yield "limit-exceeded", "shared-huge-additions", written(expansion(), shared(additions=2**60))
    for name, changes in grouped_attacks():
        yield "bad-hint", f"grouped-{name}", alone(grouped(**changes))
    for name, changes in tree_attacks():
        yield "bad-hint", f"tree-{name}", alone(tree(**changes))
    yield "not-proved", "rival-tree-not-orthonormal", all_tie(1)
    yield "limit-exceeded", "exact-huge-expansions", written(expansion(), sheets(expansions=2**48))
    yield "limit-exceeded", "huge-additions", written(expansion(), windows(additions=2**60))


def sheet_attacks() -> list[tuple[str, Hints]]:
    """Changes of `sheets` about a network whose query 3 has scores from token 2 on."""

    def changed(name: str, place: tuple[int, ...], value: int) -> Hints:
        return _changed(name, place, value, sheets())

    return [
        ("max-token-beyond-the-vocabulary", changed("max_tokens", (2,), 4)),
        ("max-token-negative", changed("max_tokens", (0,), -1)),
        ("more-sheets-than-blocks", {"max_tokens": np.full(11, 3)}),
        ("sheet-without-boundaries", {"boundaries": sheets()["boundaries"][2:]}),
        ("boundaries-of-no-sheet", changed("boundaries", (5, 0), 3)),
        ("boundaries-of-sheet-minus-one", changed("boundaries", (0, 0), -1)),
        ("boundaries-out-of-order", {"boundaries": sheets()["boundaries"][::-1].copy()}),
        ("boundaries-above-the-max-token", changed("boundaries", (0, 1), 3)),
        ("boundaries-not-down-to-zero", changed("boundaries", (3, 1), 1)),
        ("boundaries-twice", {"boundaries": np.insert(sheets()["boundaries"], 2, [1, 2], axis=0)}),
        ("boundaries-below-zero", {"boundaries": np.append(sheets()["boundaries"], [[2, -1]], axis=0)}),
        ("near-token-without-score", changed("boundaries", (2, 1), 1)),
        ("rival-that-is-the-max-token", changed("rivals", (0, 1), 2)),
        ("rival-negative", changed("rivals", (0, 1), -1)),
        ("rival-beyond-the-vocabulary", changed("rivals", (2, 1), 4)),
        ("rival-twice", changed("rivals", (2, 1), 0)),
        ("rivals-out-of-order", {"rivals": sheets()["rivals"][::-1].copy()}),
        ("rival-in-a-group", {"rivals": np.array([(0, 1), (1, 0), (2, 0)])}),
        ("member-in-two-groups", changed("groups", (1, 2), 0)),
        ("member-that-is-the-max-token", changed("groups", (1, 2), 3)),
        ("member-negative", changed("groups", (0, 2), -1)),
        ("member-beyond-the-vocabulary", changed("groups", (1, 2), 4)),
        ("group-zero", changed("groups", (0, 1), 0)),
        ("group-negative", changed("groups", (0, 1), -5)),
        ("group-beyond-the-vocabulary", changed("groups", (1, 1), 5)),
        ("groups-out-of-order", {"groups": sheets()["groups"][::-1].copy()}),
        ("groups-of-no-sheet", changed("groups", (1, 0), 3)),
        ("query-above-the-max-token", changed("blocks", (1, 1), 3)),
        ("query-negative", changed("blocks", (0, 1), -1)),
        ("block-twice-in-a-sheet", changed("blocks", (4, 1), 0)),
        ("block-in-two-sheets", {"blocks": np.array([(1, 3), (2, 3)])}),
        ("blocks-out-of-order", {"blocks": sheets()["blocks"][::-1].copy()}),
        ("blocks-of-no-sheet", changed("blocks", (4, 0), 3)),
        ("list-misses-an-entry", _changed("top_EV", (3, 1), 3)),
        ("too-few-expansions", {"expansions": 0}),
        ("expansions-negative", {"expansions": -1}),
    ]


def shared_attacks() -> list[tuple[str, Hints]]:
    """Changes of `shared` about a network whose query 3 has scores from token 2 on."""

    def changed(name: str, place: tuple[int, ...], value: int) -> Hints:
        return _changed(name, place, value, shared())

    return [
        ("max-token-among-smaller-queries", {"classes": np.zeros(5, dtype=np.int64)}),
        ("class-of-no-block", {"classes": np.zeros(6, dtype=np.int64)}),
        ("block-without-class", {"classes": np.array([0, 1, 0, 4])}),
        ("bins-of-two-sheets", {"bins": np.array([(8, 16, 32), (1, 0, 1)])}),
        ("bins-of-two-columns", {"bins": np.array([(8, 16), (1, 1), (1, 1)])}),
        ("no-fine-bin", changed("bins", (0, 0), 0)),
        ("bins-below-negative", changed("bins", (0, 1), -1)),
        ("no-bin-above", changed("bins", (1, 2), 0)),
        ("bins-too-many", changed("bins", (2, 1), 8193)),
        ("bins-most-negative", changed("bins", (2, 0), -(2**63))),
        ("block-in-two-sheets", {"blocks": np.array([(1, 3), (2, 3)]), "classes": np.array([0, 0])}),
        ("near-token-without-score", changed("boundaries", (2, 1), 1)),
        ("rival-in-a-group", {"rivals": np.array([(0, 1), (1, 0), (2, 0)])}),
        ("boundaries-not-down-to-zero", changed("boundaries", (3, 1), 1)),
        ("list-misses-an-entry", _changed("top_EV", (3, 1), 3)),
        ("additions-negative", {"additions": -1}),
    ]


def grouped_attacks() -> list[tuple[str, Hints]]:
    """Changes of `grouped`."""
    D = _network()[0].d_model
    return [
        ("label-negative", {"labels": np.array([0, 0, -1, 1])}),
        ("label-beyond-the-vocabulary", {"labels": np.array([0, 4, 1, 1])}),
        ("label-most-negative", {"labels": np.array([0, 0, 1, -(2**63)])}),
        ("labels-of-three-queries", {"labels": np.array([0, 0, 1])}),
        ("no-direction", {"directions": np.zeros((0, D)), "coefficients": np.zeros((4, 0))}),
        ("five-directions", {"directions": np.zeros((5, D)), "coefficients": np.zeros((4, 5))}),
        ("more-coefficients-than-directions", {"coefficients": np.zeros((4, 2))}),
        ("coefficients-of-three-queries", {"coefficients": np.zeros((3, 1))}),
        ("two-rows-for-one-job", {"blocks": np.array([(0, 3, 1), (1, 3, 1)])}),
        (
            "block-without-boundaries",
            {"boundaries": np.array([(3, 1), (3, 0)]), "rivals": np.array([(3, 2)])},
        ),
        ("boundaries-not-down-to-zero", {"boundaries": np.array([(3, 2), (3, 1)]), **_only_three()}),
        ("rivals-with-the-max-token", _changed("rivals", (3, 1), 3)),
        ("list-misses-an-entry", _changed("top_EV", (3, 1), 3)),
        ("additions-negative", {"additions": -1}),
    ]


def tree_attacks() -> list[tuple[str, Hints]]:
    """Changes of `tree`."""
    D = _network()[0].d_model

    def ranges(*rows: tuple[int, int]) -> Hints:
        return {"ranges": np.array([(0, 4), (1, 4), (2, 4), *rows])}

    return [
        ("order-names-a-rival-twice", {"order": np.array([2, 0, 2, 1])}),
        ("order-negative", {"order": np.array([2, 0, 3, -1])}),
        ("order-beyond-the-vocabulary", {"order": np.array([2, 0, 3, 4])}),
        ("order-of-three-rivals", {"order": np.array([2, 0, 1])}),
        ("basis-without-a-column", {"basis": np.zeros((D, 0))}),
        ("ranges-leave-rivals-out", ranges((3, 1), (3, 3))),
        ("ranges-reach-beyond-the-rivals", ranges((3, 1), (3, 5))),
        ("ranges-begin-at-zero", ranges((3, 0), (3, 4))),
        ("ranges-fall", ranges((3, 3), (3, 1), (3, 4))),
        ("ranges-empty", ranges((3, 2), (3, 2), (3, 4))),
        ("ranges-of-no-token", ranges((3, 4), (4, 4))),
        ("ranges-out-of-order", {"ranges": np.array([(1, 4), (0, 4), (2, 4), (3, 4)])}),
        ("single-token-without-ranges", ranges()),
        (
            "label-without-a-mean-row",
            {"exact_direct": 0, "group_means": np.zeros((1, D)), "top_direct": np.array([[0, 1]])},
        ),
        ("direct-path-of-another-kind", {"exact_direct": 2}),
        ("lists-of-the-other-direct-path", {"exact_direct": 0}),
        ("list-empty", {"top_PV": np.zeros((2, 0), dtype=np.int64)}),
        ("label-negative", {"labels": np.array([0, 0, -1, 1])}),
        ("two-rows-for-one-job", {"blocks": np.array([(0, 3, 1), (1, 3, 1)])}),
    ]
