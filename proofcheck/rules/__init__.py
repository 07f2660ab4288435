"""All rules by name. A new lemma is a new file in the folder of its hypotheses and a line here."""

from types import MappingProxyType

from proofcheck.rules.attention_only import path_expansion
from proofcheck.rules.attention_only.circuits import direct_path, qk_error
from proofcheck.rules.attention_only.floats import float_stages, float_tables
from proofcheck.rules.attention_only.loss import loss_boxes
from proofcheck.rules.attention_only.max_of_k import attention_bounds, count_classes, cubic, margins
from proofcheck.rules.attention_only.separable import (
    enumeration,
    separable_counting,
    separable_early_maximum,
    separable_enumeration,
    separable_minimum,
    separable_partition,
)
from proofcheck.rules.attention_only.windows import (
    centred_expansion,
    grouped_queries,
    rival_tree,
    separable_windows,
    separable_windows_exact,
    shared_windows,
)
from proofcheck.rules.counting import evaluation, evaluation_losses, sum_blocks, sum_losses
from proofcheck.rules.rule import Rule

RULES: MappingProxyType[str, Rule] = MappingProxyType(
    {
        rule.name: rule
        for rule in (
            path_expansion.RULE,
            float_tables.RULE,
            float_stages.RULE,
            evaluation.RULE,
            enumeration.RULE,
            separable_enumeration.RULE,
            separable_minimum.RULE,
            separable_early_maximum.RULE,
            separable_counting.RULE,
            separable_partition.RULE,
            centred_expansion.RULE,
            separable_windows.RULE,
            separable_windows_exact.RULE,
            shared_windows.RULE,
            grouped_queries.RULE,
            rival_tree.RULE,
            cubic.RULE,
            *direct_path.RULES,
            *qk_error.RULES,
            attention_bounds.RULE,
            *margins.RULES,
            count_classes.RULE,
            sum_blocks.RULE,
            evaluation_losses.RULE,
            loss_boxes.RULE,
            sum_losses.RULE,
        )
    }
)

__all__ = ["RULES", "Rule"]
