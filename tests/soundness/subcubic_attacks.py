"""Attacks on the sub-cubic rules for certificates/reject/: hostile hints, and claims that false lemmas would support.

`attacks()` gives (reason code, name, bytes), `weights()` the files they need, `twins()` honest certificates of the same steps: they verify.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from soundness.small_models import Shape, Tensors, certificate, safetensors_bytes
from soundness.subcubic_steps import CHORD, EXACT, OFF, Array, network_of, one_token_too_many, steps

from proofcheck import Step, encode_certificate

MODELS = Path(__file__).parents[2] / "certificates" / "models"
COUNTEREXAMPLES = ("counterexample-mean-diff-direct", "counterexample-mean-diff-positional")
GAPS = np.ones((3, 3, 2), dtype=np.int64)
SVD, RECURSIVE = "qk-error-svd", "qk-error-max-diff-subproduct-recursive"


def diagonal() -> tuple[Shape, Tensors]:
    """Scores diag(4, 2, 0): with the first direction peeled off on both sides the remainder has spectral norm exactly 2."""
    shape, identity = Shape(2, 3, 3, 3), np.eye(3, dtype="<f4")
    tensors = {"embed.W_E": identity, "pos_embed.W_pos": np.zeros((2, 3), dtype="<f4"), "unembed.W_U": identity}
    tensors |= {f"blocks.0.attn.W_{c}": identity[None] for c in "KVO"}
    return shape, tensors | {"blocks.0.attn.W_Q": np.diag([4, 2, 0]).astype("<f4")[None]}


def attends_to_small_tokens() -> tuple[Shape, Tensors]:
    """Every query attends to the smaller token; EVOU = diag(1, 2, 4, 8), so with equal attention the larger one would win."""
    scores = np.tile([0.0, -16, -32, -48], (4, 1))
    return network_of(scores, np.zeros((4, 2)), np.diag([1.0, 2, 4, 8]), np.zeros((2, 4)), np.zeros((4, 4)))


def weights() -> dict[str, bytes]:
    """File name -> bytes, for certificates/reject/weights/."""
    return {
        "diagonal": safetensors_bytes(diagonal()[1]),
        "one-token-too-many": safetensors_bytes(one_token_too_many()[1]),
        "attends-to-small-tokens": safetensors_bytes(attends_to_small_tokens()[1]),
    }


def hints(rule: str, **changes: Array) -> dict[str, Array]:
    """Good hints about `diagonal`, with changes."""
    first, second = np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    good = {"query_direction": first, "key_direction": first}
    if rule == SVD:
        good["tau"] = np.array([np.nextafter(2.0, 3.0)])
    if rule == RECURSIVE:
        good |= {"second_query_direction": second, "second_key_direction": second, "W_Q_direction": first, "W_K_direction": second}
    return good | changes


def about_diagonal(*these: Step, correct: int = 3) -> bytes:
    return encode_certificate(
        certificate(weights()["diagonal"], diagonal()[0], these, correct=correct, weights_file="../weights/diagonal.safetensors")
    )


def scored(rule: str, **changes: Array) -> bytes:
    """A certificate about `diagonal` with these hints of one QK error."""
    return about_diagonal(*steps("direct-path-max-diff", rule, CHORD, GAPS, hints(rule, **changes)))


def gapped(place: tuple[int, int, int], gap: int) -> bytes:
    """A certificate about `diagonal` with one gap changed."""
    gaps = GAPS.copy()
    gaps[place] = gap
    return about_diagonal(*steps("direct-path-max-diff", EXACT, CHORD, gaps))


def false_formula(name: str, correct: int) -> bytes:
    """The published `mean_query+diff` certifies 15 of 64 here; 12 are right. Same steps as the published proof."""
    gaps = np.ones((8, 8, 2), dtype=np.int64)
    these = steps("direct-path-mean-query+max-diff", EXACT, CHORD, gaps)
    data = (MODELS / f"{name}.safetensors").read_bytes()
    return encode_certificate(
        certificate(data, Shape(2, 8, 17, 17), these, correct=correct, weights_file=f"../../models/{name}.safetensors")
    )


def counted_with_one_token_too_many(correct: int) -> bytes:
    """8 of 9 are right and (m − g + 1)^p counts them; (m − g + 2)^p counts 10."""
    shape, _, gaps = one_token_too_many()
    name = "one-token-too-many"
    these = steps("direct-path-max-diff", EXACT, OFF, gaps)
    return encode_certificate(certificate(weights()[name], shape, these, correct=correct, weights_file=f"../weights/{name}.safetensors"))


def dropped_cross_term(correct: int) -> bytes:
    """The remainder A_r B_r is zero; the dropped cross term u uᵀA B_r holds all scores.

    Without it all attention would be equal and 16 of 16 proved; 4 are right.
    """
    shape, name = attends_to_small_tokens()[0], "attends-to-small-tokens"
    vectors = {"query_direction": np.full(4, 0.5), "key_direction": np.array([1.0, 0, 0, 0])}
    these = steps("direct-path-max-diff", "qk-error-max-diff", CHORD, np.ones((4, 4, 2), dtype=np.int64), vectors)
    return encode_certificate(certificate(weights()[name], shape, these, correct=correct, weights_file=f"../weights/{name}.safetensors"))


def twins() -> dict[str, bytes]:
    """What the attacks are changes of, claiming what is proved."""
    return {
        "exact": about_diagonal(*steps("direct-path-max-diff", EXACT, CHORD, GAPS)),
        "svd": scored(SVD),
        "recursive": scored(RECURSIVE),
        "gap-at-its-limit": gapped((0, 2, 1), 3),
        **{name: false_formula(name, 12) for name in COUNTEREXAMPLES},
        "count": counted_with_one_token_too_many(8),
        "cross-term": dropped_cross_term(4),
    }


def attacks() -> Iterator[tuple[str, str, bytes]]:
    """(reason code, name, bytes)."""
    for label, place in (("", (1, 2, 1)), ("-unused-cell", (2, 0, 1)), ("-c-0", (2, 2, 0))):
        for name, gap in (("0", 0), ("negative", -1), ("most-negative", -(2**63)), ("above-the-vocabulary", 4)):
            yield "bad-hint", f"gap-{name}{label}", gapped(place, gap)
    yield "bad-hint", "gaps-all-minus-2", about_diagonal(*steps("direct-path-max-diff", EXACT, CHORD, GAPS - 3), correct=9)
    shapes: dict[str, Any] = {
        "without-n-ctx": GAPS[:, :, 0],
        "axes-in-another-order": np.ascontiguousarray(GAPS.transpose(2, 0, 1)),
        "one-query-too-few": GAPS[1:],
        "floats": GAPS.astype("<f8"),
    }
    for name, gaps in shapes.items():
        yield "bad-hint", f"gaps-{name}", about_diagonal(*steps("direct-path-max-diff", EXACT, CHORD, gaps))
    for rule in (SVD, RECURSIVE):
        for name, value in hints(rule).items():
            label = f"{rule.removeprefix('qk-error-')}-{name.replace('_', '-').lower()}"
            if name != "tau":
                yield "bad-hint", f"{label}-zero", scored(rule, **{name: np.zeros_like(value)})
            yield "bad-hint", f"{label}-too-long", scored(rule, **{name: np.append(value, 1.0)})
            yield "bad-hint", f"{label}-f32", scored(rule, **{name: value.astype("<f4")})
    for name, tau in (("one-ulp-too-small", np.nextafter(2.0, 0.0)), ("zero", 0.0), ("negative", -3.0)):
        yield "bad-hint", f"svd-tau-{name}", scored(SVD, tau=np.array([tau]))
    for direct, names in (("direct-path-svd-query+max-diff", ("too-short", "f32")), ("direct-path-max-diff", ("for-a-rule-without",))):
        for name in names:
            direction = {"too-short": np.ones(2), "f32": np.ones(3, dtype="<f4")}.get(name, np.ones(3))
            yield "bad-hint", f"direction-{name}", about_diagonal(*steps(direct, EXACT, CHORD, GAPS, direction=direction))
    for name in COUNTEREXAMPLES:
        yield "not-proved", f"published-formula-claims-15-{name.rsplit('-', 1)[1]}", false_formula(name, 15)
    yield "not-proved", "count-with-one-token-too-many", counted_with_one_token_too_many(9)
    yield "not-proved", "dropped-cross-term", dropped_cross_term(16)
    good = steps("direct-path-max-diff", EXACT, CHORD, GAPS)
    swapped = Step("classes", CHORD, ("tables", "scores", "attention"))
    used = Step("attention", "attention-bounds", ("tables", "direct"), {"gaps": GAPS})
    yield "wrong-premise", "margin-scores-for-direct-path", about_diagonal(*good[:1], *good[2:4], swapped, *good[5:])
    yield "wrong-premise", "attention-direct-path-for-scores", about_diagonal(good[0], good[1], used, *good[4:])
    yield "no-conclusion", "ends-with-attention-bounds", about_diagonal(good[0], good[2], good[3])
    yield (
        "unused-step",
        "scores-that-nothing-uses",
        about_diagonal(*good[:3], Step("more", RECURSIVE, ("tables",), hints(RECURSIVE)), *good[3:]),
    )
