"""The 100 published sub-cubic strategies: 5 direct paths × 2 attention handlings × 10 QK errors, as steps with searched hints.

Published names: `EUPU-<direct path>--attn-<attention handling>--attn-err-<QK error>`. Ours: `subcubic--<direct path>--<attention
handling>--<QK error>`, the same three words. `mean-query+diff` is the sound chord form of the published formula.
"""

from __future__ import annotations

from functools import cache, lru_cache, partial
from itertools import product

import numpy as np
import torch

from proofcheck import Step
from proofcheck.report import decimal
from strategies.max_of_k.strategy import Problem, Proposal, Strategy
from strategies.max_of_k.subcubic_bounds import DIRECT_PATHS, QK_ERRORS, SVD_ERRORS, direct_bound, qk_scores
from strategies.max_of_k.subcubic_directions import direct_direction, qk_directions
from strategies.max_of_k.subcubic_search import Found, Shared, attentions, direct_lines, search
from strategies.max_of_k.subcubic_tuning import tuned

DROP = "drop-average-query-per-output-logit-reasoning"
MEAN = "mean-query+diff"
ATTENTION_HANDLINGS = (DROP, MEAN)
TOGETHER = 1 << 16  # entries of a gap table up to which the five direct paths are searched together
MARGIN_RULES = {DROP: f"margin-{DROP}", MEAN: f"margin-{MEAN}"}


class Searches:
    """What the 100 strategies of one model share: tables, directions, direct bounds, QK scores, and each search once."""

    def __init__(self, problem: Problem) -> None:
        self.model = problem.model
        self.shared = Shared(self.model)
        start = qk_directions(self.model)
        self.directions = cache(lambda name: tuned(self.model, name, start))
        self.direct_direction = direct_direction(self.model)
        self.direct = cache(lambda name: direct_bound(self.model, name, self.direct_direction))
        self.scores = cache(lambda name: qk_scores(self.model, name, self.directions(name)))
        self.lines = cache(lambda name, attention: direct_lines(self.shared, self.direct(name), chord=attention == MEAN))
        self.attentions = cache(lambda name: attentions(self.shared, self.scores(name)))
        self.together = cache(lambda attention, error: dict(zip(DIRECT_PATHS, self._search(DIRECT_PATHS, attention, error), strict=True)))

    def find(self, direct: str, attention: str, error: str) -> Found:
        """The gap table of one strategy."""
        if self.model.d_vocab**2 * self.model.n_ctx <= TOGETHER:
            return self.together(attention, error)[direct]
        return self._search((direct,), attention, error)[0]

    def _search(self, directs: tuple[str, ...], attention: str, error: str) -> list[Found]:
        return search(self.shared, [self.lines(name, attention) for name in directs], self.attentions(error))


@lru_cache(maxsize=1)
def searches(problem: Problem) -> Searches:
    """The shared searches of the model worked on last."""
    return Searches(problem)


def propose(problem: Problem, *, direct: str, attention: str, error: str) -> Proposal:
    """Steps of one strategy; the bound is what float64 believes."""
    shared = searches(problem)
    found = shared.find(direct, attention, error)
    direct_hints = {"direction": _hint(shared.direct_direction)} if direct.startswith("svd") else {}
    steps = (
        Step("tables", "path-expansion"),
        Step("direct", f"direct-path-{direct}", ("tables",), direct_hints),
        Step("qk", f"qk-error-{error}", ("tables",), qk_hints(shared, error)),
        Step("attention", "attention-bounds", ("tables", "qk"), {"gaps": _hint(found.gaps)}),
        Step("classes", MARGIN_RULES[attention], ("tables", "direct", "attention")),
        Step("blocks", "count-classes", ("classes",)),
        Step("count", "sum-blocks", ("blocks",)),
    )
    total = problem.dimensions.d_vocab**problem.dimensions.n_ctx
    return Proposal(steps, decimal(found.correct, total), found.correct)


def qk_hints(shared: Searches, error: str) -> dict[str, np.ndarray]:
    """The hints of the rule `qk-error-<error>`."""
    if error.startswith("exact"):
        return {}
    directions = shared.directions(error)
    hints = {"query_direction": directions.query, "key_direction": directions.key}
    if error == "svd":
        hints["tau"] = torch.tensor([shared.scores(error).tau], dtype=torch.float64)
    if error not in SVD_ERRORS:
        hints["second_query_direction"] = directions.second_query
        hints["second_key_direction"] = directions.second_key
        hints["W_Q_direction"] = directions.W_Q
        hints["W_K_direction"] = directions.W_K
    return {name: _hint(value) for name, value in hints.items()}


def _hint(values: torch.Tensor) -> np.ndarray:
    return np.asarray(values.contiguous().numpy())


STRATEGIES = tuple(
    Strategy(
        f"subcubic--{direct}--{attention}--{error}",
        "",
        partial(propose, direct=direct, attention=attention, error=error),
        published_name=f"EUPU-{direct}--attn-{attention}--attn-err-{error}",
    )
    for direct, attention, error in product(DIRECT_PATHS, ATTENTION_HANDLINGS, QK_ERRORS)
)
