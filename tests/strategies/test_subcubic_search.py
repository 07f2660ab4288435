"""The search: what it believes is what the checker proves, and no gap table counts more."""

from __future__ import annotations

import math
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from soundness.small_models import Shape, trained_like

import proofcheck
from proofcheck import Verdict
from strategies.emit import draft
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem
from strategies.max_of_k.subcubic import ATTENTION_HANDLINGS, DROP, MEAN, Searches, searches
from strategies.max_of_k.subcubic_bounds import DIRECT_PATHS, QK_ERRORS, SVD_ERRORS, direct_bound, qk_scores
from strategies.max_of_k.subcubic_directions import GRID_BITS, direct_direction, embeddings, qk_directions
from strategies.max_of_k.subcubic_search import Shared, attentions, count_classes, direct_lines, search
from strategies.models.load import Model, from_state_dict

MODELS = Path(__file__).parents[2] / "certificates" / "models"
TINY = Problem(MODELS / "max-of-3-d-vocab-16-seed-0.safetensors")
BIASES = Problem(MODELS / "max-of-4-seed-123-biases.safetensors")
CASES = [
    (3, 1.5, "mean-query+max-diff", "max-diff-subproduct"),
    (3, 2.0, "max-diff-exact", "exact-EQKE+max-diff-exact"),
    (1, 3.0, "max-diff-exact", "max-diff"),
    (3, 2.5, "mean-query+max-diff", "svd"),
    (0, 6.0, "global-max-diff-exact", "mean+max-diff-subproduct"),
]
AXES = [(DIRECT_PATHS[k % 5], ATTENTION_HANDLINGS[k % 2], error) for k, error in enumerate(QK_ERRORS)]


@pytest.fixture(scope="module")
def shared() -> Searches:
    return searches(TINY)


def small_model(seed: int, gain: float) -> Model:
    """A noisy hand-made network of 3 positions and 5 tokens."""
    tensors = trained_like(Shape(n_ctx=3, d_vocab=5, d_model=4, d_head=3), seed, gain=gain)
    return from_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})


@pytest.mark.parametrize(("direct", "attention", "error"), AXES)
def test_the_checker_proves_exactly_what_the_search_believes(direct: str, attention: str, error: str) -> None:
    certificate = draft(TINY, STRATEGIES[f"subcubic--{direct}--{attention}--{error}"], TINY.path)
    report = proofcheck.verify(certificate, model=TINY.path)
    assert report.verdict is Verdict.VERIFIED
    assert report.proved == report.claimed > 0


@pytest.mark.parametrize("attention", ATTENTION_HANDLINGS)
def test_biases_are_searched_as_they_are_checked(attention: str) -> None:
    strategy = STRATEGIES[f"subcubic--mean-query+max-diff--{attention}--exact-EQKE+max-diff-exact"]
    report = proofcheck.verify(draft(BIASES, strategy, BIASES.path), model=BIASES.path)
    assert report.verdict is Verdict.VERIFIED
    assert report.proved == report.claimed > 64


class Cells:
    """Theorems S1-S4 for one model, one cell at a time and without log-odds: an independent reading to compare the search with."""

    def __init__(self, model: Model, direct: str, error: str) -> None:
        self.model, self.shared = model, Shared(model)
        self.M, self.g = direct_bound(model, direct, direct_direction(model))
        self.scores = qk_scores(model, error, qk_directions(model))
        E_q, _ = embeddings(model)
        self.EQKP = E_q @ model.W_Q @ (model.W_pos @ model.W_K).T

    def attention(self, q: int, m: int, c: int, gap: int) -> tuple[float, float]:
        """Bounds on the attention paid to m."""
        s, n = math.sqrt(self.model.d_head), self.model.n_ctx
        row, error = self.scores.S[q], float(self.scores.error[q])
        others = sorted(float(e) for e in self.EQKP[q, :-1])
        own = float(self.EQKP[q, -1])
        bounds = []
        for sign, order, rival in ((-1, others, row[: m - gap + 1].max()), (1, others[::-1], row[: m - gap + 1].min())):
            copies = n - c - (q == m)
            held = order[:copies] + [own] * (q == m)
            rest = order[copies:] + [own] * (q != m)
            top = sum(math.exp((e + float(row[m]) + sign * error - float(rival)) / s) for e in held)
            bottom = sum(math.exp(e / s) for e in rest)
            bounds.append(top / (top + bottom))
        return bounds[0], bounds[1]

    def count(self, gaps: dict[int, int], m: int, c: int, *, chord: bool) -> int:
        """Sequences proved by the cells (q, m, c) with these gaps; a gap above m − q (above m for q = m) excludes the class."""
        model = self.model
        W = max((float(self.shared.W[m - gap]) for gap in [min(gaps.values())] if gap <= m), default=0.0)
        rivals = [x for x in range(model.d_vocab) if x != m]
        L = [float(self.M[x] - self.M[m] + self.shared.PV[m, x]) for x in rivals]
        R = [float(self.shared.R[m, x]) for x in rivals]
        cells = {q: self.attention(q, m, c, gap) for q, gap in gaps.items() if gap <= (m if q == m else m - q)}
        if not cells:
            return 0
        lo, hi = min(low for low, _ in cells.values()), max(high for _, high in cells.values())

        def worst(a: float) -> float:
            if not chord:
                return max(L) + a * max(R) + (1 - a) * W
            ends = [max(base + end * value for base, value in zip(L, R, strict=True)) for end in (lo, hi)]
            return ends[0] + (ends[1] - ends[0]) * (a - lo) / max(hi - lo, 1e-12) + (1 - a) * W

        total = 0
        for q, ends in cells.items():
            p = c - (q != m)
            if max(worst(a) for a in ends) + float(self.g[q]) < 0:
                total += math.comb(model.n_ctx - 1, p) * (m - gaps[q] + 1) ** p
        return total


