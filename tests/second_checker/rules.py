"""Every rule by name: kinds of premises, hints, replay, and whether it is about every network and task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.second_checker import rules_direct_path as direct
from tests.second_checker import rules_margin as margin
from tests.second_checker import rules_qk_error as qk
from tests.second_checker.facts import (
    AttentionBounds,
    DirectPathBound,
    FloatTables,
    LogitTables,
    ProvedBlocks,
    ProvedClasses,
    ProvedCount,
    ScoreApproximation,
    Tables,
)
from tests.second_checker.hints import Hint
from tests.second_checker.rules_attention import attention_bounds
from tests.second_checker.rules_centred import CentredTables, centred_expansion
from tests.second_checker.rules_counts import count_classes, sum_blocks
from tests.second_checker.rules_cubic import cubic
from tests.second_checker.rules_enumeration import enumeration
from tests.second_checker.rules_evaluation import evaluation
from tests.second_checker.rules_floats import float_tables
from tests.second_checker.rules_grouped_queries import grouped_queries
from tests.second_checker.rules_losses import LossBlocks, LossSum, evaluation_losses, loss_boxes, sum_losses
from tests.second_checker.rules_rival_tree import rival_tree
from tests.second_checker.rules_separable_counting import separable_counting
from tests.second_checker.rules_separable_early_maximum import separable_early_maximum
from tests.second_checker.rules_separable_enumeration import separable_enumeration
from tests.second_checker.rules_separable_minimum import separable_minimum
from tests.second_checker.rules_separable_partition import separable_partition
from tests.second_checker.rules_shared_windows import shared_windows
from tests.second_checker.rules_stages import float_stages
from tests.second_checker.rules_tables import path_expansion
from tests.second_checker.rules_windows import separable_windows
from tests.second_checker.rules_windows_exact import separable_windows_exact


@dataclass(frozen=True)
class Rule:
    """replay(context, *premises, **hints) gives a fact of the named type. premises: fact types in order; more: the last one may repeat.

    general: about every network and task; the others are about `attention-only-one-layer-one-head` and `max-of-k`.
    """

    replay: Callable[..., object]
    fact: type
    premises: tuple[type, ...] = ()
    more: bool = False
    hints: dict[str, Hint] = field(default_factory=dict)
    general: bool = False


VOCABULARY = Hint(("f64",), ("d",))
MODEL = Hint(("f64",), ("D",))
TWO_DIRECTIONS = {"query_direction": VOCABULARY, "key_direction": VOCABULARY}
SIX_DIRECTIONS = {
    **TWO_DIRECTIONS,
    "second_query_direction": VOCABULARY,
    "second_key_direction": VOCABULARY,
    "W_Q_direction": MODEL,
    "W_K_direction": MODEL,
}
GAPS = {"gaps": Hint(("i64",), ("d", "d", "n"))}
DIRECT_PATHS = {
    "global-max-diff-exact": Rule(direct.global_max_diff_exact, DirectPathBound, (Tables,)),
    "max-diff-exact": Rule(direct.max_diff_exact, DirectPathBound, (Tables,)),
    "max-diff": Rule(direct.max_diff, DirectPathBound, (Tables,)),
    "mean-query+max-diff": Rule(direct.mean_query_max_diff, DirectPathBound, (Tables,)),
    "svd-query+max-diff": Rule(direct.svd_query_max_diff, DirectPathBound, (Tables,), hints={"direction": MODEL}),
}
QK_ERRORS: dict[str, tuple[Callable[..., ScoreApproximation], dict[str, Hint]]] = {
    "exact-EQKE+max-diff-exact": (qk.exact_EQKE, {}),
    "svd": (qk.svd, {**TWO_DIRECTIONS, "tau": Hint(("f64",), ("1",))}),
    "max-diff": (qk.max_diff, TWO_DIRECTIONS),
    "mean+max-diff": (qk.mean_max_diff, TWO_DIRECTIONS),
    "max-diff-exact": (qk.max_diff_exact, TWO_DIRECTIONS),
    "max-diff-subproduct": (qk.max_diff_subproduct, SIX_DIRECTIONS),
    "mean+max-diff-subproduct": (qk.mean_max_diff_subproduct, SIX_DIRECTIONS),
    "max-diff-subproduct-recursive": (qk.max_diff_subproduct_recursive, SIX_DIRECTIONS),
    "mean+max-diff-subproduct-recursive": (qk.mean_max_diff_subproduct_recursive, SIX_DIRECTIONS),
    "mean-recursive+max-diff-subproduct-recursive": (qk.mean_recursive_max_diff_subproduct_recursive, SIX_DIRECTIONS),
}
MARGINS = {
    "drop-average-query-per-output-logit-reasoning": margin.drop_average_query,
    "mean-query+diff": margin.mean_query_diff,
}
BLOCKS = Hint(("i64",), (None, "2"))
ADDITIONS = Hint(most=2**60)
TRIPLES = Hint(("i64",), (None, "3"))
SEPARABLE = {
    "minimum": (separable_minimum, {"refined": Hint(most=2**40)}),
    "early-maximum": (separable_early_maximum, {"blocks": TRIPLES, "additions": ADDITIONS}),
    "counting": (separable_counting, {"blocks": TRIPLES, "groups": TRIPLES, "additions": ADDITIONS}),
    "enumeration": (separable_enumeration, {"blocks": BLOCKS, "expansions": Hint(most=2**48)}),
    "partition": (separable_partition, {"blocks": BLOCKS, "nodes": Hint(("i64",), (None,))}),
}
PAIRS = Hint(("i64",), (None, "2"))
LISTS = Hint(("i64",), (None, None))
MEANS = {"direct_mean": MODEL, "position_mean": MODEL}
BOUNDED = {"first": Hint(("i64",), ("d",)), "direction": MODEL, "coefficients": VOCABULARY}
WINDOWS = {"boundaries": PAIRS, "rivals": PAIRS, "blocks": TRIPLES, "top_EV": LISTS, "top_EU": LISTS, "top_PV": LISTS}
SHEETS = {"max_tokens": Hint(("i64",), (None,)), "boundaries": PAIRS, "rivals": PAIRS, "groups": TRIPLES, "blocks": PAIRS}
SHEETS |= {"top_EV": LISTS, "top_EU": LISTS, "top_PV": LISTS}
SHARED = SHEETS | {"classes": Hint(("i64",), (None,)), "bins": TRIPLES}
GROUPED = MEANS | {"base": MODEL, "centre": MODEL, "directions": Hint(("f64",), (None, "D")), "coefficients": Hint(("f64",), ("d", None))}
GROUPED |= {"labels": Hint(("i64",), ("d",)), **WINDOWS}
TREE = {name: hint for name, hint in GROUPED.items() if name not in ("top_EV", "top_EU")}
TREE |= {"basis": Hint(("f64",), ("D", None)), "order": Hint(("i64",), ("d",)), "ranges": PAIRS, "column_centre": MODEL}
TREE |= {"group_means": Hint(("f64",), (None, "D")), "top_direct": LISTS}
LOSS_BOXES = {"cells": Hint(("i64",), ("d", "d")), "classes": Hint(("i64",), ("d", "n")), "levels": Hint(("f64",), ("d", None, "d"))}
LOSS_BOXES |= {"below": Hint(most=1)}
RULES: dict[str, Rule] = {
    "path-expansion": Rule(path_expansion, Tables),
    "evaluation": Rule(evaluation, ProvedBlocks, general=True),
    "evaluation-losses": Rule(evaluation_losses, LossBlocks, general=True),
    "loss-boxes": Rule(loss_boxes, LossBlocks, (Tables,), hints=LOSS_BOXES),
    "sum-losses": Rule(sum_losses, LossSum, (LossBlocks,), more=True, general=True),
    "float-tables": Rule(float_tables, FloatTables, (Tables,)),
    "float-stages": Rule(float_stages, FloatTables, (Tables,)),
    "enumeration": Rule(enumeration, ProvedBlocks, (LogitTables,)),
    "cubic": Rule(cubic, ProvedClasses, (Tables,)),
    "count-classes": Rule(count_classes, ProvedBlocks, (ProvedClasses,)),
    "sum-blocks": Rule(sum_blocks, ProvedCount, (ProvedBlocks,), more=True, general=True),
    **{f"direct-path-{name}": rule for name, rule in DIRECT_PATHS.items()},
    **{f"qk-error-{name}": Rule(replay, ScoreApproximation, (Tables,), hints=hints) for name, (replay, hints) in QK_ERRORS.items()},
    "attention-bounds": Rule(attention_bounds, AttentionBounds, (Tables, ScoreApproximation), hints=GAPS),
    **{f"margin-{name}": Rule(replay, ProvedClasses, (Tables, DirectPathBound, AttentionBounds)) for name, replay in MARGINS.items()},
    **{f"separable-{name}": Rule(replay, ProvedBlocks, (LogitTables,), hints=hints) for name, (replay, hints) in SEPARABLE.items()},
    "centred-expansion": Rule(centred_expansion, CentredTables, hints=MEANS | BOUNDED),
    "separable-windows": Rule(separable_windows, ProvedBlocks, (CentredTables,), hints=WINDOWS | {"additions": ADDITIONS}),
    "grouped-queries": Rule(grouped_queries, ProvedBlocks, hints=GROUPED | {"additions": ADDITIONS}),
    "rival-tree": Rule(rival_tree, ProvedBlocks, hints=TREE | {"additions": ADDITIONS, "exact_direct": Hint(most=1)}),
    "separable-windows-exact": Rule(
        separable_windows_exact, ProvedBlocks, (CentredTables,), hints=SHEETS | {"expansions": Hint(most=2**48)}
    ),
    "shared-windows": Rule(shared_windows, ProvedBlocks, (CentredTables,), hints=SHARED | {"additions": ADDITIONS}),
}

NO_ANSWERS = ("path-expansion", "centred-expansion", "attention-bounds", "count-classes", "sum-blocks")
PREFIXES = ("direct-path-", "qk-error-")
OF_FLOATS = ("evaluation", "float-tables", "float-stages", "enumeration", *(f"separable-{name}" for name in SEPARABLE))
OF_LOSSES = ("evaluation-losses", "sum-losses")


def covers(rule: str, floats: bool, margin: bool) -> bool:
    """Whether the rule's theorem is about that reading: docs/readings.md."""
    if rule in NO_ANSWERS or rule.startswith(PREFIXES):
        return True
    if floats:
        return rule in OF_FLOATS
    return rule not in ("float-tables", "float-stages") and not (margin and ("loss" in rule or rule == "shared-windows"))
