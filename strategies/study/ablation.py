"""The 32 ablations of the published study as networks of their own, with exact counts by the checker.

Paths: EU (direct path), EQKE and EQKP (scores from the key's token and from its position), EVOU and PVOU (values likewise). An ablated
path is zero. A network of four times the width keeps the embeddings for the direct path, queries, keys and values in blocks of their own,
so that any set of paths is removed by writing zeros into its block; no number is rounded, and the other paths are the same exactly.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields
from itertools import product
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from proofcheck import Checker, Verdict
from strategies.emit import draft
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem
from strategies.models.load import STATE_DICT_NAMES, Model, load

PATHS = ("EU", "EQKE", "EQKP", "EVOU", "PVOU")
ABLATIONS = tuple(tuple(p for p, off in zip(PATHS, choice, strict=True) if off) for choice in product((False, True), repeat=len(PATHS)))


@dataclass(frozen=True, slots=True)
class Row:
    """ablated: the paths that are zero, joined by "+". right + wrong + undecided = total; a tie is never right."""

    model: str
    ablated: str
    right: int
    wrong: int
    undecided: int
    total: int


COLUMNS = tuple(field.name for field in fields(Row))


def ablated(model: Model, without: Collection[str]) -> dict[str, torch.Tensor]:
    """The state dict of the network without some paths. Biases must be 0."""
    D = model.d_model
    zero = torch.zeros_like
    on = {path: 0.0 if path in without else 1.0 for path in PATHS}
    E, P = model.W_E, model.W_pos
    tensors = {
        "W_E": torch.cat([on["EU"] * E, E, on["EQKE"] * E, on["EVOU"] * E], 1),
        "W_pos": torch.cat([on["EU"] * P, P, on["EQKP"] * P, on["PVOU"] * P], 1),
        "W_Q": torch.cat([zero(model.W_Q), model.W_Q, zero(model.W_Q), zero(model.W_Q)])[None],
        "W_K": torch.cat([zero(model.W_K), zero(model.W_K), model.W_K, zero(model.W_K)])[None],
        "W_V": torch.cat([zero(model.W_V), zero(model.W_V), zero(model.W_V), model.W_V])[None],
        "W_O": torch.cat([model.W_O, *[zero(model.W_O)] * 3], 1)[None],
        "W_U": torch.cat([model.W_U, torch.zeros(3 * D, model.W_U.shape[1], dtype=model.W_U.dtype)]),
    }
    return {STATE_DICT_NAMES[name]: tensor.contiguous() for name, tensor in tensors.items()}


def ablations(file: Path) -> Iterator[Row]:
    """The 32 rows of one network, each proved by exhaustive evaluation. Raises RuntimeError if a certificate is refused.

    Without values (EVOU and PVOU) attention changes nothing, so the four such networks with one direct path share a count.
    """
    model, dtype = load(file), next(iter(load_file(file).values())).dtype
    checker, known = Checker(), {}
    for without in ABLATIONS:
        same = without
        if "EVOU" in without and "PVOU" in without:
            same = tuple(path for path in without if not path.startswith("EQK"))
        if same not in known:
            known[same] = _count(checker, ablated(model, same), dtype)
        yield Row(file.stem, "+".join(without), *known[same])


def _count(checker: Checker, tensors: dict[str, torch.Tensor], dtype: torch.dtype) -> tuple[int, int, int, int]:
    """(right, wrong, undecided, total)."""
    with tempfile.TemporaryDirectory(prefix="proofcheck-") as folder:
        file = Path(folder) / "ablated.safetensors"
        save_file({name: tensor.to(dtype) for name, tensor in tensors.items()}, file)
        certificate = draft(Problem(file), STRATEGIES["brute-force"], file)
        report = checker.verify(certificate.claiming(correct=0), model=file)
    if report.verdict is not Verdict.VERIFIED:
        raise RuntimeError(report.line())
    return report.proved, report.wrong, report.undecided, report.total