@pytest.mark.parametrize("chord", [False, True])
@pytest.mark.parametrize(("seed", "gain", "direct", "error"), CASES)
def test_no_gap_table_counts_more(seed: int, gain: float, direct: str, error: str, chord: bool) -> None:
    """All tables of each (m, c) are tried: the search finds the best one (with the chord, one that counts nearly as many)."""
    model = small_model(seed, gain)
    cells = Cells(model, direct, error)
    direct = direct_lines(cells.shared, (cells.M, cells.g), chord=chord)
    (found,) = search(cells.shared, [direct], attentions(cells.shared, cells.scores))
    mine = best = 0
    for m, c in product(range(1, 5), range(1, 3)):
        table = {q: int(found.gaps[q, m, c]) for q in range(m + 1)}
        count = cells.count(table, m, c, chord=chord)
        mine += count
        tables = product(*([*range(1, (m if q == m else m - q) + 1), 5] for q in range(m + 1)))
        most = max(cells.count(dict(enumerate(gaps)), m, c, chord=chord) for gaps in tables)
        assert chord or count == most
        best += most
    assert mine > 0
    assert mine >= 0.95 * best
    assert mine + 5 >= found.correct >= mine  # and the constant sequences


def test_counts_of_gap_tables() -> None:
    """With all gaps 1 the classes with c ≥ 1 are everything but the d constant sequences; the published ceiling is 0.953854."""
    gaps = torch.ones(64, 64, 4, dtype=torch.int64)
    assert count_classes(gaps, 1) + 64 == 64**4
    assert round((count_classes(gaps, 0) + 64) / 64**4, 6) == 0.953854
    assert count_classes(torch.full_like(gaps, 64), 1) == 0


@pytest.mark.parametrize("error", QK_ERRORS[1:])
def test_tuned_directions_are_on_the_grid_and_no_worse(shared: Searches, error: str) -> None:
    start = qk_directions(TINY.model)
    hints = shared.directions(error)
    for name in start.__dataclass_fields__:
        scaled = getattr(hints, name).numpy() * 2.0**GRID_BITS
        assert np.array_equal(scaled, np.round(scaled))
    assert qk_scores(TINY.model, error, hints).error.mean() <= qk_scores(TINY.model, error, start).error.mean()


def test_tau_is_a_close_upper_bound_of_the_third_singular_value(shared: Searches) -> None:
    model = TINY.model
    E_q, Ebar = embeddings(model)
    singular = torch.linalg.svdvals((E_q @ model.W_Q + model.b_Q) @ model.W_K.T @ Ebar.T)
    tau = shared.scores("svd").tau
    assert singular[2] < tau < singular[2] * (1 + 1e-6) + 1e-6


@pytest.mark.parametrize("error", SVD_ERRORS)
def test_errors_bound_every_row_difference(shared: Searches, error: str) -> None:
    scores = shared.scores(error)
    E_q, Ebar = embeddings(TINY.model)
    rest = (E_q @ TINY.model.W_Q + TINY.model.b_Q) @ TINY.model.W_K.T @ Ebar.T - scores.S
    assert bool((rest.amax(1) - rest.amin(1) <= scores.error + 1e-9).all())


def test_the_chord_is_worth_more_than_dropping_the_average(shared: Searches) -> None:
    for direct in DIRECT_PATHS:
        assert shared.find(direct, MEAN, "svd").correct >= shared.find(direct, DROP, "svd").correct


@pytest.mark.parametrize("chord", [False, True])
def test_direct_paths_searched_together_are_those_searched_alone(chord: bool) -> None:
    """For each number of worst lines; tensors are padded where they differ."""
    searches = Searches(TINY)
    attention = MEAN if chord else DROP
    directs = [searches.lines(name, attention) for name in DIRECT_PATHS]
    assert not chord or len({len(lines[0]) for direct in directs for lines in direct.lines}) > 1
    for error in (QK_ERRORS[0], QK_ERRORS[-1]):
        together = search(searches.shared, directs, searches.attentions(error))
        for direct, found in zip(directs, together, strict=True):
            (alone,) = search(searches.shared, [direct], searches.attentions(error))
            assert alone.gaps.equal(found.gaps)
            assert (alone.correct, alone.published) == (found.correct, found.published)
