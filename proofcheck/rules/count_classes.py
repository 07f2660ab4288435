"""Rule `count-classes`: from proved classes to proved blocks."""

from __future__ import annotations

from typing import Any

from proofcheck.models import Dimensions
from proofcheck.rules.facts import ProvedBlocks, ProvedClasses
from proofcheck.rules.rule import Context, Hints, Rule


def count_classes(context: Context, premises: tuple[Any, ...], hints: Hints) -> ProvedBlocks:
    """Theorem (counting classes). counts[q][m] = Σ_{p : choices[q][m][p] ≥ 0} C(n−1, p) · choices[q][m][p]^p   (0^0 = 1).

    Hypotheses: premise 0 is `ProvedClasses`. Hints: none.
    Proof: fix (q, m). For each p a sequence of the class is a choice of which p of the n − 1 non-query positions hold non-max tokens,
    and of a token of the set K for each; K does not contain m, so different choices and different p give different sequences. All are
    correct.  ∎
    Cost: 3·n·d². Source: Gross et al. 2024 (both published proofs count so; the sub-cubic one with one choice fewer).
    """
    (facts,) = premises
    return ProvedBlocks(_counts(context, facts.choices), published=_published(context, facts))


def _counts(context: Context, choices: tuple[tuple[tuple[int, ...], ...], ...]) -> tuple[tuple[int, ...], ...]:
    task = context.task
    return tuple(tuple(sum(task.class_size(p, size) for p, size in enumerate(cells) if size >= 0) for cells in row) for row in choices)


def _published(context: Context, facts: ProvedClasses) -> int:
    if facts.published_choices is None:
        return 0
    return sum(sum(row) for row in _counts(context, facts.published_choices))


def _operations(dimensions: Dimensions, hints: Hints) -> int:
    return 3 * dimensions.n_ctx * dimensions.d_vocab**2


RULE = Rule(name="count-classes", apply=count_classes, premises=(ProvedClasses,), operations=_operations, singles=_operations)
