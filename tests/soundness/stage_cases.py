"""Evaluations in stages that conform to docs/semantics-float.md and hurt: every rounding goes where it takes most from one margin.

Written from that page, without proofcheck, in float64, whose own error is 10^-9 of what is looked for. A rounding is a number in [−1, 1]
times its bound. They start at random; then each is set against its derivative, again and again: what is found is an evaluation that
conforms, near the worst one.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import torch
from soundness.float_cases import parts
from soundness.small_models import Shape, Tensors, random_model, trained_like

U32 = 2.0**-24
Tensor = torch.Tensor


@dataclass(frozen=True)
class Short:
    """u, η, and which results are rounded, as the page's table has them."""

    u: float
    eta: float
    results: bool = False
    residual: bool = False


SHORT = {
    "binary32-stages": Short(0.0, 0.0),
    "tf32": Short(2.0**-10, 2.0**-126),
    "tf32-nearest": Short(2.0**-11, 2.0**-126),
    "bfloat16-autocast": Short(2.0**-8, 2.0**-126, True),
    "bfloat16": Short(2.0**-8, 2.0**-126, True, True),
    "binary16-autocast": Short(2.0**-11, 2.0**-24, True),
    "binary16": Short(2.0**-11, 2.0**-24, True, True),
}


@dataclass(frozen=True)
class StagesRun:
    """A claim's assumptions."""

    format: str
    roundings: int = 64
    tau: float = 2.0**-13
    kappa: int = 8

    @property
    def short(self) -> Short:
        return SHORT[self.format]


class Choices:
    """Numbers in [−1, 1], by place; the first look at a place makes them."""

    def __init__(self, seed: int) -> None:
        self.made: dict[str, Tensor] = {}
        self.generator = torch.Generator().manual_seed(seed)

    def at(self, place: str, like: Tensor) -> Tensor:
        if place not in self.made:
            start = torch.rand(like.shape, generator=self.generator, dtype=torch.float64) * 2 - 1
            self.made[place] = start.requires_grad_()
        return self.made[place]

    def step(self, margins: Tensor, keep: float) -> None:
        """Against the derivative; a share `keep` of the choices stays as it was."""
        found = torch.autograd.grad(margins.sum(), list(self.made.values()), allow_unused=True)
        for (place, old), slope in zip(list(self.made.items()), found, strict=True):
            if slope is None:
                continue
            stays = torch.rand(old.shape, generator=self.generator, dtype=torch.float64) < keep
            self.made[place] = torch.where(stays | (slope == 0), old.detach(), -slope.sign()).requires_grad_()


class Evaluation:
    """One evaluation for each row: sequences x [B, n]. fused: as fused attention, divided last; q scaled if that conforms."""

    def __init__(self, tensors: Tensors, run: StagesRun, x: np.ndarray[Any, Any], seed: int = 0, *, fused: bool = False) -> None:
        self.fused = fused
        self.w = {name: torch.from_numpy(np.array(array, dtype=np.float64)) for name, array in parts(tensors).items()}
        self.run, self.short, self.x, self.choices = run, run.short, torch.from_numpy(x), Choices(seed)
        self.gamma = float(np.expm1(run.roundings * np.log1p(U32))) * (1 - 2.0**-20)

    def rounded(self, place: str, y: Tensor, active: bool = True) -> Tensor:
        """To the short format."""
        if not active or not self.short.u:
            return y
        return y * (1 + self.short.u * self.choices.at(f"{place} d", y)) + self.short.eta * self.choices.at(f"{place} h", y)

    def summed(self, place: str, terms: Tensor) -> Tensor:
        """Of the last axis, each term rounded N times."""
        return (terms * (1 + self.gamma * self.choices.at(f"{place} sum", terms))).sum(-1)

    def weight(self, name: str, rows: int, active: bool = True) -> Tensor:
        """A tensor for each row of the batch, rounded once."""
        W = self.w[name]
        return self.rounded(name, W[None].expand(rows, *W.shape).contiguous(), active)

    def times(self, place: str, x: Tensor, W: str, b: str, stored: bool, last: bool) -> Tensor:
        """x [B, …, a] times W [a, c] with the bias; stored: the product is rounded before the bias; last: the result is."""
        M = self.weight(W, len(x))  # [B, a, c]
        shape = (len(x), *(1,) * (x.dim() - 2), *M.shape[1:])
        y = self.summed(place, (x.unsqueeze(-1) * M.reshape(shape)).transpose(-1, -2))
        if bool(self.w[b].any()):
            y = self.rounded(f"{place} product", y, stored)
            bias = self.weight(b, len(x), self.short.results)
            y = self.summed(f"{place} bias", torch.stack(torch.broadcast_tensors(y, bias.reshape(len(x), *(1,) * (y.dim() - 2), -1)), -1))
        return self.rounded(place, y, last)

    def logits(self) -> Tensor:
        w, short, x, rows = self.w, self.short, self.x, len(self.x)
        n, H = x.shape[1], w["W_Q"].shape[1]
        E, P = self.weight("W_E", rows, short.residual), self.weight("W_pos", rows, short.residual)
        r = self.summed("r", torch.stack([E[torch.arange(rows)[:, None], x], P], -1))  # [B, n, D]
        stored = self.rounded("r", r)
        before = self.fused and not short.results  # the scale
        q = self.times("q", stored[:, -1], "W_Q", "b_Q", short.results, not before)
        q = self.rounded("q scaled", q / H**0.5) if before else q
        k = self.times("k", self.rounded("r", r), "W_K", "b_K", short.results, True)
        v = self.times("v", self.rounded("r of v", r), "W_V", "b_V", short.results, True)
        s = self.rounded("products", self.summed("scores", q[:, None] * k), short.results)
        s = (
            s
            if before
            else self.rounded("scaled", s / H**0.5 * (1 + self.gamma * self.choices.at("scale", s) * short.results), short.results)
        )
        s = s - s.max(dim=1, keepdim=True).values
        off = (self.run.tau + self.run.kappa * U32 * s.abs()) * self.choices.at("exponentials", s)
        raw = torch.exp(s + off)
        total = raw.sum(1, keepdim=True)
        p = self.rounded("p", raw if self.fused else raw / total)
        z = self.summed("mix", (p[:, :, None] * v).transpose(1, 2))
        z = self.rounded("z", z / total if self.fused else z)
        out = self.times("out", z, "W_O", "b_O", short.results, short.results)
        last = (stored if short.residual else r)[:, -1]
        final = self.rounded("sum", self.summed("residual", torch.stack([last, out], -1)))
        assert n == p.shape[1]
        return self.times("logits", final, "W_U", "b_U", short.results, short.results)


def worst_margins(
    tensors: Tensors, run: StagesRun, x: np.ndarray[Any, Any], rivals: np.ndarray[Any, Any], steps: int = 4, *, fused: bool = False
) -> Tensor:
    """The least margin max(x) against rival that was found for each row."""
    answers = torch.from_numpy(x.max(axis=1))
    evaluation, least = Evaluation(tensors, run, x, fused=fused), torch.full((len(x),), np.inf, dtype=torch.float64)
    rows = torch.arange(len(x))
    for step in range(steps):
        logits = evaluation.logits()
        margins = logits[rows, answers] - logits[rows, torch.from_numpy(rivals)]
        least = torch.minimum(least, margins.detach())
        if step < steps - 1:
            evaluation.choices.step(margins, 0.3 if step == steps - 2 else 0.0)
    return least


def pairs(shape: Shape) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Every sequence with every rival."""
    found = [(x, j) for x in product(range(shape.d_vocab), repeat=shape.n_ctx) for j in range(shape.d_vocab) if j != max(x)]
    return np.array([x for x, _ in found]), np.array([j for _, j in found])


def exact_margins(tensors: Tensors, x: np.ndarray[Any, Any], rivals: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Over the reals."""
    return worst_margins(tensors, StagesRun("binary32-stages", 0, 0.0, 0), x, rivals, 1).numpy()


def near_stage_ties(k: int, run: StagesRun) -> tuple[Shape, Tensors]:
    """A network in which the margin of some sequence is near what the roundings of the format may change."""
    rng = np.random.default_rng(k)
    shape = Shape(int(rng.integers(1, 4)), int(rng.integers(2, 5)))
    made = trained_like if k % 2 else random_model
    tensors = made(shape, k, biases=bool(k % 3), dtype="<f4")
    if k % 7 == 3:  # binary16 underflows
        for name in ("blocks.0.attn.W_O", "unembed.W_U"):
            tensors[name] = (tensors[name] * 2.0 ** -int(rng.integers(4, 12))).astype("<f4")
    if k % 5 == 3:
        tensors["blocks.0.attn.W_K"] *= np.float32(rng.choice([3.0, 8.0]))
    if k % 11 == 5:  # keys have much in common
        tensors["blocks.0.attn.b_K"] = np.full_like(tensors["blocks.0.attn.W_K"][..., 0, :], 20.0)
    x, rivals = pairs(shape)
    picked = int(rng.integers(len(x)))
    margin = exact_margins(tensors, x[picked : picked + 1], rivals[picked : picked + 1])[0]
    drop = margin - float(worst_margins(tensors, run, x[picked : picked + 1], rivals[picked : picked + 1])[0])
    wanted = float(rng.choice([0.5, 0.95, 1.05, 1.3, 2.0])) * drop
    bias = np.array(tensors.get("unembed.b_U", np.zeros(shape.d_vocab, dtype="<f4")))
    bias[rivals[picked]] += np.float32(margin - wanted)
    tensors["unembed.b_U"] = bias
    return shape, {name: np.ascontiguousarray(array.astype("<f4")) for name, array in tensors.items()}
